package import Streaming
internal import WeightCodec

/// One model goes from a sender to a receiver over a modelled line in virtual time.
package struct TransferRun {
  /// What happens besides, at a time in nanoseconds.
  package enum Disturbance: Sendable {
    case senderAborts, receiverAborts
    /// The sender is killed, and another one takes its place.
    case senderRestarts
    /// The receiver's caller gives up.
    case receiverFails(ReceiverFailure)
  }

  package let sender: SendingEnd
  package let receiver: ReceivingEnd
  /// Whether both machines had ended before virtual time was up.
  package let isFinished: Bool
  package let model: SampleModel

  package init(
    _ scenario: LinkScenario, _ model: SampleModel, refusal: ReceiverFailure? = nil,
    measures: Bool = false, _ disturbance: (what: Disturbance, time: UInt64)? = nil,
    limit: UInt64 = 900_000_000_000
  ) throws {
    self.model = model
    var receiver = ReceivingEnd()
    receiver.refusal = refusal
    receiver.measures = measures
    var pair = try TransferPair(scenario, model, receiver)
    if let disturbance, pair.run(until: disturbance.time) == .timeIsUp {
      switch disturbance.what {
      case .senderAborts: pair.abortSender()
      case .receiverAborts: pair.abortReceiver()
      case .receiverFails(let failure): pair.failReceiver(failure)
      case .senderRestarts: pair.replaceSender()
      }
    }
    isFinished = pair.run(until: limit) == .bothEnded
    sender = pair.sender
    self.receiver = pair.receiver
  }

  /// Whether no tensor that was taken differs from what was sent, as far as it is exact.
  package var hasOnlyRightTensors: Bool {
    receiver.tensors.allSatisfy { index, found in
      model.expected[index].map { $0 == found } ?? (found.count == model.elements[index].count)
    }
  }

  /// Whether the receiver has the manifest and all tensors.
  package var hasAllTensors: Bool {
    receiver.manifest == model.manifest
      && receiver.tensors.count == model.manifest.entries.count(where: \.hasContent)
  }
}

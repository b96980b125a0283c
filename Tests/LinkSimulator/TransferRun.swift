internal import LinkLayer
internal import Runtime
package import Streaming
internal import Transfer
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

  package private(set) var sender: SendingEnd
  package private(set) var receiver: ReceivingEnd
  /// Whether both machines had ended before virtual time was up.
  package private(set) var isFinished = false
  package let model: SampleModel

  package init(
    _ scenario: LinkScenario, _ model: SampleModel, refusal: ReceiverFailure? = nil,
    measures: Bool = false, _ disturbance: (what: Disturbance, time: UInt64)? = nil,
    limit: UInt64 = 900_000_000_000
  ) throws {
    self.model = model
    sender = SendingEnd(model)
    receiver = ReceivingEnd()
    receiver.refusal = refusal
    receiver.measures = measures
    let (there, back) = try scenario.lines()
    let info = ReceiverInfo(compressions: [.none], byteCountLimit: nil, name: [])
    var simulation = Simulation(
      SendTransfer(link: scenario.link(.initiator), at: Instant(microseconds: 0)),
      ReceiveTransfer(link: scenario.link(.responder), info: info), aToB: there, bToA: back)
    simulation.isHalfDuplex = scenario.isHalfDuplex
    if let disturbance, run(&simulation, until: disturbance.time) {
      switch disturbance.what {
      case .senderAborts: simulation.a.abort()
      case .receiverAborts: simulation.b.abort()
      case .receiverFails(let failure): simulation.b.fail(failure)
      case .senderRestarts:
        sender = SendingEnd(model)
        simulation.a = SendTransfer(
          link: scenario.link(.initiator, life: 1), at: simulation.instant)
      }
    }
    isFinished = !run(&simulation, until: limit)
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

  private mutating func run(
    _ simulation: inout Simulation<SendTransfer, ReceiveTransfer>, until end: UInt64
  ) -> Bool {
    simulation.run(until: end) { sendTransfer, receiveTransfer, _ in
      sender.respond(&sendTransfer)
      receiver.respond(&receiveTransfer)
      return !(sendTransfer.isFinished && receiveTransfer.isFinished)
    }
  }
}

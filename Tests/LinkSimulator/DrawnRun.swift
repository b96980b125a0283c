internal import Checkpoints
internal import LineModel
internal import LinkLayer
internal import Runtime
internal import Streaming
internal import Transfer
internal import WeightCodec

/// A run that a seed draws: what is run, over which line, and what was wrong with it.
package struct DrawnRun: CustomStringConvertible, Sendable {
  private enum Kind: CaseIterable {
    case link, twoWay, initiatorKilled, responderKilled, transfer, senderRestarted, receiverFails
    case longTransfer
  }

  private let kind: Kind
  private let seed: UInt64
  private let scenario: LinkScenario
  // Of a killing, in nanoseconds: from the handshake on into the streams.
  private let time: UInt64

  // Whether transfers are in planes; nil where the seed says so.
  private let isCoded: Bool?

  package init(drawnFrom seed: UInt64, isCoded: Bool? = nil) {
    self.isCoded = isCoded
    // Not the sequence that the scenario is drawn from.
    var generator = SeededGenerator(seed: seed ^ 0x9E6D_2F4C_B1A3_5780)
    kind = Kind.allCases.randomElement(using: &generator) ?? .link
    time = UInt64.random(in: 20_000_000..<3_000_000_000, using: &generator)
    self.seed = seed
    var scenario = LinkScenario(drawnFrom: seed)
    switch kind {
    case .twoWay, .initiatorKilled, .responderKilled: scenario.isHalfDuplex = false
    case .link, .transfer, .senderRestarted, .receiverFails: break
    // As much as takes 20 s at most, and no cuts, which a host gives up after.
    case .longTransfer:
      let limit = min(200_000, Int(scenario.line.baudRate) * 2)
      scenario.byteCount = Int.random(in: 10_000...limit, using: &generator)
      scenario.cuts = []
    }
    self.scenario = scenario
  }

  package var description: String { "\(what)\n  \(scenario)" }

  private var what: String {
    let moment = "after \(time / 1_000_000) ms"
    return switch kind {
    case .link: "one stream"
    case .twoWay: "two streams"
    case .initiatorKilled: "two streams, the initiator killed \(moment)"
    case .responderKilled: "two streams, the responder killed \(moment)"
    case .transfer: "a transfer"
    case .senderRestarted: "a transfer, the sender begun anew \(moment)"
    case .receiverFails: "a transfer, given up by the receiver \(moment)"
    case .longTransfer: "a long transfer"
    }
  }

  /// Runs it, and says what was wrong; nil for nothing.
  package func problem() throws -> String? {
    switch kind {
    case .link: try problem(of: LinkRun(scenario))
    case .twoWay: try problem(of: TwoWayRun(scenario))
    case .initiatorKilled: try problem(of: TwoWayRun(scenario, kill: .init(.initiator, at: time)))
    case .responderKilled: try problem(of: TwoWayRun(scenario, kill: .init(.responder, at: time)))
    case .transfer: try problem(of: transfer())
    case .senderRestarted: try problem(of: transfer(.senderRestarts))
    case .receiverFails: try problem(of: transfer(.receiverFails(Self.failure)))
    case .longTransfer: try problem(of: longTransfer())
    }
  }

  private static let failure = ReceiverFailure(.cannotStore, text: [])

  private func transfer(_ disturbance: TransferRun.Disturbance? = nil) throws -> TransferRun {
    try TransferRun(
      scenario, SampleModel(drawnFrom: seed, isCoded: isCoded), disturbance.map { ($0, time) })
  }

  /// As `wtserial simulate` runs it.
  private func longTransfer() throws -> SimulatedTransfer {
    var settings = SimulatedTransfer.Settings()
    settings.line = scenario.line
    settings.isHalfDuplex = scenario.isHalfDuplex
    settings.seed = seed
    settings.mtu = scenario.mtu
    settings.window = scenario.window
    settings.usesCorrection = scenario.usesCorrection
    let bytes = try Checkpoint(randomByteCount: scenario.byteCount, seed: seed)
    return try SimulatedTransfer(
      settings, bytes, named: "random", SendPolicy(.plain(PlainPolicy(compression: .none))))
  }

  private func problem(of run: SimulatedTransfer) -> String? {
    if run.wrongByteCount > 0 { return "a wrong byte was delivered" }
    return run.ending == .verified ? nil : "it ended with \(run.ending)"
  }

  private func problem(of run: LinkRun) -> String? {
    if !run.isPrefixOfSent { return "a wrong byte was delivered" }
    if let reason = run.closed { return "the link was closed: \(reason)" }
    if run.end == nil { return "it did not end" }
    return run.delivered.count == scenario.byteCount ? nil : "bytes are missing"
  }

  private func problem(of run: TwoWayRun) -> String? {
    if !run.isPrefixOfSent { return "a wrong byte was delivered" }
    return run.isComplete ? nil : "it did not end when the line had healed"
  }

  private func problem(of run: TransferRun) -> String? {
    if !run.receiver.isSound || !run.hasOnlyRightTensors { return "a wrong byte was delivered" }
    if !run.isFinished { return "it did not end" }
    let outcomes = (run.sender.outcomes, run.receiver.outcomes)
    switch kind {
    case .receiverFails where outcomes == ([.receiverFailed(Self.failure)], outcomes.0): return nil
    // It was complete before, and the new sender found nobody.
    case .senderRestarted where outcomes.1 == [.completed]:
      return run.hasAllTensors ? nil : "it ended well without all tensors"
    case .link, .twoWay, .initiatorKilled, .responderKilled, .transfer, .senderRestarted,
      .receiverFails, .longTransfer:
      break
    }
    guard outcomes == ([.completed], [.completed]) else {
      return "the sender ended with \(outcomes.0), the receiver with \(outcomes.1)"
    }
    let isVerified = run.sender.verified == run.model.digest
    return isVerified && run.hasAllTensors ? nil : "it ended well without all tensors"
  }
}

package import Checkpoints
package import LineModel
package import LinkLayer
internal import Streaming
internal import Transfer

/// A whole transfer in virtual time: what `send` and `receive` would do over a modelled line, with
/// processors that take no time.
package struct SimulatedTransfer {
  /// The line and its two ends.
  package struct Settings: Sendable {
    package var line = LineConfiguration()
    package var isHalfDuplex = false
    /// Where the faults and the nonces come from.
    package var seed: UInt64 = 1
    /// The largest frame that the receiver takes.
    package var mtu = 1024
    /// Frames of that size that fit the receiver's memory; with 1 it works without a window.
    package var window = 32
    /// Whether both ends offer error correction.
    package var usesCorrection = true

    package init() {}
  }

  /// How it ended for the sender.
  package enum Ending: Equatable {
    case verified
    case failed(SessionError)
    /// Virtual time was up, and the line still let something through.
    case unfinished
  }

  /// A point on the way, and when it was reached, in nanoseconds since the start.
  package struct Milestone: Equatable, Sendable {
    package var name: String
    package var time: UInt64
    /// Bytes of contents, as packed, that the receiver had by then.
    package var byteCount: Int
  }

  package private(set) var ending = Ending.unfinished
  /// When the sender knew, in nanoseconds since the start.
  package private(set) var end: UInt64 = 0
  /// Bytes of contents, as packed, that the receiver was given.
  package private(set) var payloadByteCount = 0
  /// Bytes of them that were not those that were sent, and those that a verified transfer lacked.
  package private(set) var wrongByteCount = 0
  package private(set) var milestones: [Milestone] = []
  package private(set) var sender = LinkStatistics()
  package private(set) var receiver = LinkStatistics()

  /// Runs it to its end; `trace` is told of every frame, `observe` ten times a second at most how far
  /// the sender is.
  ///
  /// - Throws: `LineConfigurationError`, and what the checkpoint throws.
  package init(
    _ settings: Settings, _ checkpoint: Checkpoint, named name: String, _ policy: SendPolicy,
    trace: ((TracedFrame) -> Void)? = nil, observe: ((TransferProgress) -> Void)? = nil
  ) throws {
    var seeds = SeededGenerator(seed: settings.seed)
    let forward = try LineDirection(settings.line, seed: settings.seed)
    let backward = try LineDirection(settings.line, seed: seeds.next())
    let info = ReceiverInfo(
      compressions: Compression.allCases, byteCountLimit: nil, name: Array("simulated".utf8))
    var simulation = Simulation(
      SendTransfer(
        link: settings.link(.initiator, nonce: seeds.next()), at: Instant(microseconds: 0)),
      ReceiveTransfer(link: settings.link(.responder, nonce: seeds.next()), info: info),
      aToB: forward, bToA: backward)
    simulation.isHalfDuplex = settings.isHalfDuplex
    if let trace {
      let tracer = FrameTracer(trace)
      simulation.observe = { tracer.note($1, isFromSender: $0, at: $2) }
    }
    let run = try Run(checkpoint, named: name, policy)
    let limit = Self.limit(for: run.plan, baudRate: settings.line.baudRate)
    let isTimeUp = try simulation.run(until: limit) { sender, receiver, now in
      let goesOn = try run.respond(&sender, &receiver, at: now)
      if let observe, let progress = run.progress(sender, at: now) { observe(progress) }
      return goesOn
    }
    ending = isTimeUp ? .unfinished : run.ending
    end = simulation.now
    let missing = try run.receiver.remainingByteCount()
    payloadByteCount = run.receiver.deliveredByteCount
    wrongByteCount = run.receiver.wrongByteCount + (ending == .verified ? missing : 0)
    milestones = run.milestones(
      contentByteCount: payloadByteCount + missing, end: ending == .verified ? end : nil)
    sender = simulation.a.statistics
    receiver = simulation.b.statistics
  }

  /// The share of the line's rate, ten bits a byte, that went to contents; 0 if none was verified.
  package func goodputShare(baudRate: UInt32) -> Double {
    guard ending == .verified, end > 0 else { return 0 }
    return Double(payloadByteCount) * 10 / Double(baudRate) / (Double(end) / 1e9)
  }

  /// The goodput in percent, for a table: a dash where no model was verified, with an exclamation mark
  /// where a wrong byte was delivered.
  package func goodputText(baudRate: UInt32) -> String {
    let goodput = fixedText(goodputShare(baudRate: baudRate) * 100, digits: 1)
    return (ending == .verified ? goodput : "-") + (wrongByteCount > 0 ? "!" : "")
  }

  /// An hour, and a thousand times what the contents would take on a perfect line.
  private static func limit(for plan: TransferPlan, baudRate: UInt32) -> UInt64 {
    let seconds = plan.byteCount * 10 / Double(max(baudRate, 1))
    return UInt64(min(3600 + 1000 * seconds, 1e9) * 1e9)
  }
}

extension SimulatedTransfer.Settings {
  /// An idle link of one end; the sender has a host's memory, the receiver what it is given.
  fileprivate func link(_ role: LinkRole, nonce: UInt64) -> Link {
    var configuration = LinkConfiguration(
      role: role, nonce: UInt32(truncatingIfNeeded: nonce),
      baudRate: line.baudRate)
    configuration.usesCorrection = usesCorrection
    guard role == .responder else { return HostLink.make(configuration) }
    configuration.usesWindow = window > 1
    return HostLink.make(configuration, mtu: mtu, receiveByteCount: window * mtu)
  }
}

package import Checkpoints
package import LinkLayer
package import Streaming
internal import Transfer

/// Sends one checkpoint: answers what the machine asks, and feeds it.
package final class SendSession {
  let tell: (TransferNews) -> Void
  var outgoing: OutgoingModel
  // From the offer on.
  var feed: StreamFeed?
  // What the receiver needs, while that is being found out, and what it is.
  var preparation: OfferPreparation?
  var info: ReceiverInfo?
  // What tensors are told apart from.
  var base: BaseModel?
  // What the receiver has of the stream, while that is gone through.
  var unfinished: Unfinished?
  // Bytes of the stream that other sessions have brought.
  var resumedByteCount = 0
  // The model's, where the receiver holds it.
  var unchanged: Digest?
  /// Where models may be that the receiver holds.
  package var library = BaseLibrary()
  /// Whether the receiver is to store the model and go on with the one that it uses.
  package var staysInactive = false
  /// What the receiver knows the model by, if it can build on it later; empty where it cannot, or where
  /// that is not known beforehand.
  package internal(set) var heldDigests: [Digest] = []
  // Who has asked for the model, before it is offered.
  private var asker: ReceiverInfo?
  var peer: PeerLimits?
  private var pace = ProgressPace()
  private(set) var outcome: TransferOutcome?
  private var isAccepted = false
  // Of sessions before this one, with receivers that were reset.
  private var acknowledgedBefore = 0
  var toldSubstitution: SendPolicy.Substitution?
  /// What happened on the link; complete when `run` has ended, in whatever way.
  package private(set) var statistics = LinkStatistics()
  /// The slowest rate that has failed on this line; `UInt32.max` where none has.
  package private(set) var failedBaudRate = UInt32.max

  /// Prepares to send: surveys the model.
  ///
  /// The receiver's user reads `name`; `tell` is called for all that a user may want to see. Encoding
  /// has a thread of its own where time is real.
  ///
  /// - Throws: what reading the checkpoint throws.
  package init(
    _ checkpoint: Checkpoint, named name: String, _ policy: SendPolicy, usesThread: Bool = true,
    tell: @escaping (TransferNews) -> Void
  ) throws {
    outgoing = try OutgoingModel(checkpoint, named: name, policy, usesThread: usesThread)
    self.tell = tell
  }

  /// Sends what other sessions send, too.
  package init(_ prepared: PreparedModel, tell: @escaping (TransferNews) -> Void) {
    outgoing = OutgoingModel(prepared)
    self.tell = tell
  }

  /// What is planned, for the receiver that was found or the richest there may be.
  package var plan: TransferPlan { model.plan }

  /// The same, and what its stream is made by.
  var model: ModelPlan { outgoing.model }

  /// The digest that the receiver has to verify, once it is known.
  private var digest: Digest? { unchanged ?? feed?.digest }

  /// Runs over a link, of which this end is the initiator, until the receiver has verified the model.
  ///
  /// - Throws: `SessionError`, and what the loop and the checkpoint throw.
  package func run(over link: consuming Link, _ loop: inout TransferLoop) throws -> TransferResult {
    try run(SendTransfer(link: link, at: MonotonicClock.now), &loop)
  }

  /// Sends the model to one who has asked for it.
  func give(
    to taker: ReceiverInfo, _ machine: consuming SendTransfer, _ loop: inout TransferLoop
  ) throws -> TransferResult {
    asker = taker
    return try run(machine, &loop)
  }

  private func run(
    _ machine: consuming SendTransfer, _ loop: inout TransferLoop
  ) throws -> TransferResult {
    var machine = machine
    pace.begin(baudRate: machine.baudRate)
    defer {
      statistics = machine.statistics
      failedBaudRate = machine.failedBaudRate
      feed?.stop()
    }
    do {
      try loop.run(&machine) { machine in
        try respond(&machine)
      } observe: { machine in
        observe(machine)
      }
    } catch let error as TransferLoop.Interruption {
      throw error  // The loop has told the peer.
    } catch {
      loop.abort(&machine)
      throw error
    }
    guard case .completed = outcome, let digest else {
      throw SessionError.ended(outcome ?? .linkClosed(.local(.aborted)))
    }
    return TransferResult(
      isUnchanged: unchanged != nil, manifest: plan.manifest, digest: digest,
      progress: progress(machine))
  }

  /// Answers what has happened and feeds content; true when there is more to feed at once.
  func respond(_ machine: inout SendTransfer) throws -> Bool {
    if let taker = asker.take() { try prepare(for: taker, &machine) }
    while let event = machine.nextEvent() {
      switch event {
      case .connected(let peer):
        peer.log()
        self.peer = peer
        pace.open()
        isAccepted = false
        acknowledgedBefore = Int(machine.statistics.bytesAcknowledged)
      case .interrupted: tell(.interrupted)
      case .resumed: tell(.resumed)
      case .receiverReady(let info): try prepare(for: info, &machine)
      case .held(let held): preparation?.note(held: held)
      case .accepted:
        isAccepted = true
        tell(.began(plan.manifest))
      case .measured(let metric): tell(.measured(metric))
      case .listed: break
      case .verified(let verified):
        guard verified == digest else { throw SessionError.digestMismatch }
      case .ended(let outcome): self.outcome = outcome
      }
    }
    if preparation != nil { return try goOnPreparing(&machine) }
    if unfinished != nil { return try skip(&machine) }
    return try feedPiece(&machine)
  }

  /// Feeds a piece at a time, and the line is looked after in between.
  func feedPiece(_ machine: inout SendTransfer) throws -> Bool {
    let hasMore = try feed?.feed(&machine) ?? false
    let exact = feed?.takeUnquantizable() ?? []
    if !exact.isEmpty { tell(.notQuantized(exact)) }
    return hasMore
  }

  private func observe(_ machine: borrowing SendTransfer) {
    if let baudRate = pace.changedRate(machine.baudRate) { tell(.rateChanged(baudRate)) }
    guard isAccepted, pace.isDue() else { return }
    tell(.progress(progress(machine)))
  }

  private func progress(_ machine: borrowing SendTransfer) -> TransferProgress {
    progress(machine, elapsed: pace.elapsed)
  }

  /// How far the transfer is, so long after the session was opened; tells milestones that are through.
  func progress(_ machine: borrowing SendTransfer, elapsed: Interval) -> TransferProgress {
    let stream = resumedByteCount + Int(machine.statistics.bytesAcknowledged) - acknowledgedBefore
    for mark in feed?.pass(stream: stream) ?? [] {
      tell(.reached(mark.milestone, byteCount: mark.stream, isStored: false))
    }
    return TransferProgress(
      byteCount: stream, resumedByteCount: resumedByteCount,
      byteTotal: feed?.digest != nil ? machine.streamByteCount : max(Int(plan.byteCount), stream),
      tier: feed?.tier, elapsed: elapsed, baudRate: machine.baudRate,
      statistics: machine.statistics, segmentByteCount: machine.segmentByteCount,
      retransmissionTimeout: machine.retransmissionTimeout)
  }
}

package import Checkpoints
package import LinkLayer
package import Streaming
internal import Transfer

/// Sends one checkpoint: answers what the machine asks, and feeds it.
package final class SendSession {
  /// Whose plan and stream it sends.
  private enum Origin {
    /// Its own, made of this.
    case own(ModelSource)
    /// That of all sessions that send the same.
    case shared(PreparedModel)
  }

  private let origin: Origin
  private let name: String
  private let policy: SendPolicy
  private let tell: (TransferNews) -> Void
  private let usesThread: Bool
  // For the richest receiver, until there is one.
  private(set) var model: ModelPlan
  private var feeder: Feeder?
  // What the receiver needs, while that is being found out, and what it is.
  private var preparation: OfferPreparation?
  private var info: ReceiverInfo?
  // What tensors are told apart from.
  private var base: BaseModel?
  // What the receiver has of the stream, while that is gone through.
  private var unfinished: Unfinished?
  // Bytes of the stream that other sessions have brought.
  private var resumedByteCount = 0
  private var isUnchanged = false
  /// Where models may be that the receiver holds.
  package var library = BaseLibrary()
  /// Whether the receiver is to store the model and go on with the one that it uses.
  package var staysInactive = false
  /// What the receiver knows the model by, if it can build on it later; empty where it cannot, or where
  /// that is not known beforehand.
  package private(set) var heldDigests: [Digest] = []
  // Who has asked for the model, before it is offered.
  private var asker: ReceiverInfo?
  private var peer: PeerLimits?
  private var openedAt = MonotonicClock.now
  // Whether all of the stream is in the machine, and its size is known.
  private var isFed = false
  private var baudRate: UInt32 = 0
  private var toldAt = MonotonicClock.now
  private var sourceDigest: Digest?
  private(set) var outcome: TransferOutcome?
  private var isAccepted = false
  // Of sessions before this one, with receivers that were reset.
  private var acknowledgedBefore = 0
  private var unquantizableCount = 0
  private var toldSubstitution: SendPolicy.Substitution?
  private var marks = TierMarks()
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
    let source = ModelSource(checkpoint, policy)
    origin = .own(source)
    self.name = name
    self.policy = policy
    self.usesThread = usesThread
    self.tell = tell
    model = try ModelPlan(source, named: name, policy)
  }

  /// Sends what other sessions send, too.
  package init(_ prepared: PreparedModel, tell: @escaping (TransferNews) -> Void) {
    origin = .shared(prepared)
    name = prepared.name
    policy = prepared.policy
    usesThread = true
    self.tell = tell
    model = prepared.model
  }

  /// What is planned, for the receiver that was found or the richest there may be.
  package var plan: TransferPlan { model.plan }

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
    baudRate = machine.baudRate
    defer {
      statistics = machine.statistics
      failedBaudRate = machine.failedBaudRate
      feeder?.stop()
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
    guard case .completed = outcome, let sourceDigest else {
      throw SessionError.ended(outcome ?? .linkClosed(.local(.aborted)))
    }
    return TransferResult(
      isUnchanged: isUnchanged, manifest: plan.manifest, digest: sourceDigest,
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
        openedAt = MonotonicClock.now
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
      case .verified(let digest):
        guard digest == sourceDigest else { throw SessionError.digestMismatch }
      case .ended(let outcome): self.outcome = outcome
      }
    }
    if preparation != nil { return try goOnPreparing(&machine) }
    if unfinished != nil { return try skip(&machine) }
    return try feed(&machine)
  }

  // MARK: - The offer

  private func prepare(for info: ReceiverInfo, _ machine: inout SendTransfer) throws {
    if let peer { tell(.connected(peer, info)) }
    if let limit = info.byteCountLimit, plan.manifest.byteCount > limit {
      throw SessionError.modelTooLarge(byteCount: plan.manifest.byteCount, limit: limit)
    }
    if staysInactive, !info.abilities.contains(.switches) {
      // The receiver has done nothing wrong, and waits on.
      machine.leave()
      throw SessionError.noSlots
    }
    let substitution = policy.substitution(for: info)
    if let substitution, substitution != toldSubstitution { tell(.substituted(substitution)) }
    toldSubstitution = substitution
    // It reads the checkpoint, which is not for two at once.
    feeder?.stop()
    feeder = nil
    self.info = info
    (preparation, unfinished, isFed, resumedByteCount, isUnchanged) = (nil, nil, false, 0, false)
    guard OfferPreparation.isWorthwhile(for: info) else { return try offer(OfferTerms(), &machine) }
    switch origin {
    case .shared(let prepared):
      let (model, digests) = try prepared.digests(for: info)
      self.model = model
      preparation = OfferPreparation(digests, for: info, policy, library)
    case .own(let source):
      try plan(source, for: info, OfferTerms())
      preparation = OfferPreparation(DigestWork(source, model), for: info, policy, library)
    }
  }

  private func plan(
    _ source: ModelSource, for info: ReceiverInfo, _ terms: OfferTerms, from base: BaseModel? = nil
  ) throws {
    let (adapted, variant) = policy.adapted(to: info)
    guard
      adapted != model.policy || variant != plan.manifest.codec
        || terms != model.terms
    else { return }
    model = try ModelPlan(source, named: name, policy, for: info, terms, from: base)
  }

  private func goOnPreparing(_ machine: inout SendTransfer) throws -> Bool {
    switch try preparation?.advance(&machine) {
    case .more: return true
    case .waiting, nil: return false
    case .unchanged(let digest):
      preparation = nil
      isUnchanged = true
      sourceDigest = digest
      machine.keep(digest)
      return false
    case .stored(let digest):
      preparation = nil
      isUnchanged = true
      sourceDigest = digest
      // It is there, and is to be used from now on or not.
      if staysInactive { machine.leave() } else { machine.activate(digest) }
      return false
    case .ready(let terms):
      if library.hasPath, preparation?.base == nil { tell(.baseIsAnother) }
      try offer(terms, &machine)
      return true
    }
  }

  private func offer(_ terms: OfferTerms, _ machine: inout SendTransfer) throws {
    guard let info else { return }
    let digests = preparation?.digests
    base = preparation?.base
    heldDigests = info.abilities.contains(.keeps) ? digests?.models ?? [] : []
    try beginStream(for: info, terms, digests?.known ?? [:])
    model.plan.manifest.terms.staysInactive = staysInactive
    model.plan.manifest.terms.identity =
      info.abilities.contains(.resumes) ? digests?.identity(of: plan) : nil
    preparation = nil
    let takeover = plan.manifest.takeover
    if !takeover.isEmpty { tell(.kept(takeover)) }
    guard let there = info.unfinished, there.byteCount > 0 else {
      return machine.offer(plan.manifest)
    }
    guard there.identity == plan.manifest.terms.identity else {
      tell(.startsOver(byteCount: there.byteCount))
      return machine.offer(plan.manifest)
    }
    unfinished = there
    machine.skip(byteCount: there.byteCount)
  }

  /// Plans on these terms, and makes the stream from its beginning.
  private func beginStream(
    for info: ReceiverInfo, _ terms: OfferTerms, _ digests: [Int: Digest]
  ) throws {
    feeder?.stop()
    switch origin {
    case .shared(let prepared):
      (model, feeder) = try prepared.prepared(for: info, terms, from: base, digests)
    case .own(let source):
      try plan(source, for: info, terms, from: base)
      model.digests = digests
      feeder = Feeder(ModelStream(source, model, from: base), usesThread: usesThread)
    }
    marks = TierMarks()
    unquantizableCount = 0
    isFed = false
  }

  /// Goes through what the receiver has, and offers the rest; or all, where this is not what it has.
  private func skip(_ machine: inout SendTransfer) throws -> Bool {
    guard let unfinished, let info else { return false }
    let isAtEnd = feeder?.isFinished ?? true
    if machine.isSkipping, !isAtEnd { return try feed(&machine) }
    self.unfinished = nil
    let fits = unfinished.checksum.map { $0 == machine.skippedChecksum } ?? true
    guard fits, !machine.isSkipping else {
      // Another version of this program, perhaps: the same offer, and other bytes.
      machine.beginAnew()
      tell(.startsOver(byteCount: unfinished.byteCount))
      let manifest = plan.manifest
      try beginStream(for: info, model.terms, model.digests)
      model.plan.manifest = manifest
      machine.offer(manifest)
      return true
    }
    resumedByteCount = unfinished.byteCount
    tell(.goesOn(byteCount: unfinished.byteCount))
    var manifest = plan.manifest
    manifest.terms.goesOn = true
    machine.offer(manifest)
    return true
  }

  /// Feeds a piece at a time, and the line is looked after in between.
  private func feed(_ machine: inout SendTransfer) throws -> Bool {
    guard machine.wantsContent, let feeder, !feeder.isFinished else { return false }
    guard let piece = try feeder.next() else { return true }
    switch piece {
    case .begin(let unit): machine.beginUnit(unit)
    case .content(let bytes): machine.append(content: bytes)
    case .end(let digest): machine.endUnit(digest)
    case .coded(let bytes): machine.append(coded: bytes)
    case .milestone(let milestone):
      machine.append(milestone)
      // What was told in an earlier session is not told again.
      if machine.isSkipping {
        marks.passed(milestone)
      } else {
        marks.note(milestone, stream: machine.streamByteCount)
      }
    case .finish(let digest):
      sourceDigest = digest
      // The feeder says so only when it is asked once more.
      isFed = true
      machine.finish(digest)
    }
    let exact = feeder.unquantizable
    if exact.count > unquantizableCount {
      tell(.notQuantized(Array(exact[unquantizableCount...])))
      unquantizableCount = exact.count
    }
    return machine.wantsContent
  }

  private func observe(_ machine: borrowing SendTransfer) {
    let now = MonotonicClock.now
    if machine.baudRate != baudRate {
      baudRate = machine.baudRate
      tell(.rateChanged(baudRate))
    }
    guard isAccepted, now - toldAt >= .milliseconds(100) else { return }
    toldAt = now
    tell(.progress(progress(machine)))
  }

  private func progress(_ machine: borrowing SendTransfer) -> TransferProgress {
    progress(machine, elapsed: MonotonicClock.now - openedAt)
  }

  /// How far the transfer is, so long after the session was opened; tells milestones that are through.
  func progress(_ machine: borrowing SendTransfer, elapsed: Interval) -> TransferProgress {
    let stream = resumedByteCount + Int(machine.statistics.bytesAcknowledged) - acknowledgedBefore
    for mark in marks.pass(stream: stream) {
      tell(.reached(mark.milestone, byteCount: mark.stream, isStored: false))
    }
    return TransferProgress(
      byteCount: stream, resumedByteCount: resumedByteCount,
      byteTotal: isFed ? machine.streamByteCount : max(Int(plan.byteCount), stream),
      tier: marks.last?.tier, elapsed: elapsed, baudRate: machine.baudRate,
      statistics: machine.statistics, segmentByteCount: machine.segmentByteCount,
      retransmissionTimeout: machine.retransmissionTimeout)
  }
}

/// Where milestones are in the stream: what is queued in the link is fed and not yet there, and on a
/// slow line that is seconds of it.
struct TierMarks {
  typealias Mark = (stream: Int, milestone: Milestone)

  // Ahead of what has been acknowledged; ascending.
  private var marks: [Mark] = []
  /// The last one that is through.
  private(set) var last: Milestone?

  mutating func note(_ milestone: Milestone, stream: Int) { marks.append((stream, milestone)) }

  /// One that was through before.
  mutating func passed(_ milestone: Milestone) { last = milestone }

  /// The milestones that are newly through with so many bytes of the stream, and their places in it.
  mutating func pass(stream: Int) -> [Mark] {
    var passed: [Mark] = []
    while let mark = marks.first, mark.stream <= stream {
      passed.append(mark)
      marks.removeFirst()
    }
    last = passed.last?.milestone ?? last
    return passed
  }
}

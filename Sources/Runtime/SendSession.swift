package import Checkpoints
package import LinkLayer
package import Streaming
internal import Transfer

/// Sends one checkpoint: answers what the machine asks, and feeds it.
package final class SendSession {
  private let checkpoint: Checkpoint
  private let name: String
  private let policy: PlanPolicy
  private let tell: (TransferNews) -> Void
  private var source: ContentSource?
  private var plan: TransferPlan?
  private var peer: PeerLimits?
  private var openedAt = MonotonicClock.now
  private var baudRate: UInt32 = 0
  private var toldAt = MonotonicClock.now
  private var sourceDigest: Digest?
  private(set) var outcome: TransferOutcome?
  private var isAccepted = false
  // Of sessions before this one, with receivers that were reset.
  private var acknowledgedBefore = 0
  private var unquantizableCount = 0
  private var marks = ProgressMarks()
  /// What happened on the link; complete when `run` has ended, in whatever way.
  package private(set) var statistics = LinkStatistics()
  /// The slowest rate that has failed on this line; `UInt32.max` where none has.
  package private(set) var failedBaudRate = UInt32.max

  /// Prepares to send.
  ///
  /// The receiver's user reads `name`; `tell` is called for all that a user may want to see.
  package init(
    _ checkpoint: Checkpoint, named name: String, _ policy: PlanPolicy,
    tell: @escaping (TransferNews) -> Void
  ) {
    self.checkpoint = checkpoint
    self.name = name
    self.policy = policy
    self.tell = tell
  }

  /// Runs over a link, of which this end is the initiator, until the receiver has verified the model.
  ///
  /// - Throws: `SessionError`, and what the loop and the checkpoint throw.
  package func run(over link: consuming Link, _ loop: inout TransferLoop) throws -> TransferResult {
    var machine = SendTransfer(link: link, at: MonotonicClock.now)
    baudRate = machine.baudRate
    defer {
      statistics = machine.statistics
      failedBaudRate = machine.failedBaudRate
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
    guard case .completed = outcome, let plan, let sourceDigest else {
      throw SessionError.ended(outcome ?? .linkClosed(.local(.aborted)))
    }
    return TransferResult(
      manifest: plan.manifest, digest: sourceDigest, progress: progress(machine))
  }

  /// Answers what has happened and feeds content; true when there is more to feed at once.
  func respond(_ machine: inout SendTransfer) throws -> Bool {
    while let event = machine.nextEvent() {
      switch event {
      case .connected(let peer):
        self.peer = peer
        openedAt = MonotonicClock.now
        isAccepted = false
        acknowledgedBefore = Int(machine.statistics.bytesAcknowledged)
      case .interrupted: tell(.interrupted)
      case .resumed: tell(.resumed)
      case .receiverReady(let info): try offer(to: info, &machine)
      case .accepted:
        guard let plan else { continue }
        isAccepted = true
        tell(.began(plan.manifest, contentByteCount: plan.contentByteCount))
      case .verified(let digest):
        guard digest == sourceDigest else { throw SessionError.digestMismatch }
      case .ended(let outcome): self.outcome = outcome
      }
    }
    return try feed(&machine)
  }

  private func offer(to info: ReceiverInfo, _ machine: inout SendTransfer) throws {
    if let peer { tell(.connected(peer, info)) }
    let manifest = Manifest(checkpoint, named: name)
    if let limit = info.byteCountLimit, manifest.byteCount > limit {
      throw SessionError.modelTooLarge(byteCount: manifest.byteCount, limit: limit)
    }
    var policy = policy
    if !info.takes(policy.compression) { policy.compression = .none }
    let plan = TransferPlan(manifest, policy)
    self.plan = plan
    source = ContentSource(checkpoint, plan)
    marks = ProgressMarks()
    unquantizableCount = 0
    machine.offer(plan.manifest)
  }

  /// Feeds a piece for each portion of work, and the line is looked after in between.
  private func feed(_ machine: inout SendTransfer) throws -> Bool {
    guard machine.wantsContent, source?.isFinished == false else { return false }
    if let piece = try source?.next() {
      switch piece {
      case .begin(let unit): machine.beginUnit(unit)
      case .content(let bytes): machine.append(content: bytes)
      case .end(let digest): machine.endUnit(digest)
      case .finish(let digest):
        sourceDigest = digest
        machine.finish(digest)
      }
      if source?.isCaughtUp == true, let content = source?.contentByteCount {
        marks.note(stream: machine.streamByteCount, content: content)
      }
    }
    let exact = source?.unquantizable ?? []
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
    let stream = Int(machine.statistics.bytesAcknowledged) - acknowledgedBefore
    return TransferProgress(
      contentByteCount: marks.content(atStream: stream),
      contentByteTotal: plan?.contentByteCount ?? 0, streamByteCount: stream,
      elapsed: MonotonicClock.now - openedAt, baudRate: machine.baudRate,
      statistics: machine.statistics)
  }
}

/// Which part of the contents stands for which part of the stream: what is queued in the link is fed
/// and not yet there, and on a slow line that is seconds of it.
struct ProgressMarks {
  // Both ascend; one pair is behind what has been acknowledged, the others before it.
  private var marks = [(stream: 0, content: 0)]

  mutating func note(stream: Int, content: Int) { marks.append((stream, content)) }

  /// The bytes of content that are through with this many bytes of the stream.
  mutating func content(atStream stream: Int) -> Int {
    while marks.count > 1, marks[1].stream <= stream { marks.removeFirst() }
    guard marks.count > 1 else { return marks[0].content }
    let (from, to) = (marks[0], marks[1])
    let share = Double(stream - from.stream) / Double(to.stream - from.stream)
    return from.content + Int(Double(to.content - from.content) * max(share, 0))
  }
}

extension Manifest {
  /// The manifest of a checkpoint.
  package init(_ checkpoint: Checkpoint, named name: String) {
    self.init(
      kind: checkpoint.format == .opaque ? .file : .tensors, name: Array(name.utf8),
      entries: checkpoint.tensors.map { Entry($0.descriptor, sharedWith: $0.sharedWith) })
  }
}

internal import Checkpoints
package import LinkLayer
package import Streaming
package import SystemPackage
internal import Transfer

/// Receives one model into a file: answers what the machine asks, and stores what it brings.
package final class ReceiveSession {
  private var model: ArrivingModel
  let holdings: Holdings
  private var isUnchanged = false
  private var inquiries = HoldingsInquiries()
  // What this end wants of another.
  var wanted: Digest?
  // Of the stream, what another session has brought.
  private var resumedByteCount = 0
  // Pieces of it that are gone through at a time.
  private static let replayLimit = 64
  let tell: (TransferNews) -> Void
  private var manifest: Manifest?
  // Reached, once all of it is decoded.
  private var due: ArrivingModel.Mark?
  private var pace = ProgressPace()
  private let timeout: Int?
  private var giveUpAt: Instant?
  // Of sessions before this one.
  private var deliveredBefore: UInt64 = 0
  private var digest: Digest?
  private var outcome: TransferOutcome?
  private var failure: ModelWriterError?
  /// Where the model grows until it is complete.
  package var partialPath: FilePath { model.partialPath }
  /// What happened on the link; complete when `run` has ended, in whatever way.
  package private(set) var statistics = LinkStatistics()
  /// Whether the output has been replaced by what has come, complete or not.
  package var hasSnapshot: Bool { model.hasSnapshot }
  /// How far all of the model had come.
  package var tier: Milestone.Tier? { model.tier }
  /// Tensors that were complete at the end.
  package var tensorCount: Int { model.tensorCount }
  /// Whether another session can go on with what has come.
  package var isResumable: Bool { holdings.unfinished?.byteCount ?? 0 > 0 }

  /// Creates the output beside its final place.
  ///
  /// A sender is waited for `timeout` seconds, or for ever where it is nil; `tell` is called for all
  /// that a user may want to see.
  package init(
    into path: FilePath, timeout: Int?, snapshots: SnapshotPolicy = .init(),
    tell: @escaping (TransferNews) -> Void
  ) throws(OutputError) {
    let model = try ArrivingModel(into: path, snapshots, tell: tell)
    holdings = Holdings(beside: model.path)
    self.model = consume model
    self.tell = tell
    self.timeout = timeout
  }

  /// Listens over a link, of which this end is the responder, until a model is complete.
  ///
  /// - Returns: nil where somebody has come and gone who wanted to know something, or to have the model that
  ///   is there; what is to come is still waited for.
  /// - Throws: `SessionError`, and what the loop throws.
  package func run(
    over link: consuming Link, _ info: ReceiverInfo, _ loop: inout TransferLoop
  ) throws -> TransferResult? {
    var info = info
    holdings.describe(&info)
    return try run(ReceiveTransfer(link: link, info: info), &loop)
  }

  func run(
    _ machine: consuming ReceiveTransfer, _ loop: inout TransferLoop
  ) throws -> TransferResult? {
    var machine = machine
    machine.base = holdings.base
    pace.begin(baudRate: machine.baudRate)
    giveUpAt = timeout.map { MonotonicClock.now + .seconds(Int64($0)) }
    do {
      try loop.run(&machine) { machine in
        if let giveUpAt, giveUpAt <= MonotonicClock.now { throw SessionError.noSender }
        return respond(&machine)
      } observe: { machine in
        observe(machine)
      }
    } catch {
      holdings.note(received: machine.takeReceived())
      note(endOf: machine)
      // Once the model is in its place, a sender that misses the last word takes nothing away.
      if digest == nil { throw error }
      outcome = .completed
    }
    note(endOf: machine)
    if let request = inquiries.takeRequest() {
      return try give(request, SendTransfer(giving: machine), &loop)
    }
    if let failure { throw SessionError.writer(failure) }
    if inquiries.hasRefused || outcome == .linkClosed(.peer(.done)) && manifest == nil {
      return nil
    }
    guard case .completed = outcome, let manifest, let digest else {
      throw SessionError.ended(outcome ?? .linkClosed(.local(.aborted)))
    }
    return TransferResult(
      isUnchanged: isUnchanged, manifest: manifest, digest: digest, progress: progress(machine))
  }

  private func note(endOf machine: borrowing ReceiveTransfer) {
    statistics = machine.statistics
    // What has come is not lost, whatever ended the session.
    if digest == nil, tier != nil { _ = model.takeSnapshot(.last) }
  }

  /// Answers what has happened; true while there is more to decode at once.
  private func respond(_ machine: inout ReceiveTransfer) -> Bool {
    defer { keepReceived(&machine) }
    do throws(ModelWriterError) {
      if model.isBusy { try model.decode() }
      var replayed = 0
      while !model.isBusy, replayed < Self.replayLimit {
        try catchUp(&machine)
        if let event = machine.nextEvent() {
          try answer(event, &machine)
        } else if machine.wantsReplay {
          let piece = holdings.nextPiece()
          guard !piece.isEmpty else {
            // It has got shorter since it was told of, and would again.
            holdings.discard()
            throw .base
          }
          machine.replay(piece)
          replayed += 1
        } else {
          return false
        }
      }
      return true
    } catch {
      failure = error
      // It would come to the same end again.
      if error.isOfStream { holdings.discard() }
      machine.fail(ReceiverFailure(error))
      return !machine.isFinished
    }
  }

  /// Keeps what has come for another session.
  private func keepReceived(_ machine: inout ReceiveTransfer) {
    holdings.note(received: machine.takeReceived())
    machine.info.unfinished = holdings.unfinished
    if let error = holdings.takeFailure() { tell(.notKept(error)) }
  }

  /// Does what waited for the coded stream to be decoded.
  private func catchUp(_ machine: inout ReceiveTransfer) throws(ModelWriterError) {
    switch due.take() {
    case .milestone(let milestone):
      model.reach(milestone.tier)
      // What was told before is not told again.
      if machine.replayRest > 0 { return }
      // The model itself follows the last one.
      let isStored = milestone.tier == .complete ? false : model.takeSnapshot(.milestone)
      tell(.reached(milestone, byteCount: streamByteCount(machine), isStored: isStored))
    case .end(let digest):
      // Digests and the disk take their time, and the sender is to know.
      machine.announceBusy(for: .seconds(5))
      if !isUnchanged {
        try model.finish(digest)
        holdings.finish()
      }
      self.digest = digest
      machine.confirm(digest)
    case nil: break
    }
  }

  private func answer(
    _ event: ReceiveTransfer.Event, _ machine: inout ReceiveTransfer
  ) throws(ModelWriterError) {
    switch event {
    case .connected(let peer):
      peer.log()
      pace.open()
      giveUpAt = nil
      holdings.forgetComparison()
      deliveredBefore = machine.statistics.bytesDelivered
      tell(.connected(peer, nil))
    case .interrupted: tell(.interrupted)
    case .resumed: tell(.resumed)
    case .compared(let prefixes): machine.tell(held: holdings.compare(prefixes))
    case .unchanged(let digest):
      guard let held = holdings.confirm(digest) else { throw .base }
      manifest = held
      isUnchanged = true
      due = .end(digest)
    case .listed, .activated, .rolledBack, .fetched:
      inquiries.answer(event, from: holdings, &machine)
    case .giverReady(let info): fetch(from: info, &machine)
    case .offered(let manifest): try begin(manifest, &machine)
    case .unitBegan, .content, .unitEnded, .coded, .milestone, .finished:
      if let mark = try model.take(event, &machine) { due = mark }
    case .ended(let outcome): self.outcome = outcome
    }
  }

  private func begin(
    _ manifest: Manifest, _ machine: inout ReceiveTransfer
  ) throws(ModelWriterError) {
    let before = holdings.unfinished?.byteCount ?? 0
    resumedByteCount = try model.begin(manifest, holdings)
    self.manifest = manifest
    due = nil
    machine.accept(replaying: resumedByteCount)
    if resumedByteCount > 0 {
      tell(.goesOn(byteCount: resumedByteCount))
    } else if before > 0 {
      tell(.startsOver(byteCount: before))
    }
    let takeover = manifest.takeover
    if !takeover.isEmpty { tell(.kept(takeover)) }
    tell(.began(manifest))
  }

  private func observe(_ machine: borrowing ReceiveTransfer) {
    if let baudRate = pace.changedRate(machine.baudRate) { tell(.rateChanged(baudRate)) }
    guard manifest != nil, pace.isDue() else { return }
    // Between milestones the model gets better, too.
    if tier != nil, !model.isBusy, model.takeSnapshot(.tick) { tell(.improved) }
    tell(.progress(progress(machine)))
  }

  /// Bytes of the stream that are here, of other sessions too.
  private func streamByteCount(_ machine: borrowing ReceiveTransfer) -> Int {
    resumedByteCount + Int(machine.statistics.bytesDelivered - deliveredBefore)
  }

  private func progress(_ machine: borrowing ReceiveTransfer) -> TransferProgress {
    let stream = streamByteCount(machine)
    return TransferProgress(
      byteCount: stream, resumedByteCount: resumedByteCount,
      // What was offered is an estimate, and no longer needed once all is there.
      byteTotal: digest == nil ? max(manifest?.expectedByteCount ?? 0, stream) : stream,
      tier: tier,
      elapsed: pace.elapsed, baudRate: machine.baudRate,
      statistics: machine.statistics)
  }
}

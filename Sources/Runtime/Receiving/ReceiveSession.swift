internal import Checkpoints
package import LinkLayer
package import Streaming
package import SystemPackage
internal import Transfer

/// Receives one model into a file: answers what the machine asks, and stores what it brings.
package final class ReceiveSession {
  private var writer: ModelWriter?
  private let holdings: Holdings
  private var isUnchanged = false
  // What somebody wants to have, and what this end wants.
  private var asked: FetchRequest?
  private var wanted: Digest?
  // Whether somebody wanted what there is not; who is to come is still waited for.
  private var isRefusal = false
  // Of the stream, what another session has brought.
  private var resumedByteCount = 0
  // Pieces of it that are gone through at a time.
  private static let replayLimit = 64
  private let tell: (TransferNews) -> Void
  private var manifest: Manifest?
  // Reached, and to be told once all of it is decoded.
  private var milestone: Milestone?
  private var model: Digest?
  private var openedAt = MonotonicClock.now
  private var baudRate: UInt32 = 0
  private var toldAt = MonotonicClock.now
  private let timeout: Int?
  private var giveUpAt: Instant?
  // Of sessions before this one.
  private var deliveredBefore: UInt64 = 0
  private var digest: Digest?
  private var outcome: TransferOutcome?
  private var failure: ModelWriterError?
  /// Where the model grows until it is complete.
  package let partialPath: FilePath
  /// What happened on the link; complete when `run` has ended, in whatever way.
  package private(set) var statistics = LinkStatistics()
  /// Whether the output has been replaced by what has come, complete or not.
  package private(set) var hasSnapshot = false
  // The last reason for which it was not.
  private var snapshotError: OutputError?
  /// How far all of the model had come.
  package private(set) var tier: Milestone.Tier?
  /// Whether another session can go on with what has come.
  package var isResumable: Bool { holdings.unfinished?.byteCount ?? 0 > 0 }
  /// Tensors that were complete at the end.
  package private(set) var tensorCount = 0

  /// Creates the output beside its final place.
  ///
  /// A sender is waited for `timeout` seconds, or for ever where it is nil; `tell` is called for all
  /// that a user may want to see.
  package init(
    into path: FilePath, timeout: Int?, snapshots: SnapshotPolicy = .init(),
    tell: @escaping (TransferNews) -> Void
  ) throws(OutputError) {
    let writer = try ModelWriter(path, snapshots)
    partialPath = writer.partialPath
    holdings = Holdings(beside: writer.path)
    self.writer = consume writer
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

  /// Fetches a model over a link, of which this end is the initiator; the one in use where no digest is given.
  ///
  /// - Throws: `SessionError`, and what the loop throws.
  package func fetch(
    _ digest: Digest?, over link: consuming Link, _ info: ReceiverInfo, _ loop: inout TransferLoop
  ) throws -> TransferResult {
    var info = info
    holdings.describe(&info)
    wanted = digest
    let machine = ReceiveTransfer(fetchingOver: link, info: info, at: MonotonicClock.now)
    guard let result = try run(machine, &loop) else {
      throw SessionError.ended(.linkClosed(.peer(.done)))
    }
    return result
  }

  private func run(
    _ machine: consuming ReceiveTransfer, _ loop: inout TransferLoop
  ) throws -> TransferResult? {
    var machine = machine
    baudRate = machine.baudRate
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
    if let request = asked.take() { return try give(request, SendTransfer(giving: machine), &loop) }
    if let failure { throw SessionError.writer(failure) }
    if isRefusal || outcome == .linkClosed(.peer(.done)) && manifest == nil { return nil }
    guard case .completed = outcome, let manifest, let digest else {
      throw SessionError.ended(outcome ?? .linkClosed(.local(.aborted)))
    }
    return TransferResult(
      isUnchanged: isUnchanged, manifest: manifest, digest: digest, progress: progress(machine))
  }

  private func note(endOf machine: borrowing ReceiveTransfer) {
    statistics = machine.statistics
    tensorCount = writer?.tensorCount ?? 0
    // What has come is not lost, whatever ended the session.
    if digest == nil, tier != nil { _ = takeSnapshot(.last) }
  }

  /// Sends the model that is here to one who has asked for it.
  private func give(
    _ request: FetchRequest, _ machine: consuming SendTransfer, _ loop: inout TransferLoop
  ) throws -> TransferResult? {
    guard let held = holdings.held else { return nil }
    let session = try SendSession(
      Checkpoint(opening: held.path), named: held.path.lastComponent?.string ?? "",
      SendPolicy(), tell: tell)
    do {
      tell(.gave(try session.give(to: request.taker, machine, &loop)))
    } catch let error as SessionError {
      // The other end knows better what it wants to do about it.
      tell(.notGiven(error))
    }
    return nil
  }

  /// Answers what has happened; true while there is more to decode at once.
  private func respond(_ machine: inout ReceiveTransfer) -> Bool {
    defer { keepReceived(&machine) }
    do throws(ModelWriterError) {
      if writer?.isBusy == true { try writer?.decode() }
      var replayed = 0
      while writer?.isBusy != true, replayed < Self.replayLimit {
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
    if let milestone {
      self.milestone = nil
      tier = milestone.tier
      // The model itself follows the last one.
      let isLast = milestone.tier == .complete
      // What was told before is not told again.
      if machine.replayRest > 0 { return }
      let isStored = isLast ? false : takeSnapshot(.milestone)
      let stream = streamByteCount(machine)
      tell(.reached(milestone, byteCount: stream, isStored: isStored))
    }
    if let model {
      self.model = nil
      // Digests and the disk take their time, and the sender is to know.
      machine.announceBusy(for: .seconds(5))
      if !isUnchanged {
        try writer.take()?.finish(model)
        holdings.finish()
      }
      digest = model
      machine.confirm(model)
    }
  }

  private func answer(
    _ event: ReceiveTransfer.Event, _ machine: inout ReceiveTransfer
  ) throws(ModelWriterError) {
    switch event {
    case .connected(let peer):
      peer.log()
      openedAt = MonotonicClock.now
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
      model = digest
    case .listed: machine.tell(holdings.listing)
    case .activated, .rolledBack:
      isRefusal = true
      machine.fail(ReceiverFailure(.wrongModel, text: Array("there is one model only".utf8)))
    case .fetched(let request):
      guard let digest = holdings.held?.digest, request.digest.map({ $0 == digest }) ?? true else {
        isRefusal = true
        machine.fail(ReceiverFailure(.wrongModel, text: Array("no such model is here".utf8)))
        break
      }
      asked = request
    case .giverReady(let info): fetch(from: info, &machine)
    case .offered(let manifest): try begin(manifest, &machine)
    case .unitBegan(let unit): try writer?.begin(unit)
    case .content:
      try take(&machine) { (bytes) throws(ModelWriterError) in
        try writer?.append(bytes)
      }
    case .coded:
      try take(&machine) { (bytes) throws(ModelWriterError) in
        try writer?.appendCoded(bytes)
      }
    case .milestone(let milestone):
      try writer?.endCodeword()
      self.milestone = milestone
    case .unitEnded(let digest): try writer?.endUnit(digest)
    case .finished(let digest):
      try writer?.endCodeword()
      model = digest
    case .ended(let outcome): self.outcome = outcome
    }
  }

  private func fetch(from info: ReceiverInfo, _ machine: inout ReceiveTransfer) {
    tell(.giverFound(info))
    machine.fetch(
      FetchRequest(wanted, behind: machine.info.unfinished?.byteCount ?? 0, by: machine.info))
  }

  private func begin(
    _ manifest: Manifest, _ machine: inout ReceiveTransfer
  ) throws(ModelWriterError) {
    guard writer != nil else { throw .incomplete }
    let before = holdings.unfinished?.byteCount ?? 0
    // First: a model that cannot be laid out takes nothing away of an unfinished one.
    try writer?.begin(manifest, holdings)
    resumedByteCount = try holdings.begin(manifest)
    self.manifest = manifest
    milestone = nil
    tier = nil
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

  private func take(
    _ machine: inout ReceiveTransfer, _ body: (Span<UInt8>) throws(ModelWriterError) -> Void
  ) throws(ModelWriterError) {
    var result: Result<Void, ModelWriterError> = .success(())
    machine.takeContent { bytes in
      do throws(ModelWriterError) {
        try body(bytes)
      } catch {
        result = .failure(error)
      }
    }
    try result.get()
  }

  private func observe(_ machine: borrowing ReceiveTransfer) {
    let now = MonotonicClock.now
    if machine.baudRate != baudRate {
      baudRate = machine.baudRate
      tell(.rateChanged(baudRate))
    }
    guard manifest != nil, now - toldAt >= .milliseconds(100) else { return }
    toldAt = now
    // Between milestones the model gets better, too.
    if tier != nil, writer?.isBusy == false, takeSnapshot(.tick) { tell(.improved) }
    tell(.progress(progress(machine)))
  }

  /// Puts what has come in the output's place; where that fails, says why, once.
  private func takeSnapshot(_ occasion: SnapshotOccasion) -> Bool {
    do throws(OutputError) {
      guard try writer?.takeSnapshot(occasion, tier) == true else { return false }
      hasSnapshot = true
      return true
    } catch {
      if error != snapshotError { tell(.notStored(error)) }
      snapshotError = error
      return false
    }
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
      elapsed: MonotonicClock.now - openedAt, baudRate: machine.baudRate,
      statistics: machine.statistics)
  }
}

extension ModelWriterError {
  /// Whether the stream is to blame, and not this end's disk.
  fileprivate var isOfStream: Bool {
    switch self {
    // What has come of another transfer is not to blame for a sender who builds on what is not here.
    case .output, .layout, .base: false
    case .content, .codedStream, .digest, .incomplete: true
    }
  }
}

extension ReceiverFailure {
  /// What the sender is told of an error of this end.
  init(_ error: ModelWriterError) {
    let code: Code
    switch error {
    case .output(let output): code = output.errno == .noSpace ? .noSpace : .cannotStore
    case .layout, .base: code = .wrongModel
    case .content, .digest: code = .verificationFailed
    case .codedStream, .incomplete: code = .badStream
    }
    self.init(code, text: Array(Self.words(for: error).utf8))
  }

  /// What is told beside the code; for the sender's user, so no names of types.
  private static func words(for error: ModelWriterError) -> String {
    switch error {
    case .output(let error): "\(error.path): \(error.errno)"
    case .content(let tensor), .digest(let tensor?): "\(tensor)"
    case .base: "what the model builds on is not here"
    case .layout, .codedStream, .digest(nil), .incomplete: ""
    }
  }
}

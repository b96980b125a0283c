package import LinkLayer
package import Streaming
package import SystemPackage
internal import Transfer

/// Receives one model into a file: answers what the machine asks, and stores what it brings.
package final class ReceiveSession {
  private var writer: ModelWriter?
  private let tell: (TransferNews) -> Void
  private var manifest: Manifest?
  private var contentByteTotal = 0
  private var openedAt = MonotonicClock.now
  private var baudRate: UInt32 = 0
  private var toldAt = MonotonicClock.now
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
  /// Tensors that were complete at the end.
  package private(set) var tensorCount = 0

  /// Creates the output beside its final place.
  ///
  /// A sender is waited for `timeout` seconds, or for ever where it is nil; `tell` is called for all
  /// that a user may want to see.
  package init(
    into path: FilePath, timeout: Int?, tell: @escaping (TransferNews) -> Void
  ) throws(OutputError) {
    let writer = try ModelWriter(path)
    partialPath = writer.partialPath
    self.writer = consume writer
    self.tell = tell
    giveUpAt = timeout.map { MonotonicClock.now + .seconds(Int64($0)) }
  }

  /// Listens over a link, of which this end is the responder, until a model is complete.
  ///
  /// - Throws: `SessionError`, and what the loop throws.
  package func run(
    over link: consuming Link, _ info: ReceiverInfo, _ loop: inout TransferLoop
  ) throws -> TransferResult {
    var machine = ReceiveTransfer(link: link, info: info)
    baudRate = machine.baudRate
    defer {
      statistics = machine.statistics
      tensorCount = writer?.tensorCount ?? 0
    }
    do {
      try loop.run(&machine) { machine in
        respond(&machine)
        if let giveUpAt, giveUpAt <= MonotonicClock.now { throw SessionError.noSender }
        return false
      } observe: { machine in
        observe(machine)
      }
    } catch {
      // Once the model is in its place, a sender that misses the last word takes nothing away.
      if digest == nil { throw error }
      outcome = .completed
    }
    if let failure { throw SessionError.writer(failure) }
    guard case .completed = outcome, let manifest, let digest else {
      throw SessionError.ended(outcome ?? .linkClosed(.local(.aborted)))
    }
    return TransferResult(manifest: manifest, digest: digest, progress: progress(machine))
  }

  private func respond(_ machine: inout ReceiveTransfer) {
    while let event = machine.nextEvent() {
      do throws(ModelWriterError) {
        try answer(event, &machine)
      } catch {
        failure = error
        machine.fail(ReceiverFailure(error))
      }
    }
  }

  private func answer(
    _ event: ReceiveTransfer.Event, _ machine: inout ReceiveTransfer
  ) throws(ModelWriterError) {
    switch event {
    case .connected(let peer):
      openedAt = MonotonicClock.now
      giveUpAt = nil
      deliveredBefore = machine.statistics.bytesDelivered
      tell(.connected(peer, nil))
    case .interrupted: tell(.interrupted)
    case .resumed: tell(.resumed)
    case .offered(let manifest):
      guard writer != nil else { throw .incomplete }
      try writer?.begin(manifest)
      self.manifest = manifest
      contentByteTotal = manifest.byteCount
      machine.accept()
      tell(.began(manifest, contentByteCount: contentByteTotal))
    case .unitBegan(let unit): try writer?.begin(unit)
    case .content:
      var result: Result<Void, ModelWriterError> = .success(())
      machine.takeContent { bytes in
        do throws(ModelWriterError) {
          try writer?.append(bytes)
        } catch {
          result = .failure(error)
        }
      }
      try result.get()
    case .unitEnded(let digest): try writer?.endUnit(digest)
    case .finished(let digest):
      try writer.take()?.finish(digest)
      self.digest = digest
      machine.confirm(digest)
    case .ended(let outcome): self.outcome = outcome
    }
  }

  private func observe(_ machine: borrowing ReceiveTransfer) {
    let now = MonotonicClock.now
    if machine.baudRate != baudRate {
      baudRate = machine.baudRate
      tell(.rateChanged(baudRate))
    }
    guard manifest != nil, now - toldAt >= .milliseconds(100) else { return }
    toldAt = now
    tell(.progress(progress(machine)))
  }

  private func progress(_ machine: borrowing ReceiveTransfer) -> TransferProgress {
    TransferProgress(
      contentByteCount: writer?.tensorByteCount ?? contentByteTotal,
      contentByteTotal: contentByteTotal,
      streamByteCount: Int(machine.statistics.bytesDelivered - deliveredBefore),
      elapsed: MonotonicClock.now - openedAt, baudRate: machine.baudRate,
      statistics: machine.statistics)
  }
}

extension ReceiverFailure {
  /// What the sender is told of an error of this end.
  init(_ error: ModelWriterError) {
    let code: Code
    switch error {
    case .output(let output): code = output.errno == .noSpace ? .noSpace : .cannotStore
    case .layout: code = .wrongModel
    case .content, .digest: code = .verificationFailed
    case .incomplete: code = .badStream
    }
    self.init(code, text: Array(Self.words(for: error).utf8))
  }

  /// What is told beside the code; for the sender's user, so no names of types.
  private static func words(for error: ModelWriterError) -> String {
    switch error {
    case .output(let error): "\(error.path): \(error.errno)"
    case .content(let tensor), .digest(let tensor?): "\(tensor)"
    case .layout, .digest(nil), .incomplete: ""
    }
  }
}

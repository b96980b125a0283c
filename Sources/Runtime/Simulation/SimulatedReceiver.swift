internal import LinkLayer
internal import Streaming
internal import Tensors
internal import Transfer

/// The caller of a receiving machine in a simulation: takes a model as `ReceiveSession` does, keeps
/// none of it, and notes what was wrong with it and when it came.
final class SimulatedReceiver {
  private var model: ModelMemory?
  private var oracle: ContentOracle
  /// When so many bytes of contents were there, since the sender began.
  private(set) var deliveries: [(time: UInt64, byteCount: Int)] = []
  /// When what had been reached.
  private(set) var reached: [(milestone: Milestone, time: UInt64)] = []
  /// What the oracle could not read.
  private var failure: (any Error)?

  init(_ source: ModelSource, _ model: ModelPlan) {
    oracle = ContentOracle(source, model)
  }

  var deliveredByteCount: Int { oracle.deliveredByteCount }
  var wrongByteCount: Int { oracle.wrongByteCount }

  /// Bytes of the contents that have not come.
  func remainingByteCount() throws -> Int { try oracle.remainingByteCount() }

  /// Answers what has happened at `now`, in nanoseconds.
  func respond(_ machine: inout ReceiveTransfer, at now: UInt64) throws {
    while let event = machine.nextEvent() {
      do throws(ModelWriterError) {
        try answer(event, &machine, at: now)
      } catch {
        machine.fail(ReceiverFailure(error))
      }
      if let failure { throw failure }
    }
  }

  private func answer(
    _ event: ReceiveTransfer.Event, _ machine: inout ReceiveTransfer, at now: UInt64
  ) throws(ModelWriterError) {
    switch event {
    case .connected:
      model = nil
      oracle.restart()
      deliveries = []
      reached = []
    case .interrupted, .resumed, .ended: break
    case .compared(let prefixes): machine.tell(held: prefixes.map { _ in false })
    case .unchanged, .activated, .rolledBack, .fetched, .listed, .giverReady: throw .base
    case .offered(let manifest):
      model = ModelMemory(manifest)
      machine.accept()
    case .unitBegan(let unit): try model?.begin(unit)
    case .content:
      try take(&machine, at: now) { (bytes) throws(ModelWriterError) in
        try model?.append(bytes)
      }
    case .coded:
      try take(&machine, at: now) { (bytes) throws(ModelWriterError) in
        try model?.appendCoded(bytes)
      }
    case .unitEnded(let digest): try model?.endUnit(digest)
    case .milestone(let milestone):
      try model?.endCodeword()
      reached.append((milestone, now))
    case .finished(let digest):
      try model?.endCodeword()
      try model?.check(digest)
      machine.confirm(digest)
    }
  }

  private func take(
    _ machine: inout ReceiveTransfer, at now: UInt64,
    _ body: (Span<UInt8>) throws(ModelWriterError) -> Void
  ) throws(ModelWriterError) {
    defer { deliveries.append((now, oracle.deliveredByteCount)) }
    try machine.takeContent { (bytes) throws(ModelWriterError) in
      do { try oracle.compare(bytes) } catch { failure = error }
      try body(bytes)
    }
  }
}

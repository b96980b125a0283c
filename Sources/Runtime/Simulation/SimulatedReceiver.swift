internal import Checkpoints
internal import LinkLayer
internal import Streaming
internal import Transfer

/// The caller of a receiving machine in a simulation: takes a model as `ReceiveSession` does, keeps
/// none of it, and notes what was wrong with it and when it came.
final class SimulatedReceiver {
  private var model: IncomingModel?
  private var oracle: ContentOracle
  /// When so many bytes of contents were there, since the sender began.
  private(set) var deliveries: [(time: UInt64, byteCount: Int)] = []
  /// When the first tensor was complete and verified.
  private(set) var firstTensorTime: UInt64?
  /// What the oracle could not read.
  private var failure: (any Error)?

  init(_ checkpoint: Checkpoint, _ plan: TransferPlan) {
    oracle = ContentOracle(checkpoint, plan)
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
      firstTensorTime = nil
    case .interrupted, .resumed, .ended: break
    case .offered(let manifest):
      model = IncomingModel(manifest)
      machine.accept()
    case .unitBegan(let unit): try model?.begin(unit)
    case .content:
      var result: Result<[UInt8]?, ModelWriterError> = .success(nil)
      machine.takeContent { bytes in
        do { try oracle.compare(bytes) } catch { failure = error }
        result = Result { () throws(ModelWriterError) in try model?.append(bytes) }
      }
      deliveries.append((now, oracle.deliveredByteCount))
      _ = try result.get()
    case .unitEnded(let digest):
      try model?.endUnit(digest)
      firstTensorTime = firstTensorTime ?? now
    case .finished(let digest):
      try model?.check(digest)
      machine.confirm(digest)
    }
  }
}

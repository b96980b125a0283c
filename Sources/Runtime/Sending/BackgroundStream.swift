import Dispatch
import Synchronization

/// Runs a model stream on a thread of its own, some pieces ahead of the line.
///
/// The line is slow and encoding is fast, but a pass over a large tensor takes longer than an answer may:
/// the loop never waits for one.
///
/// Where pieces are kept, many go through the stream, each from its beginning and on its own thread.
final class BackgroundStream: Sendable {
  /// What is to be had now.
  enum Offer {
    case piece(ModelStream.Piece, unquantizable: [Int])
    case nothingYet
    case end
  }

  private struct State {
    var pieces: [(piece: ModelStream.Piece, unquantizable: [Int])] = []
    // Pieces before those that are kept no longer.
    var dropped = 0
    // Pieces that somebody has taken.
    var taken = 0
    var failure: (any Error)?
    var hasEnded = false
    var isStopped = false
  }

  // Pieces ahead of the first who takes them: a record each, so a megabyte.
  private static let pieceLimit = 64

  private let keepsPieces: Bool
  private let state = Mutex(State())
  // Counted up from zero: one that is freed below its first value would be an error.
  private let room = DispatchSemaphore(value: 0)
  private let news = DispatchSemaphore(value: 0)
  private let running = DispatchGroup()

  init(_ stream: ModelStream, keepsPieces: Bool = false) {
    self.keepsPieces = keepsPieces
    let worker = Worker(stream: stream)
    for _ in 0..<Self.pieceLimit { room.signal() }
    // A thread and not a task: it blocks while the line is busy.
    let thread = DispatchQueue(label: "wtserial.encoder", qos: .userInitiated)
    thread.async(group: running) { [self] in run(worker) }
  }

  /// Only its thread touches it, from the beginning on; the checkpoint in it is read by nobody else while
  /// it runs.
  private final class Worker: @unchecked Sendable {
    var stream: ModelStream

    init(stream: ModelStream) { self.stream = stream }
  }

  private func run(_ worker: Worker) {
    do {
      while !worker.stream.isFinished, !state.withLock({ $0.isStopped }) {
        guard let piece = try worker.stream.next() else { continue }
        room.wait()
        let exact = worker.stream.unquantizable
        let isStopped = state.withLock { state in
          state.pieces.append((piece, exact))
          return state.isStopped
        }
        news.signal()
        if isStopped { return }
      }
      state.withLock { $0.hasEnded = true }
    } catch {
      state.withLock { $0.failure = error }
    }
    news.signal()
  }

  /// The piece at a position, counted from the beginning, or the next that nobody has taken; waits for it a moment, so that whoever asks again at once does not spin.
  ///
  /// - Throws: what the stream has thrown.
  func take(at position: Int? = nil) throws -> Offer {
    if case let offer = try poll(position), !offer.isNothing { return offer }
    _ = news.wait(timeout: .now() + .milliseconds(2))
    return try poll(position)
  }

  private func poll(_ position: Int?) throws -> Offer {
    try state.withLock { state in
      let position = position ?? state.taken
      let index = position - state.dropped
      guard index < state.pieces.count else {
        if let failure = state.failure { throw failure }
        return state.hasEnded ? .end : .nothingYet
      }
      let (piece, exact) = state.pieces[index]
      if !keepsPieces {
        state.pieces.removeFirst()
        state.dropped += 1
      }
      if position == state.taken {
        state.taken += 1
        room.signal()
      }
      return .piece(piece, unquantizable: exact)
    }
  }

  /// Lets the thread end, and waits until it has left the checkpoint alone: at most for the pass that it
  /// is at.
  func stop() {
    state.withLock { state in
      state.isStopped = true
      state.pieces = []
    }
    for _ in 0...Self.pieceLimit { room.signal() }
    running.wait()
  }
}

extension BackgroundStream.Offer {
  var isNothing: Bool {
    if case .nothingYet = self { return true }
    return false
  }
}

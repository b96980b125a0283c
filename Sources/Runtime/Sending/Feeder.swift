/// A model stream, on a thread of its own or not.
final class Feeder {
  private var stream: ModelStream?
  private let background: BackgroundStream?
  private(set) var unquantizable: [Int] = []
  private(set) var isFinished = false
  // Of the next piece.
  private var position = 0
  private let isSharing: Bool

  init(_ stream: ModelStream, usesThread: Bool) {
    isSharing = false
    if usesThread {
      background = BackgroundStream(stream)
    } else {
      background = nil
      self.stream = stream
    }
  }

  /// Goes through a stream that keeps its pieces, for others go through it, too.
  init(sharing stream: BackgroundStream) {
    isSharing = true
    background = stream
  }

  /// The next piece, if there is one by now.
  func next() throws -> ModelStream.Piece? {
    guard let background else { return try step() }
    switch try background.take(at: position) {
    case .piece(let piece, let exact):
      unquantizable = exact
      position += 1
      return piece
    case .nothingYet: return nil
    case .end:
      isFinished = true
      return nil
    }
  }

  private func step() throws -> ModelStream.Piece? {
    let piece = try stream?.next()
    unquantizable = stream?.unquantizable ?? []
    isFinished = stream?.isFinished ?? true
    return piece
  }

  func stop() {
    if !isSharing { background?.stop() }
  }
}

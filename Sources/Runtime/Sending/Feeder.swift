/// A model stream, on a thread of its own or not.
final class Feeder {
  private var stream: ModelStream?
  private let background: BackgroundStream?
  private(set) var unquantizable: [Int] = []
  private(set) var isFinished = false

  init(_ stream: ModelStream, usesThread: Bool) {
    if usesThread {
      background = BackgroundStream(stream)
    } else {
      background = nil
      self.stream = stream
    }
  }

  /// The next piece, if there is one by now.
  func next() throws -> ModelStream.Piece? {
    guard let background else { return try step() }
    switch try background.take() {
    case .piece(let piece, let exact):
      unquantizable = exact
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

  func stop() { background?.stop() }
}

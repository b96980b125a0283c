import Checkpoints
import Glibc
import Streaming
import SystemPackage
import Tensors
import Testing
import WeightCodec

@testable import Runtime

/// A model stream on a thread of its own.
@Suite(.timeLimit(.minutes(2)))
struct BackgroundStreamTests {
  private let folder: TemporaryFolder
  private let checkpoint: Checkpoint

  init() throws {
    folder = try TemporaryFolder()
    // More records than are made ahead, where it goes whole.
    checkpoint = try folder.makeCheckpoint([sampleTensor("bytes", .u8, [1_500_000], seed: 3)])
  }

  private func stream(
    _ policy: SendPolicy, of checkpoint: Checkpoint? = nil
  ) throws -> ModelStream {
    let checkpoint = checkpoint ?? self.checkpoint
    let source = ModelSource(checkpoint, policy)
    return ModelStream(source, try ModelPlan(source, named: "in", policy))
  }

  /// All that comes, until its end.
  private func pieces(of stream: BackgroundStream) throws -> [ModelStream.Piece] {
    var pieces: [ModelStream.Piece] = []
    while true {
      switch try stream.take() {
      case .piece(let piece, _): pieces.append(piece)
      case .nothingYet: break
      case .end: return pieces
      }
    }
  }

  @Test func piecesAreThoseOfTheStreamAndThenItEnds() throws {
    let planed = try folder.makeCheckpoint(
      [weightTensor("planes", [100, 90])], named: "planes.safetensors")
    for (checkpoint, policy) in [(planed, planes()), (checkpoint, plain(.exact, .none))] {
      let (_, expected) = try modelPieces(of: checkpoint, policy)
      let background = BackgroundStream(try stream(policy, of: checkpoint))
      #expect(try pieces(of: background) == expected)
      expectEnd(of: background)
      background.stop()
    }
  }

  @Test func manyGoThroughAStreamThatKeepsItsPieces() throws {
    let (_, expected) = try modelPieces(of: checkpoint, plain(.exact, .none))
    #expect(expected.count > 64)
    let background = BackgroundStream(try stream(plain(.exact, .none)), keepsPieces: true)
    // The second begins when the first has taken some, and the third when both are done.
    let feeders = [Feeder(sharing: background), Feeder(sharing: background)]
    var found: [[ModelStream.Piece]] = [[], []]
    while !feeders.allSatisfy({ $0.isFinished }) {
      if let piece = try feeders[0].next() { found[0].append(piece) }
      guard found[0].count > 20 || feeders[0].isFinished else { continue }
      if let piece = try feeders[1].next() { found[1].append(piece) }
    }
    #expect(found == [expected, expected])
    let last = Feeder(sharing: background)
    var pieces: [ModelStream.Piece] = []
    while !last.isFinished {
      if let piece = try last.next() { pieces.append(piece) }
    }
    #expect(pieces == expected)
    // One that ends early leaves the others theirs.
    last.stop()
    expectEnd(of: background, at: expected.count)
    background.stop()
  }

  private func expectEnd(of background: BackgroundStream, at position: Int? = nil) {
    guard case .end = try? background.take(at: position) else {
      Issue.record("an end stays an end")
      return
    }
  }

  @Test func errorOfTheStreamComesBehindWhatWasMadeBefore() throws {
    let background = BackgroundStream(try stream(plain(.exact, .none)))
    // What was made ahead waits here, and the rest of the file has changed.
    var first: ModelStream.Piece?
    while first == nil {
      if case .piece(let piece, _) = try background.take() { first = piece }
    }
    let path = folder.file("in.safetensors").string
    unsafe utimes(path, [timeval(tv_sec: 1, tv_usec: 0), timeval(tv_sec: 1, tv_usec: 0)])
    #expect(throws: CheckpointError.changedWhileReading) { _ = try pieces(of: background) }
    // And it stays one.
    #expect(throws: CheckpointError.changedWhileReading) { _ = try background.take() }
    background.stop()
  }

  @Test(arguments: 0..<25)
  func itCanBeStoppedAtAnyTime(count: Int) throws {
    weak var watched: BackgroundStream?
    do {
      let background = BackgroundStream(try stream(plain(.exact, .none)))
      watched = background
      var taken = 0
      while taken < count * 4 {
        switch try background.take() {
        case .piece: taken += 1
        case .nothingYet: break
        case .end: taken = .max
        }
      }
      background.stop()
    }
    // Its thread lets go of it.
    for _ in 0..<2000 where watched != nil { usleep(5000) }
    #expect(watched == nil)
  }
}

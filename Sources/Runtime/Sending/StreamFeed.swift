internal import Streaming
internal import Transfer

/// Feeds a machine with the stream of a model, and knows what of it is where.
struct StreamFeed {
  private let feeder: Feeder
  private var marks = TierMarks()
  /// The model's, once all of the stream is in the machine, and its size is known.
  private(set) var digest: Digest?
  // Tensors that were told of.
  private var unquantizableCount = 0

  /// Stands before the first piece.
  init(_ feeder: Feeder) { self.feeder = feeder }

  /// Whether there are no more pieces.
  ///
  /// The feeder says so only when it is asked once more than it has any: `digest` is there before.
  var isFinished: Bool { feeder.isFinished }

  /// The last tier that is through.
  var tier: Milestone.Tier? { marks.last?.tier }

  /// Feeds a piece, and the line is looked after in between; true when there is more to feed at once.
  ///
  /// - Throws: what reading the checkpoint throws.
  mutating func feed(_ machine: inout SendTransfer) throws -> Bool {
    guard machine.wantsContent, !feeder.isFinished else { return false }
    guard let piece = try feeder.next() else { return true }
    switch piece {
    case .begin(let unit): machine.beginUnit(unit)
    case .content(let bytes): machine.append(content: bytes)
    case .end(let digest): machine.endUnit(digest)
    case .coded(let bytes): machine.append(coded: bytes)
    case .milestone(let milestone):
      machine.append(milestone)
      // What was told in an earlier session is not told again.
      if machine.isSkipping {
        marks.passed(milestone)
      } else {
        marks.note(milestone, stream: machine.streamByteCount)
      }
    case .finish(let digest):
      self.digest = digest
      machine.finish(digest)
    }
    return machine.wantsContent
  }

  /// Tensors that were found not to be quantizable since the last call.
  mutating func takeUnquantizable() -> [Int] {
    let all = feeder.unquantizable
    guard all.count > unquantizableCount else { return [] }
    defer { unquantizableCount = all.count }
    return Array(all[unquantizableCount...])
  }

  /// The milestones that are newly through with so many bytes of the stream, and their places in it.
  mutating func pass(stream: Int) -> [TierMarks.Mark] { marks.pass(stream: stream) }

  func stop() { feeder.stop() }
}

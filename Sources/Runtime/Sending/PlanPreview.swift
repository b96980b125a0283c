package import Checkpoints
package import Streaming
package import SystemPackage
internal import Tensors
internal import WeightCodec

/// Runs a plan without a line: what its steps really take, and what a receiver has after so many bytes.
package struct PlanPreview: ~Copyable {
  private let model: ModelPlan
  private var stream: ModelStream
  private var received: ModelMemory
  private var tier: Milestone.Tier?
  /// Bytes of the stream so far.
  package private(set) var byteCount: Int
  /// Those at each milestone so far.
  package private(set) var milestones: [(milestone: Milestone, byteCount: Int)] = []

  /// A receiver that holds nothing.
  package init(_ source: ModelSource, _ model: ModelPlan) {
    received = ModelMemory(model.plan.manifest)
    self.model = model
    stream = ModelStream(source, model)
    byteCount = model.plan.manifestByteCount
  }

  /// One that holds the earlier version that is planned with.
  ///
  /// - Throws: what reading that throws.
  package init(_ source: ModelSource, _ model: ModelPlan, from earlier: Checkpoint) throws {
    let base = try BaseModel(of: earlier, model.policy)
    received = try ModelMemory(model.plan.manifest, from: base, model.digests)
    self.model = model
    stream = ModelStream(source, model, from: base)
    byteCount = model.plan.manifestByteCount
  }

  /// Goes through the whole stream; returns what each step of the plan took, in bytes.
  package mutating func measure() throws -> [Double] {
    var contents: [Int: Int] = [:]
    var tensor = 0
    while let piece = try nextPiece() {
      if case .begin(let unit) = piece { tensor = unit.tensorIndex }
      let size = Self.recordByteCount(piece)
      byteCount += size
      switch piece {
      case .begin, .content, .end: contents[tensor, default: 0] += size
      case .milestone(let milestone): milestones.append((milestone, byteCount))
      case .coded, .finish: break
      }
    }
    return zip(model.plan.steps, stream.codedByteCounts).map { step, coded in
      switch step.action {
      case .pass: coded
      case .content(let unit): Double(contents[unit.tensorIndex] ?? 0)
      case .milestone: step.byteCount
      }
    }
  }

  /// Goes to so many bytes of the stream, and writes the model as a receiver has it then.
  package mutating func write(
    after limit: Int, to path: FilePath, _ snapshots: SnapshotPolicy
  ) throws {
    while byteCount < limit, let piece = try nextPiece() {
      let size = Self.recordByteCount(piece)
      try take(piece, upTo: limit - byteCount, of: size)
      byteCount += size
    }
    byteCount = min(byteCount, limit)
    let manifest = model.plan.manifest
    let state =
      tier == .complete ? nil : Snapshot.State(tier: tier, knowledge: received.knowledge)
    let snapshot = Snapshot(manifest, snapshots, received.offsets)
    try received.withBytes { (bytes) throws(OutputError) in
      guard manifest.kind == .tensors else {
        let file = try OutputFile(path)
        try file.write(bytes, at: 0)
        return try file.finish(isDurable: false)
      }
      try snapshot.write(bytes, state, to: path)
    }
  }

  private mutating func nextPiece() throws -> ModelStream.Piece? {
    while !stream.isFinished {
      if let piece = try stream.next() { return piece }
    }
    return nil
  }

  /// Gives the receiver a piece, or the first bytes of its record.
  private mutating func take(_ piece: ModelStream.Piece, upTo limit: Int, of size: Int) throws {
    switch piece {
    case .begin(let unit): try received.begin(unit)
    case .content(let bytes):
      try received.append(Self.prefix(of: bytes, recordByteCount: size, limit).span)
    case .coded(let bytes):
      try received.appendCoded(Self.prefix(of: bytes, recordByteCount: size, limit).span)
    case .milestone(let milestone):
      guard limit >= size else { return }
      try received.endCodeword()
      tier = milestone.tier
    case .finish: break
    case .end(let digest):
      guard limit >= size else { return }
      try received.endUnit(digest)
    }
  }

  private static func prefix(
    of bytes: [UInt8], recordByteCount: Int, _ limit: Int
  ) -> [UInt8] {
    Array(bytes.prefix(max(limit - (recordByteCount - bytes.count), 0)))
  }

  /// The bytes of a piece's record: kind, length, body.
  private static func recordByteCount(_ piece: ModelStream.Piece) -> Int {
    let body =
      switch piece {
      case .begin(let unit): unit.encoded().count
      case .content(let bytes), .coded(let bytes): bytes.count
      case .end, .finish: Digest.byteCount
      case .milestone(let milestone): milestone.encoded().count
      }
    return Record.byteCount(bodyByteCount: body)
  }
}

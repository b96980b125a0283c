package import Streaming
package import SystemPackage
internal import Tensors
internal import WeightCodec

/// Runs a plan without a line: what its steps really take, and what a receiver has after so many bytes.
package struct PlanPreview: ~Copyable {
  private let model: ModelPlan
  private var stream: ModelStream
  private var incoming: IncomingModel
  private var memory: [UInt8]
  private let offsets: [Int]
  /// Bytes of the stream so far.
  package private(set) var byteCount: Int
  /// Those at each milestone so far.
  package private(set) var milestones: [(milestone: Milestone, byteCount: Int)] = []

  package init(_ source: ModelSource, _ model: ModelPlan) {
    self.model = model
    stream = ModelStream(source, model)
    var offsets: [Int] = []
    var end = 0
    for entry in model.plan.manifest.entries {
      offsets.append(end)
      end += entry.tensor.byteCount
    }
    self.offsets = offsets
    memory = []
    incoming = IncomingModel(model.plan.manifest, at: offsets)
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
    memory = Array(repeating: 0, count: (offsets.last ?? 0) + (lastTensorByteCount))
    while byteCount < limit, let piece = try nextPiece() {
      let size = Self.recordByteCount(piece)
      try take(piece, upTo: limit - byteCount, of: size)
      byteCount += size
    }
    byteCount = min(byteCount, limit)
    copySharedTensors()
    let snapshot = Snapshot(model.plan.manifest, snapshots, offsets)
    let bits = model.plan.manifest.entries.indices.map { incoming.knowledge(of: $0) }
    try unsafe snapshot.write(memory.span.bytes, bits: bits, to: path)
  }

  /// Gives tensors that share their bytes what has come for them.
  private mutating func copySharedTensors() {
    for (index, entry) in model.plan.manifest.entries.enumerated() {
      guard let source = entry.sharedWith else { continue }
      let count = entry.tensor.byteCount
      let bytes = Array(memory[offsets[source]..<offsets[source] + count])
      memory.replaceSubrange(offsets[index]..<offsets[index] + count, with: bytes)
    }
  }

  private var lastTensorByteCount: Int { model.plan.manifest.entries.last?.tensor.byteCount ?? 0 }

  private mutating func nextPiece() throws -> ModelStream.Piece? {
    while !stream.isFinished {
      if let piece = try stream.next() { return piece }
    }
    return nil
  }

  /// Gives the receiver a piece, or the first bytes of its record.
  private mutating func take(_ piece: ModelStream.Piece, upTo limit: Int, of size: Int) throws {
    switch piece {
    case .begin(let unit): try incoming.begin(unit)
    case .content(let bytes):
      let part = Self.prefix(of: bytes, recordByteCount: size, limit)
      let elements = try incoming.append(part.span)
      place(elements)
    case .coded(let bytes):
      let part = Self.prefix(of: bytes, recordByteCount: size, limit)
      try withMemory { (incoming, memory) throws(ModelWriterError) in
        try incoming.appendCoded(part.span, into: &memory)
        while incoming.isBusy { try incoming.decode(into: &memory) }
      }
    case .milestone, .finish:
      guard limit >= size else { return }
      try withMemory { (incoming, memory) throws(ModelWriterError) in
        try incoming.endCodeword(into: &memory)
        while incoming.isBusy { try incoming.decode(into: &memory) }
      }
    case .end(let digest):
      contentPlace = 0
      guard limit >= size else { return }
      try incoming.endUnit(digest)
    }
  }

  // Bytes of the open content that have been placed.
  private var contentPlace = 0

  private mutating func place(_ elements: [UInt8]) {
    guard let index = incoming.openIndex else { return }
    let start = offsets[index] + contentPlace
    memory.replaceSubrange(start..<start + elements.count, with: elements)
    contentPlace += elements.count
  }

  private mutating func withMemory(
    _ body: (inout IncomingModel, inout MutableRawSpan) throws(ModelWriterError) -> Void
  ) throws(ModelWriterError) {
    var result: Result<Void, ModelWriterError> = .success(())
    unsafe memory.withUnsafeMutableBytes { bytes in
      var span = unsafe MutableRawSpan(_unsafeBytes: bytes)
      do throws(ModelWriterError) { try body(&incoming, &span) } catch { result = .failure(error) }
    }
    try result.get()
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

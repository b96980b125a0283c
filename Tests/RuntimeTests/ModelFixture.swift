import Checkpoints
import Glibc
import LineModel
import Streaming
import SystemPackage
import Tensors
import Testing
import WeightCodec

@testable import Runtime

extension TemporaryFolder {
  func file(_ name: String) -> FilePath { path.appending(name) }

  func exists(_ name: String) -> Bool {
    let name = file(name).string
    return unsafe access(name, F_OK) == 0
  }

  func write(_ bytes: [UInt8], to name: String) throws {
    let file = try FileDescriptor.open(
      file(name), .writeOnly, options: [.create, .truncate], permissions: .ownerReadWrite)
    try file.closeAfter { _ = try file.writeAll(bytes) }
  }

  /// A safetensors file with the tensors given, as this program writes one.
  func makeCheckpoint(
    _ tensors: [(TensorDescriptor, [UInt8])], named name: String = "in.safetensors"
  ) throws -> Checkpoint {
    let layout = try SafetensorsLayout(tensors: tensors.map(\.0))
    var bytes = layout.header + [UInt8](repeating: 0, count: layout.byteCount - layout.header.count)
    for (index, tensor) in tensors.enumerated() {
      let start = layout.dataOffsets[index]
      bytes.replaceSubrange(start..<start + tensor.1.count, with: tensor.1)
    }
    try write(bytes, to: name)
    return try Checkpoint(opening: file(name))
  }
}

/// A tensor whose elements follow from `seed`: floats of 32 bits between -1 and 1, bytes otherwise.
func sampleTensor(
  _ name: TensorName, _ dtype: DType, _ extents: [Int], seed: Int = 1
) throws -> (TensorDescriptor, [UInt8]) {
  let shape = try #require(TensorShape(extents))
  let descriptor = try #require(TensorDescriptor(name: name, dtype: dtype, shape: shape))
  if dtype == .f32 {
    let values = (0..<shape.elementCount).map { Float(($0 * 37 + seed) % 101) / 50 - 1 }
    let bytes = values.flatMap { value in
      (0..<4).map { UInt8(truncatingIfNeeded: value.bitPattern >> UInt32(8 * $0)) }
    }
    return (descriptor, bytes)
  }
  return (descriptor, (0..<descriptor.byteCount).map { UInt8(truncatingIfNeeded: $0 * seed) })
}

/// Sends tensors whole.
func plain(
  _ representation: Representation = .exact, _ compression: Compression = .deflate
) -> SendPolicy {
  SendPolicy(.plain(PlainPolicy(representation: representation, compression: compression)))
}

/// Sends planes.
func planes(_ order: PassOrder = .value, limit: Int? = nil, cast: DType? = nil) -> SendPolicy {
  var policy = SendPolicy(.planes(ProgressivePolicy(order: order, planeLimit: limit)))
  policy.cast = cast
  return policy
}

/// A tensor of 32-bit floats around zero, as weights are.
func weightTensor(
  _ name: TensorName, _ extents: [Int], seed: UInt64 = 1, scale: Float = 1
) throws -> (TensorDescriptor, [UInt8]) {
  let shape = try #require(TensorShape(extents))
  let descriptor = try #require(TensorDescriptor(name: name, dtype: .f32, shape: shape))
  var generator = SeededGenerator(seed: seed)
  let bytes = (0..<shape.elementCount).flatMap { _ in
    let sum = (0..<4).reduce(Float(0)) { sum, _ in
      sum + Float.random(in: -1...1, using: &generator)
    }
    let bits = (sum * scale).bitPattern
    return (0..<4).map { UInt8(truncatingIfNeeded: bits >> UInt32(8 * $0)) }
  }
  return (descriptor, bytes)
}

/// All that a sender says of a checkpoint, to a receiver or to the richest.
func modelPieces(
  of checkpoint: Checkpoint, _ policy: SendPolicy, for info: ReceiverInfo? = nil
) throws -> (Manifest, [ModelStream.Piece]) {
  let source = ModelSource(checkpoint, policy)
  let model = try ModelPlan(source, named: "in", policy, for: info)
  var stream = ModelStream(source, model)
  var pieces: [ModelStream.Piece] = []
  while !stream.isFinished {
    if let piece = try stream.next() { pieces.append(piece) }
  }
  return (model.plan.manifest, pieces)
}

/// Writes a model from what a sender says; `reached` is told of each milestone.
func write(
  _ manifest: Manifest, _ path: FilePath, _ pieces: [ModelStream.Piece],
  _ snapshots: SnapshotPolicy = .init(), reached: ((Milestone) throws -> Void)? = nil
) throws {
  var writer = try ModelWriter(path, snapshots)
  try writer.begin(manifest)
  for piece in pieces {
    switch piece {
    case .begin(let unit): try writer.begin(unit)
    case .content(let bytes): try writer.append(bytes.span)
    case .end(let digest): try writer.endUnit(digest)
    case .coded(let bytes): try writer.appendCoded(bytes.span)
    case .milestone: try writer.endCodeword()
    case .finish(let digest):
      try writer.endCodeword()
      while writer.isBusy { try writer.decode() }
      try writer.finish(digest)
      return
    }
    while writer.isBusy { try writer.decode() }
    guard case .milestone(let milestone) = piece, let reached else { continue }
    _ = try writer.takeSnapshot(.last)
    try reached(milestone)
  }
  throw ModelWriterError.incomplete
}

extension Checkpoint {
  /// A tensor's place: a file has its tensors in an order of its own.
  func index(of name: TensorName) throws -> Int {
    try #require(tensors.firstIndex { $0.descriptor.name == name })
  }

  /// All bytes of a tensor.
  func bytes(of name: TensorName) throws -> [UInt8] {
    let index = try index(of: name)
    return try bytes(of: index, in: 0..<tensors[index].descriptor.byteCount)
  }
}

/// The values of a tensor of 32-bit floats.
func floats(of checkpoint: Checkpoint, _ name: TensorName) throws -> [Float] {
  try floats(of: checkpoint, checkpoint.index(of: name))
}

/// The values of a tensor of 32-bit floats.
func floats(of checkpoint: Checkpoint, _ index: Int) throws -> [Float] {
  let byteCount = checkpoint.tensors[index].descriptor.byteCount
  let bytes = try checkpoint.bytes(of: index, in: 0..<byteCount)
  return stride(from: 0, to: byteCount, by: 4).map { offset in
    Float(bitPattern: (0..<4).reduce(0) { $0 | UInt32(bytes[offset + $1]) << UInt32(8 * $1) })
  }
}

/// Whether two checkpoints have the same tensors under the same names.
func expectEqual(_ left: Checkpoint, _ right: Checkpoint) throws {
  let names = right.tensors.map(\.descriptor.name)
  #expect(names.count == left.tensors.count)
  for (index, tensor) in left.tensors.enumerated() {
    let other = try #require(names.firstIndex(of: tensor.descriptor.name))
    #expect(right.tensors[other].descriptor == tensor.descriptor)
    let range = 0..<tensor.descriptor.byteCount
    #expect(try left.bytes(of: index, in: range) == right.bytes(of: other, in: range))
  }
}

import Checkpoints
import Glibc
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
}

/// What leaves a checkpoint, into what becomes of it.
struct ModelWriterTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// A safetensors file with the tensors given, as this program writes one.
  private func makeCheckpoint(_ tensors: [(TensorDescriptor, [UInt8])]) throws -> Checkpoint {
    let layout = try SafetensorsLayout(tensors: tensors.map(\.0))
    var bytes = layout.header + [UInt8](repeating: 0, count: layout.byteCount - layout.header.count)
    for (index, tensor) in tensors.enumerated() {
      let start = layout.dataOffsets[index]
      bytes.replaceSubrange(start..<start + tensor.1.count, with: tensor.1)
    }
    try folder.write(bytes, to: "in.safetensors")
    return try Checkpoint(opening: folder.file("in.safetensors"))
  }

  private func tensor(
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

  private func pieces(
    of checkpoint: Checkpoint, _ policy: PlanPolicy
  ) throws -> (Manifest, [ContentSource.Piece]) {
    let plan = TransferPlan(Manifest(checkpoint, named: "in"), policy)
    var source = ContentSource(checkpoint, plan)
    var pieces: [ContentSource.Piece] = []
    while !source.isFinished {
      if let piece = try source.next() { pieces.append(piece) }
    }
    return (plan.manifest, pieces)
  }

  private func write(_ manifest: Manifest, _ pieces: [ContentSource.Piece]) throws {
    var writer = try ModelWriter(folder.file("out"))
    try writer.begin(manifest)
    for piece in pieces {
      switch piece {
      case .begin(let unit): try writer.begin(unit)
      case .content(let bytes): try writer.append(bytes.span)
      case .end(let digest): try writer.endUnit(digest)
      case .finish(let digest):
        try writer.finish(digest)
        return
      }
    }
    throw ModelWriterError.incomplete
  }

  private func expectEqual(_ left: Checkpoint, _ right: Checkpoint) throws {
    let names = right.tensors.map(\.descriptor.name)
    for (index, tensor) in left.tensors.enumerated() {
      let other = try #require(names.firstIndex(of: tensor.descriptor.name))
      #expect(right.tensors[other].descriptor == tensor.descriptor)
      let range = 0..<tensor.descriptor.byteCount
      #expect(try left.bytes(of: index, in: range) == right.bytes(of: other, in: range))
    }
  }

  @Test(arguments: Compression.allCases)
  func exactTensorsArriveBitForBit(_ compression: Compression) throws {
    let checkpoint = try makeCheckpoint([
      tensor("large", .f32, [300, 200]), tensor("small", .f32, [7]), tensor("scalar", .i64, []),
      tensor("empty", .f16, [0, 3]), tensor("flags", .bool, [9]), tensor("bytes", .u8, [70_000]),
    ])
    let (manifest, pieces) = try pieces(of: checkpoint, PlanPolicy(compression: compression))
    try write(manifest, pieces)
    try expectEqual(checkpoint, Checkpoint(opening: folder.file("out")))
    #expect(!folder.exists("out.partial"))
  }

  @Test(arguments: [Representation.affine(bits: 8), .channel(bits: 8), .cast(.bf16)])
  func largeTensorsAreQuantizedAndSmallOnesAreNot(_ representation: Representation) throws {
    let checkpoint = try makeCheckpoint([
      tensor("large", .f32, [300, 200]), tensor("small", .f32, [7]),
    ])
    let policy = PlanPolicy(representation: representation)
    let (manifest, pieces) = try pieces(of: checkpoint, policy)
    try write(manifest, pieces)
    let out = try Checkpoint(opening: folder.file("out"))
    let whole = 0..<28
    #expect(try out.bytes(of: 1, in: whole) == checkpoint.bytes(of: 1, in: whole))
    for (before, after) in zip(try floats(checkpoint, 0), try floats(out, 0)) {
      #expect(abs(before - after) <= 0.5 / 127 + 1e-6)
    }
    #expect(try floats(checkpoint, 0) != floats(out, 0))
  }

  private func floats(_ checkpoint: Checkpoint, _ index: Int) throws -> [Float] {
    let byteCount = checkpoint.tensors[index].descriptor.byteCount
    let bytes = try checkpoint.bytes(of: index, in: 0..<byteCount)
    return stride(from: 0, to: byteCount, by: 4).map { offset in
      Float(
        bitPattern: (0..<4).reduce(0) { $0 | UInt32(bytes[offset + $1]) << UInt32(8 * $1) })
    }
  }

  @Test func filesArriveAsTheyAre() throws {
    let bytes = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 / 3) }
    try folder.write(bytes, to: "in.bin")
    let checkpoint = try Checkpoint(opening: folder.file("in.bin"))
    let (manifest, pieces) = try pieces(of: checkpoint, PlanPolicy())
    #expect(manifest.kind == .file)
    try write(manifest, pieces)
    try expectEqual(checkpoint, Checkpoint(opening: folder.file("in.bin")))
    let out = try FileDescriptor.open(folder.file("out"), .readOnly)
    let read = try out.closeAfter {
      try unsafe [UInt8](unsafeUninitializedCapacity: 100_001) { buffer, count in
        count = try unsafe out.read(into: UnsafeMutableRawBufferPointer(buffer))
      }
    }
    #expect(read == bytes)
  }

  @Test func everyDamagedDigestOrContentIsRefused() throws {
    let checkpoint = try makeCheckpoint([tensor("a", .f32, [40, 40]), tensor("b", .f32, [3])])
    for compression in Compression.allCases {
      let (manifest, pieces) = try pieces(of: checkpoint, PlanPolicy(compression: compression))
      for index in pieces.indices {
        var damaged = pieces
        switch pieces[index] {
        case .begin: continue
        case .content(var bytes):
          bytes[bytes.count / 2] ^= 0x10
          damaged[index] = .content(bytes)
        case .end: damaged[index] = .end(try #require(Digest([UInt8](repeating: 7, count: 32))))
        case .finish:
          damaged[index] = .finish(try #require(Digest([UInt8](repeating: 7, count: 32))))
        }
        #expect(throws: ModelWriterError.self) { try write(manifest, damaged) }
        #expect(!folder.exists("out"))
      }
    }
  }

  @Test func missingDoubledAndLongContentsAreRefused() throws {
    let checkpoint = try makeCheckpoint([tensor("a", .f32, [40, 40]), tensor("b", .f32, [3])])
    let (manifest, pieces) = try pieces(of: checkpoint, PlanPolicy(compression: .none))
    let unitEnd = try #require(pieces.firstIndex { if case .end = $0 { true } else { false } })
    let first = Array(pieces[...unitEnd])
    #expect(throws: ModelWriterError.incomplete) {
      try write(manifest, Array(pieces[(unitEnd + 1)...]))
    }
    #expect(throws: ModelWriterError.incomplete) { try write(manifest, first + pieces) }
    var long = pieces
    long.insert(.content([0]), at: unitEnd)
    #expect(throws: ModelWriterError.content(tensor: "b")) { try write(manifest, long) }
  }

  @Test func anOldOutputStaysUntilTheNewOneIsWhole() throws {
    try folder.write([1, 2, 3], to: "out")
    let checkpoint = try makeCheckpoint([tensor("a", .f32, [3])])
    let (manifest, pieces) = try pieces(of: checkpoint, PlanPolicy())
    #expect(throws: ModelWriterError.self) { try write(manifest, pieces.dropLast()) }
    #expect(try Checkpoint(opening: folder.file("out")).format == .opaque)
    try write(manifest, pieces)
    #expect(try Checkpoint(opening: folder.file("out")).format == .safetensors)
  }

  @Test func outputsThatCannotBeAreKnownAtOnce() throws {
    #expect(throws: OutputError.self) {
      _ = try OutputFile(folder.path.appending("no such folder").appending("out"))
    }
    #expect(throws: OutputError.self) { _ = try OutputFile(folder.path) }
  }

  @Test func anEmptyPartialFileIsRemoved() throws {
    do { _ = try OutputFile(folder.file("out")) }
    #expect(!folder.exists("out.partial"))
  }
}

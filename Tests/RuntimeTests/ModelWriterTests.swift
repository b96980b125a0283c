import Checkpoints
import Streaming
import SystemPackage
import Tensors
import Testing
import WeightCodec

@testable import Runtime

/// What leaves a checkpoint, into what becomes of it.
struct ModelWriterTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  @Test(arguments: Compression.allCases)
  func exactTensorsArriveBitForBit(_ compression: Compression) throws {
    let checkpoint = try folder.makeCheckpoint([
      sampleTensor("large", .f32, [300, 200]), sampleTensor("small", .f32, [7]),
      sampleTensor("scalar", .i64, []),
      sampleTensor("empty", .f16, [0, 3]), sampleTensor("flags", .bool, [9]),
      sampleTensor("bytes", .u8, [70_000]),
    ])
    let (manifest, pieces) = try modelPieces(of: checkpoint, plain(.exact, compression))
    try write(manifest, folder.file("out"), pieces)
    try expectEqual(checkpoint, Checkpoint(opening: folder.file("out")))
    #expect(!folder.exists("out.partial"))
  }

  @Test(arguments: [Representation.affine(bits: 8), .channel(bits: 8), .cast(.bf16)])
  func largeTensorsAreQuantizedAndSmallOnesAreNot(_ representation: Representation) throws {
    let checkpoint = try folder.makeCheckpoint([
      sampleTensor("large", .f32, [300, 200]), sampleTensor("small", .f32, [7]),
    ])
    let (manifest, pieces) = try modelPieces(of: checkpoint, plain(representation))
    try write(manifest, folder.file("out"), pieces)
    let out = try Checkpoint(opening: folder.file("out"))
    let whole = 0..<28
    #expect(try out.bytes(of: 1, in: whole) == checkpoint.bytes(of: 1, in: whole))
    for (before, after) in zip(try floats(of: checkpoint, 0), try floats(of: out, 0)) {
      #expect(abs(before - after) <= 0.5 / 127 + 1e-6)
    }
    #expect(try floats(of: checkpoint, 0) != floats(of: out, 0))
  }

  @Test func filesArriveAsTheyAre() throws {
    let bytes = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 / 3) }
    try folder.write(bytes, to: "in.bin")
    let checkpoint = try Checkpoint(opening: folder.file("in.bin"))
    let (manifest, pieces) = try modelPieces(of: checkpoint, plain())
    #expect(manifest.kind == .file)
    try write(manifest, folder.file("out"), pieces)
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
    let checkpoint = try folder.makeCheckpoint([
      sampleTensor("a", .f32, [40, 40]), sampleTensor("b", .f32, [3]),
    ])
    for compression in Compression.allCases {
      let (manifest, pieces) = try modelPieces(of: checkpoint, plain(.exact, compression))
      for index in pieces.indices {
        var damaged = pieces
        switch pieces[index] {
        case .begin, .coded, .milestone: continue
        case .content(var bytes):
          bytes[bytes.count / 2] ^= 0x10
          damaged[index] = .content(bytes)
        case .end: damaged[index] = .end(try #require(Digest([UInt8](repeating: 7, count: 32))))
        case .finish:
          damaged[index] = .finish(try #require(Digest([UInt8](repeating: 7, count: 32))))
        }
        #expect(throws: ModelWriterError.self) { try write(manifest, folder.file("out"), damaged) }
        #expect(!folder.exists("out"))
      }
    }
  }

  @Test func missingDoubledAndLongContentsAreRefused() throws {
    let checkpoint = try folder.makeCheckpoint([
      sampleTensor("a", .f32, [40, 40]), sampleTensor("b", .f32, [3]),
    ])
    let (manifest, pieces) = try modelPieces(of: checkpoint, plain(.exact, .none))
    let unitEnd = try #require(pieces.firstIndex { if case .end = $0 { true } else { false } })
    let first = Array(pieces[...unitEnd])
    #expect(throws: ModelWriterError.incomplete) {
      try write(manifest, folder.file("out"), Array(pieces[(unitEnd + 1)...]))
    }
    #expect(throws: ModelWriterError.incomplete) {
      try write(manifest, folder.file("out"), first + pieces)
    }
    var long = pieces
    long.insert(.content([0]), at: unitEnd)
    #expect(throws: ModelWriterError.content(tensor: "b")) {
      try write(manifest, folder.file("out"), long)
    }
  }

  @Test func anOldOutputStaysUntilTheNewOneIsWhole() throws {
    try folder.write([1, 2, 3], to: "out")
    let checkpoint = try folder.makeCheckpoint([sampleTensor("a", .f32, [3])])
    let (manifest, pieces) = try modelPieces(of: checkpoint, plain())
    #expect(throws: ModelWriterError.self) {
      try write(manifest, folder.file("out"), pieces.dropLast())
    }
    #expect(try Checkpoint(opening: folder.file("out")).format == .opaque)
    try write(manifest, folder.file("out"), pieces)
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

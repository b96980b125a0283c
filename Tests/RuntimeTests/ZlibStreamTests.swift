import LineModel
import Testing

@testable import Runtime

/// Packing and unpacking in portions.
struct ZlibStreamTests {
  private static func pass(
    _ bytes: [UInt8], through direction: ZlibStream.Direction, portion: Int
  ) throws -> (bytes: [UInt8], isAtEnd: Bool) {
    var stream = ZlibStream(direction)
    var output: [UInt8] = []
    var offset = 0
    repeat {
      let end = min(offset + portion, bytes.count)
      try stream.process(
        bytes.span.extracting(offset..<end), isLast: end == bytes.count
      ) { piece in
        for index in piece.indices { output.append(piece[index]) }
      }
      offset = end
    } while offset < bytes.count
    return (output, stream.isAtEnd)
  }

  private static func sample(_ count: Int) -> [UInt8] {
    var generator = SeededGenerator(seed: 3)
    // Runs, so that there is something to pack.
    return (0..<count).map { index in
      index % 7 < 4 ? 0x3F : UInt8(truncatingIfNeeded: generator.next())
    }
  }

  @Test(arguments: [0, 1, 2, 1000, 100_000], [1, 7, 4096, 1 << 20])
  func unpackingUndoesPacking(byteCount: Int, portion: Int) throws {
    guard byteCount / portion < 10_000 else { return }
    let original = Self.sample(byteCount)
    let packed = try Self.pass(original, through: .deflate, portion: portion)
    let unpacked = try Self.pass(packed.bytes, through: .inflate, portion: portion)
    #expect(unpacked.bytes == original)
    #expect(unpacked.isAtEnd)
  }

  @Test func everyTruncationIsSeen() throws {
    let packed = try Self.pass(Self.sample(300), through: .deflate, portion: 300).bytes
    for count in 0..<packed.count {
      let unpacked = try Self.pass(Array(packed[..<count]), through: .inflate, portion: 64)
      #expect(!unpacked.isAtEnd)
    }
  }

  @Test func everyFlippedBitIsSeen() throws {
    let packed = try Self.pass(Self.sample(60), through: .deflate, portion: 60).bytes
    for bit in 0..<packed.count * 8 {
      var damaged = packed
      damaged[bit / 8] ^= 1 << (bit % 8)
      // RFC 1950 ends in a checksum: the stream breaks or never comes to its end.
      let unpacked = try? Self.pass(damaged, through: .inflate, portion: 64)
      #expect(unpacked?.isAtEnd != true || unpacked?.bytes == Self.sample(60), "bit \(bit)")
    }
  }

  @Test func bytesBehindTheEndAreRefused() throws {
    let packed = try Self.pass([1, 2, 3], through: .deflate, portion: 3).bytes
    #expect(throws: ZlibError.trailingBytes) {
      try Self.pass(packed + [0], through: .inflate, portion: 100)
    }
    #expect(throws: ZlibError.trailingBytes) {
      try Self.pass(packed + [0], through: .inflate, portion: packed.count)
    }
  }
}

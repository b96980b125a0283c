import Framing
import LineModel
import Testing

@testable import LinkLayer

struct StreamBufferTests {
  /// Any appending and removing, against an array.
  @Test(arguments: 0..<20 as Range<UInt64>)
  func isAQueue(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    let capacity = Int.random(in: 1...40, using: &generator)
    let annex = Int.random(in: 0...3, using: &generator)
    var buffer = StreamBuffer(
      storage: ByteStorage(byteCount: capacity + annex), capacity: capacity)
    var expected: [UInt8] = []
    for round in 0..<200 as Range<UInt64> {
      let new = sample(Int.random(in: 0...50, using: &generator), seed: round)
      let taken = buffer.append(new.span)
      #expect(taken == min(new.count, capacity - expected.count))
      expected += new[..<taken]
      let count = buffer.count
      #expect(count == expected.count)
      let prefix = Int.random(in: 0...count, using: &generator)
      var found: [UInt8] = []
      let start = Int.random(in: 0...prefix, using: &generator)
      buffer.forEachPiece(of: start..<prefix) { piece in
        found += piece.indices.map { piece[$0] }
      }
      #expect(found == Array(expected[start..<prefix]))
      buffer.removeFirst(prefix)
      expected.removeFirst(prefix)
    }
    buffer.removeAll()
    let free = buffer.freeByteCount
    #expect(free == capacity)
  }

  /// Bytes may come before what stands in front of them, and count only then.
  @Test(arguments: 0..<20 as Range<UInt64>)
  func bytesArePlacedBehindTheEnd(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    let capacity = Int.random(in: 8...40, using: &generator)
    var buffer = StreamBuffer(storage: ByteStorage(byteCount: capacity + 2), capacity: capacity)
    buffer[annex: 0] = 0xA5
    buffer[annex: 1] = 0x5A
    for round in 0..<100 as Range<UInt64> {
      let new = sample(Int.random(in: 0...buffer.freeByteCount, using: &generator), seed: round)
      let (count, cut) = (buffer.count, Int.random(in: 0...new.count, using: &generator))
      buffer.place(new.span.extracting(cut..<new.count), at: count + cut)
      let before = buffer.count
      #expect(before == count)
      _ = buffer.append(new.span.extracting(0..<cut))
      buffer.extend(by: new.count - cut)
      var found: [UInt8] = []
      buffer.forEachPiece(of: count..<count + new.count) { piece in
        found += piece.indices.map { piece[$0] }
      }
      #expect(found == new)
      buffer.removeFirst(Int.random(in: 0...buffer.count, using: &generator))
    }
    let annex = (buffer[annex: 0], buffer[annex: 1])
    #expect(annex == (0xA5, 0x5A), "the annex is not the ring's")
  }
}

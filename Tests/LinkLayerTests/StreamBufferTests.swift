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
    var buffer = StreamBuffer(storage: ByteStorage(byteCount: capacity))
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
      buffer.forEachPiece(ofFirst: prefix) { piece in found += piece.indices.map { piece[$0] } }
      #expect(found == Array(expected[..<prefix]))
      buffer.removeFirst(prefix)
      expected.removeFirst(prefix)
    }
    buffer.removeAll()
    let free = buffer.freeByteCount
    #expect(free == capacity)
  }
}

import Testing

@testable import LinkLayer

struct BlockNumberTests {
  /// All numbers, and all distances within half the circle.
  @Test func distanceUndoesAdvancing() {
    for start in stride(from: 0, to: 4096, by: 131) as StrideTo<UInt16> {
      let first = BlockNumber(start)
      for count in -2048...2047 {
        let second = first.advanced(by: count)
        if second.distance(from: first) != count {
          Issue.record("\(start) and \(count) blocks on")
        }
      }
    }
  }

  @Test func numbersHaveTwelveBits() {
    #expect(BlockNumber(0xFFFF).rawValue == 0x0FFF)
    #expect(BlockNumber(4095).advanced(by: 1) == BlockNumber(0))
    #expect(BlockNumber(0).advanced(by: -1) == BlockNumber(4095))
  }

  @Test func shortBlocksCountAsWholeOnes() {
    for (byteCount, count) in [(0, 0), (1, 1), (16, 1), (17, 2), (4096, 256)] {
      #expect(BlockNumber.count(forByteCount: byteCount) == count)
    }
  }
}

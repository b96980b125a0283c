import Framing
import TestVectors
import Testing

struct COBSTests {
  @Test func vectorsHoldBothWays() throws {
    for line in try VectorFile("cobs").lines {
      let (plain, stuffed) = (try line.bytes(0), try line.bytes(1))
      #expect(stuff(plain) == stuffed, "\(line)")
      #expect(unstuff(stuffed) == plain, "\(line)")
    }
  }

  @Test func allShortInputsComeBack() {
    var inputs: [[UInt8]] = [[]]
    for _ in 0..<5 {
      for input in inputs { expectRoundTrip(input) }
      inputs = inputs.flatMap { input in [0, 1, 0xFE, 0xFF].map { input + [$0] } }
    }
  }

  /// Where a group is full, with a zero before, in and behind it.
  @Test(arguments: [253, 254, 255, 256, 507, 508, 509, 510, 511])
  func lengthsAroundAFullGroupComeBack(count: Int) {
    let plain = (0..<count).map { UInt8($0 % 255 + 1) }
    expectRoundTrip(plain)
    for zero in [0, 1, 252, 253, 254, 255, 256, count - 1] where zero < count {
      var input = plain
      input[zero] = 0
      expectRoundTrip(input)
      expectRoundTrip(input + [0])
    }
  }

  @Test func fullLastGroupNeedsNoEmptyOneBehindIt() {
    let plain = (1...254).map { UInt8($0) }
    #expect(unstuff([0xFF] + plain) == plain)
  }

  @Test func groupThatIsCutOffIsNoEnd() {
    #expect(unstuff([3, 0x11]) == nil)
    #expect(unstuff([0xFF] + (1...253).map { UInt8($0) }) == nil)
  }

  private func expectRoundTrip(_ plain: [UInt8]) {
    let stuffed = stuff(plain)
    #expect(!stuffed.contains(COBS.delimiter))
    #expect(stuffed.count <= COBS.encodedByteCountLimit(for: plain.count))
    #expect(unstuff(stuffed) == plain)
  }

  private func stuff(_ plain: [UInt8]) -> [UInt8] {
    [UInt8](capacity: COBS.encodedByteCountLimit(for: plain.count)) { output in
      var encoder = COBSEncoder(into: &output)
      for byte in plain { encoder.append(byte, into: &output) }
      encoder.finish(into: &output)
    }
  }

  /// Nil where no frame may end.
  private func unstuff(_ stuffed: [UInt8]) -> [UInt8]? {
    var decoder = COBSDecoder()
    var plain: [UInt8] = []
    for byte in stuffed {
      if case .byte(let byte) = decoder.decode(byte) { plain.append(byte) }
    }
    return decoder.isAtEnd ? plain : nil
  }
}

import TestVectors
import Testing

@testable import Streaming

struct VarintTests {
  @Test(arguments: [0, 1, 127, 128, 16383, 16384, 1 << 32, 1 << 56, Int.max - 1, Int.max])
  func numbersComeBack(number: Int) throws {
    var bytes: [UInt8] = []
    Varint.append(number, to: &bytes)
    #expect(bytes.count <= Varint.byteCountLimit)
    #expect(try read(bytes) == number)
  }

  @Test func vectorsHoldBothWays() throws {
    for line in try VectorFile("record").lines where line.word(0) == "varint" {
      let number: Int = try line.number(1)
      var bytes: [UInt8] = []
      Varint.append(number, to: &bytes)
      #expect(bytes == (try line.bytes(2)), "\(line)")
      #expect(try read(bytes) == number, "\(line)")
    }
  }

  @Test func numberOfMoreThanNineBytesIsRefused() {
    let full = [UInt8](repeating: 0xFF, count: 9)
    #expect(throws: RecordError.numberTooLong) { try read(full + [0]) }
    #expect(throws: RecordError.numberTooLong) { try read(full + [0x7F]) }
  }

  @Test func longerFormThanNeededIsRefused() {
    #expect(throws: RecordError.numberTooLong) { try read([0x80, 0]) }
    #expect(throws: RecordError.numberTooLong) { try read([0xFF, 0x80, 0]) }
  }

  @Test func numberThatIsCutOffIsRefused() {
    #expect(throws: RecordError.truncated) { try read([]) }
    #expect(throws: RecordError.truncated) { try read([0x80]) }
  }

  private func read(_ bytes: [UInt8]) throws(RecordError) -> Int {
    var body = BodyReader(bytes)
    return try body.varint()
  }
}

import Framing
import TestVectors
import Testing

struct CRC32Tests {
  @Test func checkValueIsThatOfTheStandard() {
    var crc = CRC32()
    crc.update(Array("123456789".utf8).span)
    #expect(crc.value == 0xCBF4_3926)
  }

  @Test func vectorsHold() throws {
    for line in try VectorFile("crc32").lines {
      var crc = CRC32()
      let bytes = try line.bytes(0)
      crc.update(bytes.span)
      let expected: UInt32 = try line.number(1)
      #expect(crc.value == expected, "\(line)")
    }
  }

  @Test func tableEqualsZlib() {
    for count in 0..<300 {
      let bytes = sample(count, seed: UInt64(count))
      var (whole, table) = (CRC32(), CRC32())
      whole.update(bytes.span)
      table.updateByTable(bytes.span)
      #expect(whole == table)
    }
  }

  @Test func portionsMakeNoDifference() {
    let bytes = sample(200)
    var whole = CRC32()
    whole.update(bytes.span)
    for cut in 0...bytes.count {
      var parts = CRC32()
      parts.update(bytes.span.extracting(0..<cut))
      parts.updateByTable(bytes.span.extracting(cut..<bytes.count))
      #expect(parts == whole)
    }
  }

  @Test func numbersGoInLowByteFirst() {
    var (number, bytes) = (CRC32(), CRC32())
    number.update(littleEndian: 0x0403_0201)
    for byte in 1...4 as ClosedRange<UInt8> { bytes.update(byte) }
    #expect(number == bytes)
  }
}

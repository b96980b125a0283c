import Testing

@testable import Checkpoints

/// Where zip entries begin, in archives that are too large for a fixture.
struct ZipDirectoryTests {
  private func bytes<T: FixedWidthInteger>(_ value: T) -> [UInt8] {
    (0..<T.bitWidth / 8).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
  }

  /// A directory of one entry, and the records after it; each value that is `UInt32.max` is in the
  /// field.
  private func archive(
    size: UInt32 = 5, compressed: UInt32 = 5, offset: UInt32, field: [UInt64]
  ) -> [UInt8] {
    let values = field.flatMap { bytes($0) }
    let unrelated: [UInt8] = [0x55, 0x54, 2, 0, 9, 9]
    let extra = unrelated + bytes(UInt16(1)) + bytes(UInt16(values.count)) + values
    var file: [UInt8] = [0xEE, 0xEE, 0xEE]
    let directory = file.count
    file += Array("PK\u{1}\u{2}".utf8) + [UInt8](repeating: 0, count: 16)
    file += bytes(compressed) + bytes(size) + bytes(UInt16(1)) + bytes(UInt16(extra.count))
    file += [UInt8](repeating: 0, count: 10) + bytes(offset) + Array("n".utf8) + extra
    let zip64End = file.count
    file += Array("PK\u{6}\u{6}".utf8) + [UInt8](repeating: 0, count: 44) + bytes(UInt64(directory))
    file +=
      Array("PK\u{6}\u{7}".utf8) + bytes(UInt32(0)) + bytes(UInt64(zip64End)) + bytes(UInt32(1))
    file += Array("PK\u{5}\u{6}".utf8) + [UInt8](repeating: 0xFF, count: 16) + bytes(UInt16(2))
    return file + [0, 0]
  }

  @Test(arguments: [
    (UInt32(5), UInt32(5), [UInt64(1) << 40]), (.max, 5, [7, 1 << 40]), (5, .max, [7, 1 << 40]),
    (.max, .max, [7, 8, 1 << 40]),
  ])
  func offsetsBeyondFourGigabytesAreInTheExtraField(
    _ size: UInt32, _ compressed: UInt32, _ field: [UInt64]
  ) throws {
    let file = archive(size: size, compressed: compressed, offset: .max, field: field)
    let directory = ZipDirectory(of: ByteRegion(try Memory(file)), entryCount: 1)
    #expect(directory?.localHeaderOffsets == [1 << 40])
  }

  @Test func smallOffsetsAreInTheRecord() throws {
    let file = archive(size: .max, offset: 77, field: [7])
    let directory = ZipDirectory(of: ByteRegion(try Memory(file)), entryCount: 1)
    #expect(directory?.localHeaderOffsets == [77])
  }

  @Test func missingFieldAndMissingRecordsAreNoDirectory() throws {
    let short = archive(size: .max, offset: .max, field: [7])
    #expect(ZipDirectory(of: ByteRegion(try Memory(short)), entryCount: 1) == nil)
    let negative = archive(offset: .max, field: [.max])
    #expect(ZipDirectory(of: ByteRegion(try Memory(negative)), entryCount: 1) == nil)
    let one = archive(offset: 1, field: [])
    #expect(ZipDirectory(of: ByteRegion(try Memory(one)), entryCount: 2) == nil)
  }
}

/// Reads a region from front to back; throws `.truncated` with the offset of what is cut off.
struct ByteReader {
  let region: ByteRegion
  private(set) var offset: Int

  init(_ region: ByteRegion, at offset: Int = 0) {
    self.region = region
    self.offset = offset
  }

  mutating func readByte() throws(CheckpointError) -> UInt8 {
    guard offset < region.byteCount else { throw .truncated(at: offset) }
    defer { offset += 1 }
    return region[offset]
  }

  /// A little-endian integer.
  mutating func readInteger<T: FixedWidthInteger & BitwiseCopyable>(
    _: T.Type
  ) throws(CheckpointError) -> T {
    guard let value = region.integer(T.self, at: offset) else { throw .truncated(at: offset) }
    offset += MemoryLayout<T>.size
    return value
  }

  /// A little-endian integer that has to fit a count of bytes.
  mutating func readCount<T: FixedWidthInteger & BitwiseCopyable>(
    _: T.Type
  ) throws(CheckpointError) -> Int {
    let start = offset
    guard let count = Int(exactly: try readInteger(T.self)), count >= 0 else {
      throw .truncated(at: start)
    }
    return count
  }

  /// Steps over `count` bytes and returns where they are.
  mutating func skip(_ count: Int) throws(CheckpointError) -> Range<Int> {
    guard region.contains(count, at: offset) else { throw .truncated(at: offset) }
    defer { offset += count }
    return offset..<offset + count
  }

  /// Steps over a line and returns where its text is, without the newline.
  mutating func skipLine(byteCountLimit: Int) throws(CheckpointError) -> Range<Int> {
    let start = offset
    while true {
      let byte = try readByte()
      guard byte != UInt8(ascii: "\n") else { return start..<offset - 1 }
      try CheckpointLimit.nameByteCount.check(offset - start, atMost: byteCountLimit)
    }
  }
}

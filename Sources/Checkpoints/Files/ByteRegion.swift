/// A bounds-checked run of bytes in a `Memory`, which it keeps alive.
///
/// Offsets are relative to the region. A range outside it is a mistake of the caller: what a file
/// says is checked with `contains` or `slice` first.
struct ByteRegion {
  let memory: Memory
  private let range: Range<Int>

  /// All bytes of `memory`.
  init(_ memory: Memory) {
    self.memory = memory
    range = 0..<memory.byteCount
  }

  private init(memory: Memory, range: Range<Int>) {
    self.memory = memory
    self.range = range
  }

  var byteCount: Int { range.count }

  subscript(offset: Int) -> UInt8 {
    precondition(offset >= 0 && offset < range.count, "offset outside the region")
    return unsafe memory.unsafeBytes[range.lowerBound + offset]
  }

  /// Whether `count` bytes at `offset` are all inside; any values may be asked about.
  func contains(_ count: Int, at offset: Int) -> Bool {
    offset >= 0 && count >= 0 && offset <= range.count && count <= range.count - offset
  }

  /// The `count` bytes at `offset`, or nil where they are not all inside.
  func slice(_ count: Int, at offset: Int) -> ByteRegion? {
    guard contains(count, at: offset) else { return nil }
    let start = range.lowerBound + offset
    return ByteRegion(memory: memory, range: start..<start + count)
  }

  /// The little-endian integer at `offset`, or nil where it is not all inside.
  func integer<T: FixedWidthInteger & BitwiseCopyable>(_: T.Type, at offset: Int) -> T? {
    guard contains(MemoryLayout<T>.size, at: offset) else { return nil }
    let start = range.lowerBound + offset
    return T(
      littleEndian: unsafe memory.unsafeBytes.loadUnaligned(fromByteOffset: start, as: T.self))
  }

  /// Calls `body` with the bytes of `part`.
  func withBytes<R, E: Error>(
    of part: Range<Int>, _ body: (RawSpan) throws(E) -> R
  ) throws(E) -> R {
    precondition(contains(part.count, at: part.lowerBound), "range outside the region")
    let start = range.lowerBound + part.lowerBound
    let bytes = unsafe UnsafeRawBufferPointer(
      rebasing: memory.unsafeBytes[start..<start + part.count])
    defer { withExtendedLifetime(memory) {} }
    return try body(unsafe RawSpan(_unsafeBytes: bytes))
  }

  /// The bytes of `part` as text, or nil where they are not UTF-8.
  func text(_ part: Range<Int>) -> String? {
    withBytes(of: part) { bytes in
      unsafe bytes.withUnsafeBytes { unsafe String(validating: $0, as: UTF8.self) }
    }
  }

  /// Whether the bytes of `text` stand at `offset`.
  func hasText(_ text: StaticString, at offset: Int) -> Bool {
    guard contains(text.utf8CodeUnitCount, at: offset) else { return false }
    return text.withUTF8Buffer { expected in
      expected.indices.allSatisfy { unsafe self[offset + $0] == expected[$0] }
    }
  }

  /// Whether `text` stands somewhere in `part`.
  func contains(_ text: StaticString, in part: Range<Int>) -> Bool {
    part.contains { hasText(text, at: $0) }
  }
}

/// Unsigned numbers in as few bytes as they need: seven bits a byte, lowest first, the top bit set
/// in all but the last (LEB128).
///
/// At most nine bytes, 63 bits: a count fits an `Int`, or is refused where that has 32. Only the shortest form of a number is
/// taken, so that what was read is encoded again to the same bytes.
enum Varint {
  static let byteCountLimit = 9

  static func append(_ number: Int, to bytes: inout [UInt8]) {
    precondition(number >= 0, "counts are not negative")
    var rest = UInt64(number)
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }
}

/// Reads the fields of a record's body in order.
struct BodyReader {
  private let bytes: [UInt8]
  private var offset = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  var isAtEnd: Bool { offset == bytes.count }

  mutating func byte() throws(RecordError) -> UInt8 {
    guard offset < bytes.count else { throw .truncated }
    offset += 1
    return bytes[offset - 1]
  }

  mutating func varint() throws(RecordError) -> Int {
    var number: UInt64 = 0
    for index in 0..<Varint.byteCountLimit {
      let next = try byte()
      number |= UInt64(next & 0x7F) << UInt64(7 * index)
      guard next & 0x80 == 0 else { continue }
      if next == 0, index > 0 { break }
      guard let number = Int(exactly: number) else { break }
      return number
    }
    throw .numberTooLong
  }

  mutating func bytes(_ count: Int) throws(RecordError) -> [UInt8] {
    guard count <= bytes.count - offset else { throw .truncated }
    offset += count
    return Array(bytes[offset - count..<offset])
  }

  mutating func rest() -> [UInt8] {
    let start = offset
    offset = bytes.count
    return Array(bytes[start...])
  }
}

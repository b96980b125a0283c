/// A strict reader of the JSON in a safetensors header (RFC 8259).
///
/// A parser for any JSON would lose what the format forbids or defines by position: keys that occur
/// twice. Errors are `.malformedSafetensors(.syntax, at:)`, or `.truncated` at the end of the
/// header.
struct JSONScanner {
  private var reader: ByteReader
  private static let nestingLimit = 16

  init(_ header: ByteRegion, at offset: Int) {
    reader = ByteReader(header, at: offset)
  }

  /// The place of the next byte, for errors.
  var offset: Int { reader.offset }

  /// Reads an object; `readValue` has to read the value that belongs to the key.
  mutating func readObject(
    _ readValue: (inout JSONScanner, String) throws(CheckpointError) -> Void
  ) throws(CheckpointError) {
    try expect("{")
    var keys: Set<ExactText> = []
    if try accept("}") { return }
    repeat {
      skipSpace()
      let start = offset
      let key = try readString()
      guard keys.insert(ExactText(key)).inserted else {
        throw .malformedSafetensors(.duplicateKey(key), at: start)
      }
      try expect(":")
      try readValue(&self, key)
    } while try accept(",")
    try expect("}")
  }

  mutating func readArray(
    _ readElement: (inout JSONScanner) throws(CheckpointError) -> Void
  ) throws(CheckpointError) {
    try expect("[")
    if try accept("]") { return }
    repeat { try readElement(&self) } while try accept(",")
    try expect("]")
  }

  /// An integer from 0 on, without fraction or exponent.
  mutating func readInteger() throws(CheckpointError) -> Int {
    skipSpace()
    let start = offset
    var value = 0
    while let digit = peek(), (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) {
      guard value != 0 || offset == start else { throw syntaxError(at: start) }
      let (product, overflow) = value.multipliedReportingOverflow(by: 10)
      let (sum, carry) = product.addingReportingOverflow(Int(digit - UInt8(ascii: "0")))
      guard !overflow, !carry else { throw syntaxError(at: start) }
      value = sum
      _ = try reader.readByte()
    }
    guard offset > start else { throw syntaxError(at: start) }
    return value
  }

  mutating func readString() throws(CheckpointError) -> String {
    try expect("\"")
    let start = offset
    var bytes: [UInt8] = []
    while true {
      let byte = try reader.readByte()
      switch byte {
      case UInt8(ascii: "\""):
        guard let text = String(validating: bytes, as: UTF8.self) else {
          throw syntaxError(at: start)
        }
        return text
      case UInt8(ascii: "\\"): bytes.append(contentsOf: String(try readEscape()).utf8)
      case 0..<0x20: throw syntaxError(at: offset - 1)
      default: bytes.append(byte)
      }
    }
  }

  /// Steps over a value of any kind.
  mutating func skipValue(depth: Int = 0) throws(CheckpointError) {
    skipSpace()
    guard depth < Self.nestingLimit else { throw syntaxError(at: offset) }
    switch peek() {
    case UInt8(ascii: "{"):
      try readObject { (scanner, _) throws(CheckpointError) in
        try scanner.skipValue(depth: depth + 1)
      }
    case UInt8(ascii: "["):
      try readArray { (scanner) throws(CheckpointError) in
        try scanner.skipValue(depth: depth + 1)
      }
    case UInt8(ascii: "\""): _ = try readString()
    case UInt8(ascii: "t"): try skipWord("true")
    case UInt8(ascii: "f"): try skipWord("false")
    case UInt8(ascii: "n"): try skipWord("null")
    default: try skipNumber()
    }
  }

  /// Only white space may be left.
  mutating func expectEnd() throws(CheckpointError) {
    skipSpace()
    guard peek() == nil else { throw syntaxError(at: offset) }
  }

  private func syntaxError(at offset: Int) -> CheckpointError {
    .malformedSafetensors(.syntax, at: offset)
  }

  private func peek() -> UInt8? {
    offset < reader.region.byteCount ? reader.region[offset] : nil
  }

  private mutating func skipSpace() {
    while let byte = peek(), [0x20, 0x09, 0x0A, 0x0D].contains(byte) {
      _ = try? reader.readByte()
    }
  }

  private mutating func expect(_ character: Unicode.Scalar) throws(CheckpointError) {
    skipSpace()
    let start = offset
    guard try reader.readByte() == UInt8(ascii: character) else { throw syntaxError(at: start) }
  }

  private mutating func accept(_ character: Unicode.Scalar) throws(CheckpointError) -> Bool {
    skipSpace()
    guard peek() == UInt8(ascii: character) else { return false }
    _ = try reader.readByte()
    return true
  }

  private mutating func skipWord(_ word: StaticString) throws(CheckpointError) {
    guard reader.region.hasText(word, at: offset) else { throw syntaxError(at: offset) }
    _ = try reader.skip(word.utf8CodeUnitCount)
  }

  /// Numbers that are not ours are let through without a look at their grammar.
  private mutating func skipNumber() throws(CheckpointError) {
    let start = offset
    while let byte = peek(), "+-.0123456789eE".utf8.contains(byte) { _ = try reader.readByte() }
    guard offset > start else { throw syntaxError(at: start) }
  }

  private mutating func readEscape() throws(CheckpointError) -> Unicode.Scalar {
    let start = offset - 1
    switch try reader.readByte() {
    case UInt8(ascii: "\""): return "\""
    case UInt8(ascii: "\\"): return "\\"
    case UInt8(ascii: "/"): return "/"
    case UInt8(ascii: "b"): return "\u{8}"
    case UInt8(ascii: "f"): return "\u{C}"
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "u"): return try readUnicodeEscape(from: start)
    default: throw syntaxError(at: start)
    }
  }

  /// Characters beyond 16 bits are two escapes, a surrogate pair.
  private mutating func readUnicodeEscape(
    from start: Int
  ) throws(CheckpointError) -> Unicode.Scalar {
    let first = try readHexadecimal()
    if let scalar = Unicode.Scalar(first) { return scalar }
    guard (0xD800..<0xDC00).contains(first), reader.region.hasText("\\u", at: offset) else {
      throw syntaxError(at: start)
    }
    _ = try reader.skip(2)
    let second = try readHexadecimal()
    guard (0xDC00..<0xE000).contains(second),
      let scalar = Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
    else { throw syntaxError(at: start) }
    return scalar
  }

  private mutating func readHexadecimal() throws(CheckpointError) -> UInt32 {
    let start = offset
    var value: UInt32 = 0
    for _ in 0..<4 {
      guard let digit = Character(Unicode.Scalar(try reader.readByte())).hexDigitValue else {
        throw syntaxError(at: start)
      }
      value = value << 4 | UInt32(digit)
    }
    return value
  }
}

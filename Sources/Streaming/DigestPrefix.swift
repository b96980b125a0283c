/// The beginning of a tensor's digest, by which a receiver recognizes it (Protocol.md §5.10): two tensors
/// of a model do not share it by chance, and if they did the model's digest would tell.
public struct DigestPrefix: Hashable, Sendable {
  /// The size of a prefix.
  public static let byteCount = 8
  /// As many as fit a record.
  public static let perRecord = Record.bodyByteCountLimit / byteCount

  private let word: UInt64

  /// The first bytes of a digest.
  public init(_ digest: Digest) { self.init(digest.bytes[..<Self.byteCount]) }

  /// Of no tensor that anybody holds.
  public static let unknown = DigestPrefix([0, 0, 0, 0, 0, 0, 0, 0][...])

  private init(_ bytes: ArraySlice<UInt8>) {
    word = bytes.reduce(0) { $0 << 8 | UInt64($1) }
  }

  /// The records that ask for tensors.
  package static func encoded(_ prefixes: [DigestPrefix]) -> [UInt8] {
    var stream: [UInt8] = []
    for start in stride(from: 0, to: prefixes.count, by: perRecord) {
      var body: [UInt8] = []
      for prefix in prefixes[start..<min(start + perRecord, prefixes.count)] {
        for place in (0..<byteCount).reversed() {
          body.append(UInt8(truncatingIfNeeded: prefix.word >> UInt64(8 * place)))
        }
      }
      Record.append(.compare, body: body, to: &stream)
    }
    return stream
  }

  package static func parse(_ body: [UInt8]) throws(RecordError) -> [DigestPrefix] {
    guard !body.isEmpty, body.count.isMultiple(of: byteCount) else { throw .badDigest }
    var prefixes: [DigestPrefix] = []
    for start in stride(from: 0, to: body.count, by: byteCount) {
      prefixes.append(DigestPrefix(body[start..<start + byteCount]))
    }
    return prefixes
  }

  // MARK: - The answer

  /// The body that answers a record: a bit for each, the first the lowest.
  package static func bits(_ held: [Bool]) -> [UInt8] {
    var body = [UInt8](repeating: 0, count: (held.count + 7) / 8)
    for (index, isHeld) in held.enumerated() where isHeld {
      body[index / 8] |= 1 << UInt8(index % 8)
    }
    return body
  }

  package static func parse(bits body: [UInt8], count: Int) throws(RecordError) -> [Bool] {
    guard body.count == (count + 7) / 8 else { throw .badBasis }
    return (0..<count).map { body[$0 / 8] >> UInt8($0 % 8) & 1 == 1 }
  }
}

/// What an offer says besides the model: what a transfer is known by that goes on later, and on what it
/// builds (Protocol.md §5.3).
public struct OfferTerms: Equatable, Sendable {
  /// Stands for all that determines the bytes of the stream behind the manifest; nil for a stream that no
  /// one can go on with.
  ///
  /// Who offers the same again sends the same bytes.
  public var identity: StreamIdentity?
  /// The model on which this one builds, as the receiver has said that it holds it; nil for none.
  public var base: Digest?
  /// Of each tensor, the number of the one of the base that has its name, dtype and shape: told in place of
  /// these; empty where they are told.
  public var order: [Int] = []
  /// How each tensor with content, in the manifest's order, builds on what the receiver holds; empty where
  /// none does.
  public var relations: [TensorRelation] = []
  /// Whether the stream goes on where the receiver has said that its unfinished transfer stands; else the
  /// receiver forgets that one.
  public var goesOn = false
  /// Whether the model is to be stored and not used yet.
  public var staysInactive = false

  /// Nothing is said.
  public init() {}

  /// Whether there is something to say.
  private var isPlain: Bool { self == OfferTerms() }

  /// The tail of an offer's body.
  ///
  ///     identity    8 bytes; zeros for none
  ///     flags       1 byte
  ///     base        32 bytes, with bit 0 only
  func encoded() -> [UInt8] {
    guard !isPlain else { return [] }
    let flags: UInt8 =
      (base == nil ? 0 : 1) | (relations.isEmpty ? 0 : 2) | (goesOn ? 4 : 0)
      | (staysInactive ? 8 : 0) | (order.isEmpty ? 0 : 16)
    return (identity ?? .none).bytes + [flags] + (base?.bytes ?? [])
  }

  /// - Returns: whether relations follow the manifest, and whether numbers take the place of its tensors.
  /// - Throws: `RecordError` where `encoded()` writes no such thing.
  mutating func parse(
    _ body: inout BodyReader
  ) throws(RecordError) -> (hasBasis: Bool, hasOrder: Bool) {
    guard !body.isAtEnd else { return (false, false) }
    let identity = StreamIdentity(try body.bytes(StreamIdentity.byteCount))
    if identity != .none { self.identity = identity }
    let flags = try body.byte()
    let isSound = flags < 32 && (flags & 4 == 0 || identity != .none) && flags & 17 != 16
    guard isSound else { throw .unknownFlags(flags) }
    if flags & 1 != 0 { base = Digest(try body.bytes(Digest.byteCount)) }
    goesOn = flags & 4 != 0
    staysInactive = flags & 8 != 0
    // An offer that says nothing ends with its name.
    guard !isPlain || flags != 0 else { throw .trailingBytes }
    return (flags & 2 != 0, flags & 16 != 0)
  }
}

/// How a tensor builds on what the receiver holds: on the tensor of the base that has its name, dtype and
/// shape, or without a base on the one that it has recognized (Protocol.md §5.10).
public enum TensorRelation: UInt8, Equatable, Sendable {
  /// It comes as if there were nothing.
  case plain = 0
  /// It is that tensor, and nothing comes.
  case kept = 1
  /// It comes as a difference to that tensor.
  case difference = 2
}

extension TensorRelation {
  // Of a byte of a record.
  private static let perByte = 4

  /// Appends records of two bits for each tensor, the first in the lowest bits of a byte.
  static func append(_ relations: [TensorRelation], to stream: inout [UInt8]) {
    var bytes: [UInt8] = []
    for (index, relation) in relations.enumerated() {
      if index % perByte == 0 { bytes.append(0) }
      bytes[bytes.count - 1] |= relation.rawValue << UInt8(2 * (index % perByte))
    }
    for start in stride(from: 0, to: bytes.count, by: Record.bodyByteCountLimit) {
      let end = min(start + Record.bodyByteCountLimit, bytes.count)
      Record.append(.basis, body: Array(bytes[start..<end]), to: &stream)
    }
  }

  /// Takes a record's bytes for the next of `count` tensors.
  ///
  /// - Throws: `RecordError` where `append` writes no such thing.
  static func take(
    _ body: [UInt8], of count: Int, into relations: inout [TensorRelation]
  ) throws(RecordError) {
    let rest = count - relations.count
    let byteCount = (rest + perByte - 1) / perByte
    guard rest > 0, body.count == min(byteCount, Record.bodyByteCountLimit) else {
      throw .badBasis
    }
    for (place, byte) in body.enumerated() {
      for index in 0..<perByte {
        let code = byte >> UInt8(2 * index) & 3
        guard place * perByte + index < rest else {
          guard code == 0 else { throw .badBasis }
          continue
        }
        guard let relation = TensorRelation(rawValue: code) else { throw .badBasis }
        relations.append(relation)
      }
    }
  }
}

/// What the stream of a transfer is known by, so that it can go on in another session.
public struct StreamIdentity: Hashable, Sendable {
  /// The size of an identity.
  public static let byteCount = 8
  /// Its bytes, in order.
  public let bytes: [UInt8]

  /// Of no stream.
  static let none = StreamIdentity(Array(repeating: 0, count: byteCount))

  /// Takes the first bytes, at least eight.
  public init(_ bytes: [UInt8]) {
    precondition(bytes.count >= Self.byteCount, "an identity has eight bytes")
    self.bytes = Array(bytes.prefix(Self.byteCount))
  }
}

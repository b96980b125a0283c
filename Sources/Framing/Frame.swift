/// What a frame is for; the raw values are the upper four bits of the header (Protocol.md §3.3).
public enum FrameKind: UInt8, Equatable, Sendable {
  /// Proposes a rate, or tests it, or answers such a frame; the sequence number names it.
  case rate = 0
  /// Opens a session; outside any session.
  case hello = 1
  /// Answers a HELLO; outside any session.
  case welcome = 2
  /// A responder without a session that hears frames of one: it was reset; outside any session.
  case ready = 3
  /// Carries blocks of the stream; the sequence number is that of its first block.
  case data = 4
  /// The sequence number is the next block that the receiver lacks.
  case acknowledgement = 5
  /// As an acknowledgement, from a receiver that has just seen a broken frame.
  case negativeAcknowledgement = 6
  /// As an acknowledgement, from a receiver that cannot take a frame for the time it names.
  case busy = 7
  /// Asks for an acknowledgement, to learn whether the peer is there.
  case ping = 8
  /// Ends the session; one byte says why.
  case close = 9
}

/// The two bytes at the start of every frame.
///
///     byte 0  sequence number, bits 0–7
///     byte 1  bits 0–3: sequence number, bits 8–11; bits 4–7: kind
///
/// The kinds 10 to 15 are DATA with parity of each strength behind the checksum.
///
/// Protocol.md §3.3.
public struct FrameHeader: Equatable, Sendable {
  private static let firstKindWithParity: UInt8 = 10

  /// The size of a header.
  public static let byteCount = 2
  /// The size of the checksum at the end of a frame.
  public static let trailerByteCount = 4
  /// What a frame costs before COBS beside its payload.
  public static let overheadByteCount = byteCount + trailerByteCount

  /// What the frame is for.
  public let kind: FrameKind
  /// The parity behind the checksum, if there is any; only with data.
  public let strength: CorrectionStrength?
  /// A block number, or 0 where the kind has no use for one; 12 bits.
  public let sequence: UInt16

  /// - Precondition: `sequence` has 12 bits, and only data have parity.
  public init(_ kind: FrameKind, sequence: UInt16 = 0, strength: CorrectionStrength? = nil) {
    precondition(sequence < 0x1000, "a sequence number has 12 bits")
    precondition(strength == nil || kind == .data, "only data have parity")
    self.kind = kind
    self.sequence = sequence
    self.strength = strength
  }

  /// Reads a header; nil where no kind has this number.
  public init?(parsing first: UInt8, _ second: UInt8) {
    let number = second >> 4
    if number >= Self.firstKindWithParity {
      kind = .data
      strength = CorrectionStrength(index: Int(number - Self.firstKindWithParity))
    } else {
      guard let kind = FrameKind(rawValue: number) else { return nil }
      self.kind = kind
      strength = nil
    }
    sequence = UInt16(first) | UInt16(second & 0x0F) << 8
  }

  /// The header's bytes, in order.
  public var bytes: (UInt8, UInt8) {
    let number = strength.map { Self.firstKindWithParity + UInt8($0.index) } ?? kind.rawValue
    return (UInt8(truncatingIfNeeded: sequence), number << 4 | UInt8(sequence >> 8))
  }
}

/// The end of the line that a frame comes from.
public enum Direction: UInt8, Equatable, Sendable {
  case fromInitiator = 0
  case fromResponder = 1
}

/// What a frame's checksum is taken over before the frame itself, and no frame carries: the session
/// and the direction.
///
/// A frame of another session, or an echo of one's own, fails like a damaged one (Protocol.md
/// §3.4).
public struct Seal: Equatable, Sendable {
  /// The checksum with which a frame starts.
  let seed: CRC32

  /// The seal of HELLO and WELCOME, which belong to no session.
  public init(outsideSessions direction: Direction) {
    self.init(session: 0, direction)
  }

  /// The number of a session, made of the random number that each end drew; never 0.
  public static func sessionNumber(initiatorNonce: UInt32, responderNonce: UInt32) -> UInt32 {
    var crc = CRC32()
    crc.update(littleEndian: initiatorNonce)
    crc.update(littleEndian: responderNonce)
    return crc.value == 0 ? 1 : crc.value
  }

  /// The seal of a session's frames.
  public init(initiatorNonce: UInt32, responderNonce: UInt32, _ direction: Direction) {
    let number = Self.sessionNumber(initiatorNonce: initiatorNonce, responderNonce: responderNonce)
    self.init(session: number, direction)
  }

  /// The seal of the frames of the session with this number.
  public init(session: UInt32, _ direction: Direction) {
    var crc = CRC32()
    crc.update(littleEndian: session)
    crc.update(direction.rawValue)
    seed = crc
  }
}

extension CRC32 {
  /// Adds a number of 32 bits, low byte first.
  @inline(never)
  public mutating func update(littleEndian number: UInt32) {
    for place in 0..<4 { update(UInt8(truncatingIfNeeded: number >> UInt32(8 &* place))) }
  }
}

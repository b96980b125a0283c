/// Why the bytes between two delimiters are not a frame.
public enum FrameError: Equatable, Sendable {
  /// A group of the stuffing goes on behind the delimiter: bytes are missing or a zero was inserted.
  case brokenStuffing
  /// Too short for a header and a checksum.
  case tooShort
  /// Longer than this receiver's MTU: the delimiter between two frames is missing, or the peer
  /// ignores what it was told.
  case tooLong
}

/// Finds frames in a stream of bytes: undoes the stuffing and starts afresh at every delimiter, so
/// damage costs the frame that it hits and no other.
///
/// Holds one frame of at most `mtu` bytes. The checksum is the caller's to test, since only the
/// caller knows which seal to expect. Twin of `FrameEncoder`.
public struct FrameDecoder: ~Copyable {
  /// What ends at a delimiter.
  public enum Output: Equatable, Sendable {
    /// A frame of this many bytes, header and checksum included, stands in the decoder until the
    /// next call.
    case frame(byteCount: Int)
    /// Something else stood there.
    case malformed(FrameError)
  }

  private var frame: ByteStorage
  private var stuffing = COBSDecoder()
  // 0 <= count <= frame.byteCount
  private var count = 0
  private var isTooLong = false
  private var isEmpty = true

  /// The MTU is the size of `storage`: header, payload and checksum of the largest frame taken.
  public init(storage: consuming ByteStorage) {
    precondition(storage.byteCount >= FrameHeader.overheadByteCount, "an MTU holds a frame")
    frame = storage
  }

  /// The largest frame before stuffing, in bytes.
  public var mtu: Int { frame.byteCount }

  /// Goes through `bytes` from `position` up to the next delimiter that ends anything at all.
  ///
  /// Returns nil when the bytes are used up. Call again with the same `position` for the rest.
  public mutating func decode(_ bytes: Span<UInt8>, from position: inout Int) -> Output? {
    while position < bytes.count {
      let byte = bytes[position]
      position += 1
      if byte != COBS.delimiter {
        take(byte)
      } else if let output = end() {
        return output
      }
    }
    return nil
  }

  /// Bytes of the frame that was just found up to the end of its checksum, if its header is sound.
  ///
  /// `totalByteCount` is what was found. Nil where the parity that the header speaks of cannot be.
  public func byteCount(total totalByteCount: Int) -> Int? {
    guard let strength = header?.strength else { return totalByteCount }
    return strength.frameByteCount(totalByteCount: totalByteCount)
  }

  /// Puts the frame that was just found right by parity of this strength.
  ///
  /// Returns how many bytes were wrong; nil where they are too many. Only the checksum tells whether
  /// it is right now.
  public mutating func correct(totalByteCount: Int, by strength: CorrectionStrength) -> Int? {
    guard strength.frameByteCount(totalByteCount: totalByteCount) != nil else { return nil }
    return ParityDecoder.correct(&frame, byteCount: totalByteCount, strength: strength)
  }

  /// Whether the checksum of the frame that was just found fits a seal.
  ///
  /// `byteCount` is that of header, payload and checksum.
  public func isSealed(by seal: Seal, byteCount: Int) -> Bool {
    guard byteCount >= FrameHeader.overheadByteCount else { return false }
    let end = byteCount - FrameHeader.trailerByteCount
    var checksum = seal.seed
    frame.withSpan(0..<end) { checksum.update($0) }
    return checksum.value == number32(at: end)
  }

  /// The header of the frame that was just found; nil where its kind is unknown.
  public var header: FrameHeader? { FrameHeader(parsing: frame[0], frame[1]) }

  /// Lends the payload of the frame that was just found.
  public func withPayload<R>(byteCount: Int, _ body: (Span<UInt8>) -> R) -> R {
    frame.withSpan(FrameHeader.byteCount..<byteCount - FrameHeader.trailerByteCount, body)
  }

  /// A byte of the payload of the frame that was just found.
  public func payloadByte(at index: Int) -> UInt8 { frame[FrameHeader.byteCount &+ index] }

  private func number32(at offset: Int) -> UInt32 {
    UInt32(frame[offset]) | UInt32(frame[offset + 1]) << 8 | UInt32(frame[offset + 2]) << 16
      | UInt32(frame[offset + 3]) << 24
  }

  private mutating func take(_ encoded: UInt8) {
    isEmpty = false
    guard case .byte(let byte) = stuffing.decode(encoded) else { return }
    if count < frame.byteCount {
      frame[count] = byte
      count += 1
    } else {
      isTooLong = true
    }
  }

  /// Judges what stood before a delimiter, and is ready for the next frame; nil for nothing at all,
  /// since a sender may put a delimiter in front of a frame too.
  private mutating func end() -> Output? {
    defer {
      stuffing = COBSDecoder()
      count = 0
      isTooLong = false
      isEmpty = true
    }
    if isEmpty { return nil }
    if isTooLong { return .malformed(.tooLong) }
    if !stuffing.isAtEnd { return .malformed(.brokenStuffing) }
    if count < FrameHeader.overheadByteCount { return .malformed(.tooShort) }
    return .frame(byteCount: count)
  }
}

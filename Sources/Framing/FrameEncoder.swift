/// Writes one frame: header, payload, checksum and parity, stuffed, with its delimiter.
///
/// Twin of `FrameDecoder`. Make one for each frame, append the payload, finish.
public struct FrameEncoder: Sendable {
  private var frame: PlainFrameEncoder
  private var parity: ParityEncoder?

  /// The most bytes on the wire for a frame with this payload and no parity, a leading delimiter
  /// included.
  public static func encodedByteCountLimit(payloadByteCount: Int) -> Int {
    COBS.encodedByteCountLimit(for: FrameHeader.overheadByteCount + payloadByteCount) + 2
  }

  /// Starts a frame at the end of `output`, which has room for the whole of it.
  ///
  /// Where the header speaks of parity, `payloadByteCount` bytes of payload have to follow.
  public init(
    _ header: FrameHeader, seal: Seal, payloadByteCount: Int = 0,
    into output: inout OutputSpan<UInt8>
  ) {
    frame = PlainFrameEncoder(header, seal: seal, into: &output)
    guard let strength = header.strength else { return }
    var parity = ParityEncoder(
      strength, frameByteCount: FrameHeader.overheadByteCount + payloadByteCount)
    parity.append(header.bytes.0)
    parity.append(header.bytes.1)
    self.parity = parity
  }

  /// Adds a byte of payload.
  public mutating func append(_ byte: UInt8, into output: inout OutputSpan<UInt8>) {
    frame.append(byte, into: &output)
    parity?.append(byte)
  }

  /// Adds bytes of payload.
  public mutating func append(_ bytes: Span<UInt8>, into output: inout OutputSpan<UInt8>) {
    frame.append(bytes, into: &output)
    parity?.append(bytes)
  }

  /// Adds a number of 16 bits to the payload, low byte first.
  public mutating func append(_ number: UInt16, into output: inout OutputSpan<UInt8>) {
    append(UInt8(truncatingIfNeeded: number), into: &output)
    append(UInt8(number >> 8), into: &output)
  }

  /// Adds a number of 32 bits to the payload, low byte first.
  public mutating func append(_ number: UInt32, into output: inout OutputSpan<UInt8>) {
    append(UInt16(truncatingIfNeeded: number), into: &output)
    append(UInt16(number >> 16), into: &output)
  }

  /// Adds the checksum, the parity and the delimiter.
  public consuming func finish(into output: inout OutputSpan<UInt8>) {
    // The value is taken once: the bytes of the checksum pass through it too and would change it.
    let value = frame.checksum.value
    append(value, into: &output)
    while let byte = parity?.nextParity() { frame.appendParity(byte, into: &output) }
    frame.end(into: &output)
  }
}

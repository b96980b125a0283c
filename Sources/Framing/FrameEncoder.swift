/// Writes one frame: header, payload, checksum and parity, stuffed, with its delimiter.
///
/// Twin of `FrameDecoder`. Make one for each frame, append the payload, finish.
public struct FrameEncoder: Sendable {
  private var stuffing: COBSEncoder
  private var checksum: CRC32
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
    parity = header.strength.map {
      ParityEncoder($0, frameByteCount: FrameHeader.overheadByteCount + payloadByteCount)
    }
    stuffing = COBSEncoder(into: &output)
    checksum = seal.seed
    let (first, second) = header.bytes
    append(first, into: &output)
    append(second, into: &output)
  }

  /// Adds a byte of payload.
  public mutating func append(_ byte: UInt8, into output: inout OutputSpan<UInt8>) {
    checksum.update(byte)
    parity?.append(byte)
    stuffing.append(byte, into: &output)
  }

  /// Adds bytes of payload.
  public mutating func append(_ bytes: Span<UInt8>, into output: inout OutputSpan<UInt8>) {
    checksum.update(bytes)
    parity?.append(bytes)
    for index in bytes.indices { stuffing.append(bytes[index], into: &output) }
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
    let value = checksum.value
    append(value, into: &output)
    while let byte = parity?.nextParity() { stuffing.append(byte, into: &output) }
    stuffing.finish(into: &output)
    output.append(COBS.delimiter)
  }
}

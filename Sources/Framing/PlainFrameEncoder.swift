/// Writes one frame without parity: header, payload and checksum, stuffed, with its delimiter.
///
/// All that a device needs, which parity would cost 1.5 KB of flash. Make one for each frame, append
/// the payload, finish.
public struct PlainFrameEncoder: Sendable {
  private var stuffing: COBSEncoder
  /// Of the seal, the header and the payload so far.
  private(set) var checksum: CRC32

  /// Starts a frame at the end of `output`, which has room for the whole of it.
  public init(_ header: FrameHeader, seal: Seal, into output: inout OutputSpan<UInt8>) {
    stuffing = COBSEncoder(into: &output)
    checksum = seal.seed
    let (first, second) = header.bytes
    append(first, into: &output)
    append(second, into: &output)
  }

  /// Adds a byte of payload.
  public mutating func append(_ byte: UInt8, into output: inout OutputSpan<UInt8>) {
    checksum.update(byte)
    stuffing.append(byte, into: &output)
  }

  /// Adds bytes of payload.
  public mutating func append(_ bytes: Span<UInt8>, into output: inout OutputSpan<UInt8>) {
    checksum.update(bytes)
    for index in bytes.indices { stuffing.append(bytes[index], into: &output) }
  }

  /// Adds the lowest bytes of a number to the payload, the lowest first.
  public mutating func append(
    _ number: UInt32, byteCount: Int, into output: inout OutputSpan<UInt8>
  ) {
    var rest = number
    for _ in 0..<byteCount {
      append(UInt8(truncatingIfNeeded: rest), into: &output)
      rest >>= 8
    }
  }

  /// Adds a byte behind the checksum, which does not cover it.
  mutating func appendParity(_ byte: UInt8, into output: inout OutputSpan<UInt8>) {
    stuffing.append(byte, into: &output)
  }

  /// Adds the checksum and the delimiter.
  public consuming func finish(into output: inout OutputSpan<UInt8>) {
    append(checksum.value, byteCount: FrameHeader.trailerByteCount, into: &output)
    end(into: &output)
  }

  /// Adds the delimiter alone.
  consuming func end(into output: inout OutputSpan<UInt8>) {
    stuffing.finish(into: &output)
    output.append(COBS.delimiter)
  }
}

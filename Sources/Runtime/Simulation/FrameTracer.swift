internal import Framing

/// A frame that an end of a simulated transfer has handed out.
package struct TracedFrame: Equatable, Sendable {
  /// When it was handed out, in nanoseconds; a full line carries it later.
  package var time: UInt64
  package var isFromSender: Bool
  /// The name of its kind in Protocol.md §3.3.
  package var kind: String
  /// The number of a block; 0 where the kind has no use for one.
  package var sequence: Int
  package var payloadByteCount: Int
  /// Errors that its parity puts right in each codeword; nil without parity.
  package var correctableByteCount: Int?
  /// Bytes on the line: stuffed, with its delimiters.
  package var wireByteCount: Int
}

/// Reads the frames that are handed out, of both ends.
final class FrameTracer {
  // Larger than any frame with its parity.
  private static let byteCountLimit = 1 << 17

  private var decoder = FrameDecoder(storage: ByteStorage(byteCount: byteCountLimit))
  private let tell: (TracedFrame) -> Void

  init(_ tell: @escaping (TracedFrame) -> Void) { self.tell = tell }

  /// Tells of one frame, as it was handed out: before the line has done anything to it.
  func note(_ bytes: ArraySlice<UInt8>, isFromSender: Bool, at time: UInt64) {
    var position = 0
    guard case .frame(let total) = decoder.decode(bytes.span, from: &position),
      let header = decoder.header, let byteCount = decoder.byteCount(total: total)
    else { preconditionFailure("what a machine hands out is a frame") }
    tell(
      TracedFrame(
        time: time, isFromSender: isFromSender, kind: Self.name(of: header.kind),
        sequence: Int(header.sequence),
        payloadByteCount: byteCount - FrameHeader.overheadByteCount,
        correctableByteCount: header.strength.map { Int($0.rawValue) },
        wireByteCount: bytes.count))
  }

  static func name(of kind: FrameKind) -> String {
    switch kind {
    case .acknowledgement: "ACK"
    case .negativeAcknowledgement: "NAK"
    default: "\(kind)".uppercased()
    }
  }
}

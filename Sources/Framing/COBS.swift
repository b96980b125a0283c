/// Consistent overhead byte stuffing: turns any bytes into bytes without a zero, so that 0x00 can
/// only ever be the end of a frame.
///
/// Cheshire and Baker, "Consistent Overhead Byte Stuffing", IEEE/ACM Transactions on Networking 7(2),
/// 1999. The data are cut behind each zero, and after 254 bytes without one. Each group is sent as
/// a code, which is the length of the group with its code, then its bytes other than the zero.
public enum COBS {
  /// The byte that ends every frame and stands nowhere else.
  public static let delimiter: UInt8 = 0
  /// The code of a group of 254 bytes that no zero follows.
  static let fullGroupCode: UInt8 = 0xFF

  /// The most bytes that `byteCount` bytes become: one code for every 254, and one more.
  public static func encodedByteCountLimit(for byteCount: Int) -> Int {
    byteCount + byteCount / 254 + 1
  }
}

/// Stuffs bytes one after the other into an output that holds one frame.
///
/// The code of a group is known only at the group's end: its place is kept and filled in then.
public struct COBSEncoder: Sendable {
  private var codeOffset: Int
  // 1 <= code <= 0xFE between calls
  private var code: UInt8 = 1

  /// Opens the first group at the end of `output`.
  public init(into output: inout OutputSpan<UInt8>) {
    codeOffset = output.count
    output.append(0)
  }

  /// Adds a byte.
  public mutating func append(_ byte: UInt8, into output: inout OutputSpan<UInt8>) {
    if byte == 0 {
      openGroup(into: &output)
      return
    }
    output.append(byte)
    code += 1
    if code == COBS.fullGroupCode { openGroup(into: &output) }
  }

  /// Closes the last group.
  ///
  /// A full group is followed by an empty one, as the paper has it.
  public func finish(into output: inout OutputSpan<UInt8>) {
    output[codeOffset] = code
  }

  private mutating func openGroup(into output: inout OutputSpan<UInt8>) {
    output[codeOffset] = code
    codeOffset = output.count
    code = 1
    output.append(0)
  }
}

/// Undoes `COBSEncoder` byte by byte; the caller keeps delimiters from it.
public struct COBSDecoder: Sendable {
  /// What an encoded byte yields.
  public enum Output: Equatable, Sendable {
    case nothing
    case byte(UInt8)
  }

  private var remainingInGroup = 0
  private var groupEndsInZero = false

  /// Stands before the first code of a frame.
  public init() {}

  /// Takes the next encoded byte, which is not zero.
  public mutating func decode(_ encoded: UInt8) -> Output {
    if remainingInGroup > 0 {
      remainingInGroup -= 1
      return .byte(encoded)
    }
    // A code: the group before it ends here, and so does the zero that it stood for.
    let output: Output = groupEndsInZero ? .byte(0) : .nothing
    remainingInGroup = Int(encoded) - 1
    groupEndsInZero = encoded != COBS.fullGroupCode
    return output
  }

  /// Whether a frame may end here: at the end of a group.
  ///
  /// A last group that is full is taken too, since many encoders leave out the empty one behind it.
  public var isAtEnd: Bool { remainingInGroup == 0 }
}

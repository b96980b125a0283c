/// The number of a block of the stream, modulo 4096.
///
/// The stream is counted in blocks of 16 bytes, so that 12 bits number a window of 32 KiB and a
/// segment can be cut anew for each transmission. Comparisons hold within half the circle, as in
/// RFC 1982.
public struct BlockNumber: Equatable, Sendable {
  /// Bytes in a block, except in one that a flush has cut short.
  public static let byteCount = 16
  /// Blocks that may be under way at most: half the circle.
  public static let windowLimit = 2048

  /// The number, below 4096.
  public let rawValue: UInt16

  /// Takes the lower 12 bits of `rawValue`.
  public init(_ rawValue: UInt16) { self.rawValue = rawValue & 0x0FFF }

  /// The block that comes `count` blocks later.
  public func advanced(by count: Int) -> BlockNumber {
    BlockNumber(UInt16(truncatingIfNeeded: Int(rawValue) + count))
  }

  /// How many blocks this one comes after `other`; negative where it comes before; -2048 to 2047.
  public func distance(from other: BlockNumber) -> Int {
    let forward = Int((rawValue &- other.rawValue) & 0x0FFF)
    return forward < Self.windowLimit ? forward : forward - 2 * Self.windowLimit
  }

  /// The blocks that `byteCount` bytes fill, a last one perhaps short.
  static func count(forByteCount byteCount: Int) -> Int { (byteCount + 15) >> 4 }
}

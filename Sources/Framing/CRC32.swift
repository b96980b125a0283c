#if canImport(CZlib)
internal import CZlib
#endif

/// The CRC-32 of zlib, Ethernet and ISO 3309: polynomial 0x04C11DB7 reflected, register preset to
/// ones, result inverted.
///
/// The check value, of the ASCII digits `123456789`, is 0xCBF43926.
///
/// One definition, two ways to compute it: zlib's where there is an operating system, several times
/// faster than a table, and a table of 64 bytes on devices. Both start from the value so far.
public struct CRC32: Equatable, Sendable {
  /// The checksum of all bytes so far.
  public private(set) var value: UInt32 = 0

  /// The checksum of no bytes.
  public init() {}

  /// Adds bytes in order.
  public mutating func update(_ bytes: Span<UInt8>) {
    #if canImport(CZlib)
    value = unsafe bytes.withUnsafeBufferPointer { buffer in
      // 16 MiB at a time: zlib counts in 32 bits.
      var crc = UInt(value)
      var rest = unsafe buffer[...]
      while unsafe !rest.isEmpty {
        let piece = unsafe UnsafeBufferPointer(rebasing: rest.prefix(1 << 24))
        unsafe crc = crc32(crc, piece.baseAddress, UInt32(piece.count))
        unsafe rest = rest.dropFirst(piece.count)
      }
      return UInt32(crc)
    }
    #else
    updateByTable(bytes)
    #endif
  }

  /// Adds one byte.
  public mutating func update(_ byte: UInt8) {
    var register = ~value ^ UInt32(byte)
    register = register >> 4 ^ Self.table[Int(register & 15)]
    register = register >> 4 ^ Self.table[Int(register & 15)]
    value = ~register
  }

  /// The table-driven twin of `update(_:)`, on the host only for tests that hold the two together.
  package mutating func updateByTable(_ bytes: Span<UInt8>) {
    for index in bytes.indices { update(bytes[index]) }
  }

  /// The remainders of the sixteen values of a nibble: 64 bytes of flash instead of 1 KiB.
  private static let table: InlineArray<16, UInt32> = [
    0x0000_0000, 0x1DB7_1064, 0x3B6E_20C8, 0x26D9_30AC, 0x76DC_4190, 0x6B6B_51F4, 0x4DB2_6158,
    0x5005_713C, 0xEDB8_8320, 0xF00F_9344, 0xD6D6_A3E8, 0xCB61_B38C, 0x9B64_C2B0, 0x86D3_D2D4,
    0xA00A_E278, 0xBDBD_F21C,
  ]
}

/// What an offer says behind the name (Protocol.md §5.3).
struct DeviceTerms {
  private static var hasBase: UInt8 { 1 }
  private static var hasBasis: UInt8 { 2 }
  private static var continues: UInt8 { 4 }
  private static var isInactive: UInt8 { 8 }

  var identity = StreamIdentity()
  private var flags: UInt8 = 0
  private var byteCount = 0

  /// Whether tensors are kept.
  var keeps: Bool { flags & Self.hasBasis != 0 }
  var hasBase: Bool { flags & Self.hasBase != 0 }
  /// Whether the stream goes on.
  var goesOn: Bool { flags & Self.continues != 0 }
  /// Whether the model is stored, and not used.
  var staysInactive: Bool { flags & Self.isInactive != 0 }

  /// Takes a byte; true where it is one of the base.
  mutating func take(_ byte: UInt8) -> Bool {
    defer { byteCount &+= 1 }
    switch byteCount {
    case 0..<4: identity.low |= UInt32(byte) << UInt32(8 &* byteCount)
    case 4..<8: identity.high |= UInt32(byte) << UInt32(8 &* (byteCount &- 4))
    case 8: flags = byte
    default: return true
    }
    return false
  }

  /// Whether all has come, and is known here.
  var isSound: Bool {
    byteCount == 0
      || flags < 16 && byteCount == (hasBase ? 41 : 9) && !(goesOn && identity.isNone)
  }
}

/// What a HELLO says (Protocol.md §4.1).
struct DeviceHandshake {
  /// "WT", and revision 1 as the highest and the lowest.
  static let beginning: UInt32 = 0x0101_5457

  private static let byteCount = 20
  private static let mtuMinimum = 32

  let nonce: UInt32
  let mtu: Int
  /// The number of the session that it is to go on with; 0 for none.
  let session: UInt32

  /// Nil where it is of another protocol.
  ///
  /// Revisions are the initiator's to compare.
  init?(_ payload: Span<UInt8>) {
    guard payload.count >= Self.byteCount,
      Self.number(payload, 0) & 0xFFFF == Self.beginning & 0xFFFF
    else { return nil }
    nonce = Self.number(payload, 4)
    mtu = Int(payload[12]) | Int(payload[13]) << 8
    session = payload.count >= Self.byteCount &+ 4 ? Self.number(payload, 20) : 0
    guard mtu >= Self.mtuMinimum else { return nil }
  }

  private static func number(_ bytes: Span<UInt8>, _ start: Int) -> UInt32 {
    UInt32(bytes[start]) | UInt32(bytes[start &+ 1]) << 8 | UInt32(bytes[start &+ 2]) << 16
      | UInt32(bytes[start &+ 3]) << 24
  }
}

internal import Framing

/// What an end can do beyond the ground mode.
struct Capabilities: OptionSet, Sendable {
  let rawValue: UInt32

  /// It holds blocks that come early, reports them, and understands such reports.
  static let selective = Capabilities(rawValue: 1 << 0)
  /// It takes data frames with parity, reports what it corrects, and understands such reports.
  static let correction = Capabilities(rawValue: 1 << 1)

  // Bits 8 to 23 are the rates that it can run at.
  private static let ratesShift: UInt32 = 8

  init(rates: LineRates) { rawValue = UInt32(rates.rawValue) << Self.ratesShift }

  init(rawValue: UInt32) { self.rawValue = rawValue }

  var rates: LineRates {
    LineRates(rawValue: UInt16(truncatingIfNeeded: rawValue >> Self.ratesShift))
  }
}

/// What HELLO and WELCOME carry: who speaks, and what it can take.
///
///     offset  size  field
///          0     2  magic, 'W' 'T'
///          2     1  highest protocol version that the end speaks
///          3     1  lowest
///          4     4  nonce of the end
///          8     4  HELLO: 0; WELCOME: the nonce of the HELLO that it answers
///         12     2  MTU: the largest frame that the end takes, before stuffing
///         14     2  window: blocks of 16 bytes that it can hold out of order or unread
///         16     4  capabilities, a bit each; bits that are not known are ignored
///         20     4  number of the session that this one goes on with, 0 for none; may be missing
///         24     …  extensions, ignored where not known
///
/// Protocol.md §4.1.
struct Handshake: Equatable, Sendable {
  static let byteCount = 24
  // What the first ends of revision 1 sent.
  static let byteCountMinimum = 20
  static let magic: (UInt8, UInt8) = (0x57, 0x54)

  var versionMaximum = LinkConfiguration.protocolVersion
  var versionMinimum = LinkConfiguration.protocolVersion
  var nonce: UInt32
  var echoedNonce: UInt32 = 0
  var mtu: UInt16
  var windowBlockCount: UInt16
  var capabilities: Capabilities = []
  var continuedSession: UInt32 = 0

  /// The highest version that both ends speak.
  var commonVersion: UInt8? {
    let common = min(versionMaximum, LinkConfiguration.protocolVersion)
    return common >= versionMinimum && common > 0 ? common : nil
  }
}

extension Handshake {
  /// Reads the payload of a HELLO or WELCOME; nil for one that is none.
  init?(parsing payload: Span<UInt8>) {
    guard payload.count >= Self.byteCountMinimum, payload[0] == Self.magic.0,
      payload[1] == Self.magic.1
    else { return nil }
    versionMaximum = payload[2]
    versionMinimum = payload[3]
    nonce = payload.number32(at: 4)
    echoedNonce = payload.number32(at: 8)
    mtu = payload.number16(at: 12)
    windowBlockCount = payload.number16(at: 14)
    capabilities = Capabilities(rawValue: payload.number32(at: 16))
    continuedSession = payload.count >= Self.byteCount ? payload.number32(at: 20) : 0
  }

  /// Writes the payload.
  func emit(_ frame: inout FrameEncoder, into output: inout OutputSpan<UInt8>) {
    frame.append(Self.magic.0, into: &output)
    frame.append(Self.magic.1, into: &output)
    frame.append(versionMaximum, into: &output)
    frame.append(versionMinimum, into: &output)
    frame.append(nonce, into: &output)
    frame.append(echoedNonce, into: &output)
    frame.append(mtu, into: &output)
    frame.append(windowBlockCount, into: &output)
    frame.append(capabilities.rawValue, into: &output)
    frame.append(continuedSession, into: &output)
  }
}

extension Span<UInt8> {
  func number16(at offset: Int) -> UInt16 { UInt16(self[offset]) | UInt16(self[offset + 1]) << 8 }

  func number32(at offset: Int) -> UInt32 {
    UInt32(number16(at: offset)) | UInt32(number16(at: offset + 2)) << 16
  }
}

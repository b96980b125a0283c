/// What the caller of a link has to know.
public enum LinkEvent: Equatable, Sendable {
  /// A session is open and both streams start at their first byte. A responder may see this while a
  /// session is open: the peer has started anew, and what was half sent is void.
  case opened(PeerLimits)
  /// The peer has fallen silent, or was reset: the link looks for it again.
  case interrupted
  /// It was found, and both streams go on at their first undelivered byte.
  case resumed
  /// Bytes can be read.
  case readable
  /// Everything that was written has been acknowledged.
  case drained
  /// The session is over; the link does nothing more until `listen()`.
  case closed(CloseReason)
}

/// What the peer said of itself.
public struct PeerLimits: Equatable, Sendable {
  /// The protocol version that both ends speak.
  public let version: UInt8
  /// The largest frame that the peer takes, before stuffing.
  public let mtu: Int
  /// Blocks that the peer can hold.
  public let windowBlockCount: Int
  /// Whether both ends work with a window: more than one data frame may be unanswered at a time.
  public let usesWindow: Bool
  /// Whether both ends take data frames with parity.
  public let usesCorrection: Bool
  /// The rates that the peer can change to.
  public let rates: LineRates
}

/// Why a link is closed, and by whom.
public enum CloseReason: Equatable, Sendable {
  /// This end said so.
  case local(CloseCode)
  /// The peer said so.
  case peer(CloseCode)
  /// Nobody answered the HELLO within the limit.
  case noAnswer
  /// The peer was there and has fallen silent.
  case peerSilent
  /// The peer was reset again and again.
  case peerReset
  /// The peer answers, and one piece of the stream fails again and again.
  case lineUnusable
  /// The peer speaks only other versions of the protocol.
  case peerIncompatible(versionMinimum: UInt8, versionMaximum: UInt8)
  /// The peer broke the rules under a valid checksum.
  case peerMisbehaved(Misbehaviour)
}

/// Rules that only a faulty peer breaks.
public enum Misbehaviour: UInt8, Equatable, Sendable {
  case acknowledgedUnsentBlocks
  case mtuTooSmall
}

/// The byte in a CLOSE frame (Protocol.md §4.6).
public enum CloseCode: UInt8, Equatable, Sendable {
  /// All is done and verified.
  case done = 0
  /// The user or the program at the other end stopped.
  case aborted = 1
  /// The stream above the link broke the rules, or an end refused it; a record says why.
  case refused = 2
  /// The other end broke the rules of the link.
  case misbehaved = 3
  /// A code that this revision does not know.
  case other = 255
}

internal import Framing

/// Which end of the line opens the session.
public enum LinkRole: UInt8, Equatable, Sendable {
  /// Sends HELLO: the host with the model.
  case initiator = 0
  /// Answers it: the device.
  case responder = 1

  var other: LinkRole { self == .initiator ? .responder : .initiator }

  var direction: Direction { self == .initiator ? .fromInitiator : .fromResponder }
}

/// What one end of a link decides for itself.
public struct LinkConfiguration: Sendable {
  /// The protocol that this code speaks (Protocol.md, revision table).
  public static let protocolVersion: UInt8 = 1
  /// The smallest MTU that can be offered: a handshake takes 26 bytes, a frame of one block 22.
  public static let mtuMinimum = 32

  /// Which end opens the session.
  public var role: LinkRole
  /// A number that is unlikely to be drawn twice: from the system's random source or, on a device,
  /// a counter kept over resets or noise of an ADC.
  ///
  /// Frames of earlier sessions are told by it.
  public var nonce: UInt32
  /// The rate of the line at which a session begins, in bits a second; 0 for a line that takes no time.
  public var baudRate: UInt32
  /// The rates that this end's port can run at, and may; none where the rate is fixed.
  public var rates: LineRates = []
  /// How long an initiator goes on without a WELCOME.
  public var openLimit: Interval = .seconds(10)
  /// How long an open link goes on without hearing from the peer.
  public var silenceLimit: Interval = .seconds(8)
  /// How long an end whose peer has fallen silent looks for it again, with its streams kept; 0 for not
  /// at all.
  public var reconnectLimit: Interval = .seconds(20)
  /// Whether more than one data frame may be unanswered at a time, and blocks are held that come early.
  ///
  /// False for a line on which both ends must not speak at once (half-duplex, RS-485).
  public var usesWindow = true
  /// Whether data frames carry parity when the line is noisy enough for it to pay.
  public var usesCorrection = true
  /// After how much silence of its own an initiator asks whether the peer is there.
  public var keepAlive: Interval = .seconds(1)
  /// How often one piece of the stream is sent in vain before the line counts as unusable.
  public var attemptLimit = 100

  /// Takes the usual limits.
  public init(role: LinkRole, nonce: UInt32, baudRate: UInt32) {
    self.role = role
    self.nonce = nonce
    self.baudRate = baudRate
  }
}

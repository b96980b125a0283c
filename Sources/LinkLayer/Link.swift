public import Framing

/// One end of a serial link: two reliable streams of bytes, one each way, over a line that may do
/// anything to what it carries.
///
/// A machine without clock or descriptor. The caller tells it what came in and what time it is, and
/// asks it what to send:
///
/// 1. `receive(_:at:)` for bytes from the line, `expireTimers(at:)` when `deadline` has passed.
/// 2. After either, and after `open`, `write`, `flush`, `read` or `close`: call `nextEvent()` until it
///    returns nil and `transmit(into:at:)` until it returns false, then read `deadline` anew.
///
/// Rules of the machine (Protocol.md §4):
/// - A session is named by a random number from each end. Nothing of another session is accepted.
/// - Stop-and-wait: one data frame each way is unanswered at a time. The receiver answers each one
///   with the number of the block it expects next, and says so too when it sees a broken frame.
/// - Noise is weather: broken frames are counted and answered, never reported as errors.
/// - A peer that breaks the rules under a valid checksum ends the session, not the process.
public struct Link: ~Copyable {
  enum State: Equatable {
    /// Nothing is sent and nothing accepted. Exits: `open` (initiator), `listen` (responder).
    case idle
    /// Initiator: HELLO goes out until WELCOME comes. Exits: established, closed.
    case opening(giveUpAt: Instant)
    /// Responder: waits for HELLO. Exit: established.
    case listening
    /// Both streams run. Exits: established anew (responder), closed.
    case established
    /// Over. Exit: `open`, `listen`.
    case closed
  }

  /// An agreed session: what seals its frames, and what the peer can take.
  struct Session: Equatable {
    var initiatorNonce: UInt32
    var outgoing: Seal
    var incoming: Seal
    var peer: PeerLimits
  }

  /// Frames that answer something: each is owed at most once, so a flood costs one answer a poll.
  struct Owed: Equatable {
    var hello = false
    var welcome = false
    var answer: FrameKind?
    var ping = false
    // Sent more than once, since nothing answers it.
    var closeCount = 0
  }

  let configuration: LinkConfiguration
  var decoder: FrameDecoder
  var sending: SendQueue
  var receiving: ReceiveQueue
  var state = State.idle
  var session: Session?
  // Responder: agreed in a WELCOME that the initiator has not used yet.
  var pending: Session?
  var nonce: UInt32
  var owed = Owed()
  var closeCode = CloseCode.done
  var events = EventQueue()

  var turnaround = TurnaroundEstimator()
  var sizer = SegmentSizer()
  // When the last byte that was handed out has left the line.
  var lineFreeAt = Instant(microseconds: 0)
  var lastHeard = Instant(microseconds: 0)
  var helloAt: Instant?
  var helloCount = 0
  // When the HELLO that may be answered has left; nil once it is ambiguous which one was.
  var helloEnd: Instant?

  /// What has happened so far.
  public internal(set) var statistics = LinkStatistics()

  /// Makes an idle link.
  ///
  /// - Parameters:
  ///   - configuration: What this end decides.
  ///   - frameStorage: Holds a received frame; its size is the MTU that this end offers.
  ///   - sendStorage: Holds what is written and not acknowledged.
  ///   - receiveStorage: Holds what is received and not read; at least one frame's payload.
  public init(
    _ configuration: LinkConfiguration, frameStorage: consuming ByteStorage,
    sendStorage: consuming ByteStorage, receiveStorage: consuming ByteStorage
  ) {
    precondition(
      frameStorage.byteCount >= LinkConfiguration.mtuMinimum, "the MTU holds a block of payload")
    precondition(
      receiveStorage.byteCount >= Self.payloadLimit(mtu: frameStorage.byteCount),
      "the receive storage holds the payload of a frame")
    self.configuration = configuration
    nonce = configuration.nonce
    decoder = FrameDecoder(storage: frameStorage)
    sending = SendQueue(storage: sendStorage)
    receiving = ReceiveQueue(storage: receiveStorage)
  }

  /// The most payload of whole blocks in a frame of an MTU.
  static func payloadLimit(mtu: Int) -> Int {
    // With more blocks in a frame, the one behind it would count as one before it.
    let numbered = (BlockNumber.windowLimit - 1) * BlockNumber.byteCount
    return min((mtu - FrameHeader.overheadByteCount) & ~15, numbered)
  }

  /// What `transmit(into:at:)` needs room for at this time.
  public var transmitByteCountLimit: Int {
    let data = min(session?.peer.mtu ?? 0, sending.buffer.capacity)
    return FrameEncoder.encodedByteCountLimit(payloadByteCount: max(data, Handshake.byteCount))
  }

  // MARK: - The session

  /// Initiator: looks for a responder.
  public mutating func open(at now: Instant) {
    precondition(configuration.role == .initiator, "only an initiator opens")
    // A peer that has not noticed the end of a session takes its nonce for a late copy of the HELLO.
    if state != .idle { nonce = nextNonce(mixing: 0) }
    start(.opening(giveUpAt: now + configuration.openLimit))
    owed.hello = true
    helloCount = 0
  }

  /// Responder: waits for an initiator.
  public mutating func listen() {
    precondition(configuration.role == .responder, "only a responder listens")
    start(.listening)
  }

  /// Ends the session and tells the peer, as well as an unanswered frame can.
  public mutating func close(_ code: CloseCode) {
    switch state {
    case .closed: break
    case .idle, .opening, .listening: start(.closed)
    case .established: end(.local(code), telling: code)
    }
  }

  private mutating func start(_ new: State) {
    state = new
    session = nil
    pending = nil
    owed = Owed()
    sending.reset()
    receiving.reset()
  }

  /// Both streams begin; what the session before left behind is void.
  mutating func establish(_ new: Session, at now: Instant) {
    start(.established)
    session = new
    helloAt = nil
    lastHeard = now
    events.append(.opened(new.peer))
  }

  /// Whether a session is open.
  public var isEstablished: Bool { state == .established }

  /// Over, with `code` for the peer where it is to be told.
  mutating func end(_ reason: CloseReason, telling code: CloseCode?) {
    state = .closed
    helloAt = nil
    owed = Owed()
    if let code, session != nil {
      closeCode = code
      owed.closeCount = 2
    }
    events.append(.closed(reason))
  }

  // MARK: - The streams

  /// Bytes that `write` takes now.
  public var writableByteCount: Int { state == .established ? sending.buffer.freeByteCount : 0 }

  /// Adds to the outgoing stream as many of the bytes as there is room for, and returns how many.
  ///
  /// Frames go out full. What does not fill one waits for more, or for `flush()`.
  public mutating func write(_ bytes: Span<UInt8>) -> Int {
    state == .established ? sending.write(bytes) : 0
  }

  /// Sends what has been written without waiting for more.
  public mutating func flush() { sending.flush() }

  /// Whether everything written has been acknowledged.
  public var isDrained: Bool { sending.buffer.count == 0 }

  /// Bytes that `read` has for the caller.
  public var readableByteCount: Int { receiving.buffer.count }

  /// Appends received bytes to `output`, up to its capacity, and returns how many.
  public mutating func read(into output: inout OutputSpan<UInt8>) -> Int {
    receiving.read(into: &output)
  }

  /// What happened next; nil when there is nothing to tell.
  public mutating func nextEvent() -> LinkEvent? { events.next() }
}

/// Events not yet told: each kind at most once, in the order in which they make sense.
struct EventQueue: Equatable {
  private var opened: PeerLimits?
  private var isReadable = false
  private var isDrained = false
  private var closed: CloseReason?

  mutating func append(_ event: LinkEvent) {
    switch event {
    case .opened(let peer):
      // What was left to tell of the session before is void with it.
      self = EventQueue()
      opened = peer
    case .readable: isReadable = true
    case .drained: isDrained = true
    case .closed(let reason): closed = reason
    }
  }

  mutating func next() -> LinkEvent? {
    if let peer = opened.take() { return .opened(peer) }
    if isReadable {
      isReadable = false
      return .readable
    }
    if isDrained {
      isDrained = false
      return .drained
    }
    return closed.take().map { .closed($0) }
  }
}

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
/// - The receiver answers data frames with the number of the block it expects next and with what it
///   holds behind it. Where both ends have the memory, many data frames are unanswered at a time
///   (selective repeat); else one is (stop-and-wait), and a broken frame is answered too.
/// - Noise is weather: broken frames are counted and answered, never reported as errors.
/// - A peer that breaks the rules under a valid checksum ends the session, not the process.
/// - A session that falls silent is followed by another one, which goes on with both streams at their
///   first undelivered byte if both ends still have them.
public struct Link: ~Copyable {
  enum State: Equatable {
    /// Nothing is sent and nothing accepted. Exits: `open` (initiator), `listen` (responder).
    case idle
    /// Initiator: HELLO goes out until WELCOME comes. Exits: established, closed.
    case opening(giveUpAt: Instant)
    /// Responder: waits for HELLO; with a limit where a session has fallen silent. Exits: established,
    /// closed.
    case listening(giveUpAt: Instant?)
    /// Both streams run. Exits: established anew, opening or listening after silence, closed.
    case established
    /// Over. Exit: `open`, `listen`.
    case closed
  }

  /// An agreed session: what seals its frames, and what the peer can take.
  struct Session: Equatable {
    var initiatorNonce: UInt32
    /// The number that seals are made of.
    var number: UInt32
    /// Whether it goes on with the streams of the session before.
    var isContinuation: Bool
    var outgoing: Seal
    var incoming: Seal
    var peer: PeerLimits
  }

  /// Frames that answer something: each is owed at most once, so a flood costs one answer a poll.
  struct Owed: Equatable {
    var hello = false
    var welcome = false
    var ready = false
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
  // The session whose streams are in the queues: open, or interrupted.
  var streamSession: UInt32?
  var nonce: UInt32
  var owed = Owed()
  var closeCode = CloseCode.done
  var events = EventQueue()

  // Of the line now, for all that is computed.
  var rate: LineRate
  var rates: RateControl
  // Responder: the proposal or test that is to be answered.
  var rateOwed: (token: UInt16, rate: UInt32)?
  var turnaround = TurnaroundEstimator()
  var sizer = SegmentSizer()
  var correction = CorrectionControl()
  // What parity has put right in this session: here, and at the peer as far as it has said.
  var correctedHere = CorrectionCount()
  var correctedThere = CorrectionCount()
  // The parity of the last frame that had any.
  var incomingStrength: CorrectionStrength?
  // When the last byte that was handed out has left the line.
  var lineFreeAt = Instant(microseconds: 0)
  // The last data frames that went out.
  var departures = DepartureLog()
  // When what is under way counts as lost.
  var retransmitAt: Instant?
  // The frame that measures the turnaround (Karn: one that was sent once).
  var timed: Departure?
  // The next data frame goes out after a timeout.
  var isProbing = false
  // That frame: an answer from before its end is for an earlier one.
  var probe: Departure?
  // It has been answered, and no frame was measured since.
  var isRepeatAnswered = false
  // The peer has asked for a pause.
  var pausedUntil: Instant?
  // With a window too, one frame goes ahead at the start and after a timeout, until it is answered:
  // the rest might be lost like it.
  var awaitsAnswer = false
  // Losses since a data frame has arrived.
  var failures = 0
  var lastHeard = Instant(microseconds: 0)
  var helloAt: Instant?
  var helloCount = 0
  // When the HELLO that may be answered has left; nil once it is ambiguous which one was.
  var helloEnd: Instant?
  var readyAt: Instant?
  // How long this end has announced to be busy.
  var busyUntil: Instant?

  /// What has happened so far.
  public internal(set) var statistics = LinkStatistics()

  /// Makes an idle link.
  ///
  /// - Parameters:
  ///   - configuration: What this end decides.
  ///   - frameStorage: Holds a received frame; its size is the MTU that this end offers.
  ///   - sendStorage: Holds what is written and not acknowledged, 18 bytes for each block of 16.
  ///   - receiveStorage: Holds what is received and not read; at least one frame's payload. To hold
  ///     blocks that come early too it takes 129 bits for each block of the window.
  public init(
    _ configuration: LinkConfiguration, frameStorage: consuming ByteStorage,
    sendStorage: consuming ByteStorage, receiveStorage: consuming ByteStorage
  ) {
    precondition(
      frameStorage.byteCount >= LinkConfiguration.mtuMinimum, "the MTU holds a block of payload")
    let payloadLimit = Self.payloadLimit(mtu: frameStorage.byteCount)
    precondition(
      receiveStorage.byteCount >= payloadLimit, "the receive storage holds the payload of a frame")
    self.configuration = configuration
    nonce = configuration.nonce
    rate = LineRate(baud: configuration.baudRate)
    rates = RateControl(base: configuration.baudRate)
    decoder = FrameDecoder(storage: frameStorage)
    sending = SendQueue(storage: sendStorage)
    receiving = ReceiveQueue(
      storage: receiveStorage, payloadLimit: payloadLimit,
      wantsSelective: configuration.usesWindow)
  }

  /// The most payload of whole blocks in a frame of an MTU.
  static func payloadLimit(mtu: Int) -> Int {
    // With more blocks in a frame, the one behind it would count as one before it.
    let numbered = (BlockNumber.windowLimit - 1) * BlockNumber.byteCount
    return min((mtu - FrameHeader.overheadByteCount) & ~15, numbered)
  }

  /// What `transmit(into:at:)` needs room for at this time.
  public var transmitByteCountLimit: Int {
    let parity = CorrectionStrength.eight.parityByteCount * CorrectionStrength.codewordCountLimit
    let longest = max(sending.buffer.capacity + parity, Self.reportByteCountLimit)
    let inSession = min(session?.peer.mtu ?? 0, longest)
    return FrameEncoder.encodedByteCountLimit(payloadByteCount: max(inSession, Handshake.byteCount))
  }

  // MARK: - The streams

  /// Bytes that `write` takes now.
  public var writableByteCount: Int { hasStreams ? sending.buffer.freeByteCount : 0 }

  // While a session is looked for again, its streams are still filled and emptied.
  private var hasStreams: Bool { streamSession != nil && state != .closed }

  /// Adds to the outgoing stream as many of the bytes as there is room for, and returns how many.
  ///
  /// Frames go out full. What does not fill one waits for more, or for `flush()`.
  public mutating func write(_ bytes: Span<UInt8>) -> Int {
    hasStreams ? sending.write(bytes) : 0
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
  private var isInterrupted = false
  private var isResumed = false
  private var isReadable = false
  private var isDrained = false
  private var closed: CloseReason?

  mutating func append(_ event: LinkEvent) {
    switch event {
    case .opened(let peer):
      // What was left to tell of the session before is void with it.
      self = EventQueue()
      opened = peer
    case .interrupted: isInterrupted = true
    case .resumed: isResumed = true
    case .readable: isReadable = true
    case .drained: isDrained = true
    case .closed(let reason): closed = reason
    }
  }

  mutating func next() -> LinkEvent? {
    if let peer = opened.take() { return .opened(peer) }
    if isInterrupted {
      isInterrupted = false
      return .interrupted
    }
    if isResumed {
      isResumed = false
      return .resumed
    }
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

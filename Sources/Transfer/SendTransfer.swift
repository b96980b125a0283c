public import LinkLayer
public import Streaming

/// The sending end of a transfer: finds the receiver, offers the manifest, streams the contents, and
/// is done when the receiver has verified the whole.
///
/// The caller answers events and feeds content:
/// - `.receiverReady`: call `offer(_:)`, or `keep(_:)` for a model that the receiver holds. Before an offer
///   `compare(_:)` asks which tensors it holds; to go on with an unfinished transfer call `skip(byteCount:)`
///   and feed what is there, while `wantsContent`.
/// - Whenever `wantsContent`: call `append(coded:)`, `append(_:)` for a milestone, or `beginUnit`,
///   `append(content:)`, `endUnit` for a content, as the plan's steps have it; then `finish` once.
public struct SendTransfer: ~Copyable, TransferMachine {
  /// What the caller has to know.
  public enum Event: Equatable, Sendable {
    /// A session is open, and the transfer begins; again where the receiver was reset.
    case connected(PeerLimits)
    /// The receiver has fallen silent, or was reset: it is looked for.
    case interrupted
    /// It was found, and the transfer goes on where it was.
    case resumed
    /// The receiver has said what it is: offer it a model.
    case receiverReady(ReceiverInfo)
    /// The receiver holds these of the tensors that were compared.
    case held([Bool])
    /// It holds these models.
    case listed(Listing)
    /// The receiver takes the model.
    case accepted
    /// The receiver has measured something with what it has of the model.
    case measured(Metric)
    /// The receiver has verified the model with this digest.
    case verified(Digest)
    /// It is over.
    case ended(TransferOutcome)
  }

  enum State: Equatable {
    case connecting
    case awaitingInfo
    case awaitingOffer
    case awaitingAcceptance
    case streaming
    case awaitingVerification
    /// Verified: stays to answer a receiver that has missed the answer to its last word.
    case lingering(until: Instant)
    case finished
  }

  // How often a receiver may be reset before it is given up.
  private static let restartLimit = 3
  // Longer than any retransmission timer of the receiver can be on a line that works.
  private static let lingerLimit = Interval.milliseconds(1500)

  var link: Link
  var state = State.connecting
  var outbox = Outbox()
  var inbox = Inbox()
  var events: [Event] = []
  // Not told yet: the link is closed, and what it has brought is still to be read.
  private var closeReason: CloseReason?
  private var now = Instant(microseconds: 0)
  // Whether the other end has asked for the model.
  private let isGiving: Bool
  private var restartCount = 0
  // Tensors that were compared, and what the receiver has said of them so far.
  private var comparedCount = 0
  private var held: [Bool] = []
  // Of the stream, what the receiver has, now and when it had most.
  private var skippedByteCount = 0
  private var reachedByteCount = 0
  // Fed before the offer, and behind what the receiver has.
  private var remainder: [UInt8] = []
  // Whether the end has been fed.
  private var isComplete = false

  /// Starts to look for a receiver over an idle link, of which this end is the initiator.
  public init(link: consuming Link, at now: Instant) {
    self.link = link
    self.link.open(at: now)
    self.now = now
    isGiving = false
  }

  /// Goes on where a receiver was asked for a model that it holds: from here on it is the sender.
  ///
  /// The caller offers that model, to the taker of the request.
  public init(giving receiver: consuming ReceiveTransfer) {
    let connection = receiver.handOver()
    inbox = connection.inbox
    now = connection.now
    link = connection.link
    state = .awaitingOffer
    isGiving = true
  }

  // MARK: - The caller's part

  /// Tells the receiver that it holds the model, of this digest.
  public mutating func keep(_ digest: Digest) {
    precondition(state == .awaitingOffer, "it follows .receiverReady")
    outbox.append(.unchanged, body: digest.bytes)
    outbox.flush()
    state = .awaitingVerification
    outbox.move(to: &link)
  }

  /// Asks which tensors the receiver holds.
  public mutating func compare(_ digests: [DigestPrefix]) {
    precondition(state == .awaitingOffer, "it follows .receiverReady")
    outbox.append(encoded: DigestPrefix.encoded(digests))
    outbox.flush()
    comparedCount = digests.count
    held = []
    outbox.move(to: &link)
  }

  /// Takes the first bytes of the stream as sent before the offer: they are fed and left out.
  public mutating func skip(byteCount: Int) {
    precondition(state == .awaitingOffer, "it follows .receiverReady")
    outbox.skip(byteCount: byteCount)
    skippedByteCount = byteCount
  }

  /// The CRC-32 of what has been left out.
  public var skippedChecksum: UInt32 { outbox.skippedChecksum }

  /// Whether not all that is to be left out has been fed.
  public var isSkipping: Bool { outbox.isSkipping }

  /// Gives up to go on: what was fed is void.
  public mutating func beginAnew() {
    outbox.removeAll()
    skippedByteCount = 0
  }

  /// Offers a model.
  public mutating func offer(_ manifest: Manifest) {
    precondition(state == .awaitingOffer && !isSkipping, "offers follow .receiverReady")
    remainder = outbox.precede(with: manifest.encoded())
    outbox.flush()
    state = .awaitingAcceptance
    outbox.move(to: &link)
  }

  /// Whether there is room for the next piece of content.
  public var wantsContent: Bool {
    if state == .awaitingOffer { return isSkipping }
    return state == .streaming && outbox.isEmpty && link.writableByteCount > 0
  }

  /// Bytes of the stream that have been fed so far; `statistics.bytesAcknowledged` of them are there.
  public var streamByteCount: Int { outbox.streamByteCount }

  /// Begins a content.
  public mutating func beginUnit(_ unit: Unit) {
    precondition(isFed, "content follows .accepted")
    outbox.append(.unit, body: unit.encoded())
    moveContent()
  }

  /// Adds bytes to it, at most `Record.contentByteCountLimit` at a time.
  public mutating func append(content: [UInt8]) {
    precondition(content.count <= Record.contentByteCountLimit, "a record's worth")
    outbox.append(.content, body: content)
    moveContent()
  }

  /// Ends it with its digest.
  public mutating func endUnit(_ digest: Digest) {
    outbox.append(.digest, body: digest.bytes)
    moveContent()
  }

  /// Adds bytes of the coded stream, between contents, at most `Record.contentByteCountLimit` at a time.
  public mutating func append(coded: [UInt8]) {
    precondition(isFed, "the stream follows .accepted")
    precondition(coded.count <= Record.contentByteCountLimit, "a record's worth")
    outbox.append(.coded, body: coded)
    moveContent()
  }

  /// Tells that a point is reached, behind the end of a codeword.
  public mutating func append(_ milestone: Milestone) {
    precondition(isFed, "milestones follow .accepted")
    outbox.append(.milestone, body: milestone.encoded())
    moveContent()
  }

  /// Ends the model with its digest.
  public mutating func finish(_ digest: Digest) {
    precondition(isFed, "the end follows content")
    outbox.append(.finish, body: digest.bytes)
    outbox.flush()
    isComplete = true
    guard state == .streaming else { return }
    outbox.move(to: &link)
    state = .awaitingVerification
  }

  /// What happened next; nil when there is nothing to tell.
  public mutating func nextEvent() -> Event? {
    advance()
    return events.isEmpty ? nil : events.removeFirst()
  }

  // MARK: - TransferMachine

  /// Takes bytes from the line.
  public mutating func receive(_ bytes: Span<UInt8>, at now: Instant) {
    self.now = now
    link.receive(bytes, at: now)
    advance()
  }

  /// Lets the timers that have run out take effect.
  public mutating func expireTimers(at now: Instant) {
    self.now = now
    link.expireTimers(at: now)
    if case .lingering(let until) = state, now >= until { close(.done) }
    advance()
  }

  /// Appends the next frame; false where there is none.
  public mutating func transmit(
    into output: inout OutputSpan<UInt8>, at now: Instant
  ) -> Bool {
    link.transmit(into: &output, at: now)
  }

  /// When to call `expireTimers(at:)` at the latest.
  public var deadline: Instant? {
    guard case .lingering(let until) = state else { return link.deadline }
    return link.deadline.map { min($0, until) } ?? until
  }

  /// The rate at which the line has to run, in bits a second.
  public var baudRate: UInt32 { link.baudRate }
  /// The slowest rate that has failed on this line; `UInt32.max` where none has.
  public var failedBaudRate: UInt32 { link.failedBaudRate }
  /// The room that `transmit` needs.
  public var transmitByteCountLimit: Int { link.transmitByteCountLimit }
  /// Whether it is over, and everything told.
  public var isFinished: Bool { state == .finished && events.isEmpty }
  /// Bytes of the stream that the next frame carries; nil without a session.
  public var segmentByteCount: Int? { link.segmentByteCount }
  /// How long an answer is waited for beyond the times on the wire.
  public var retransmissionTimeout: Interval { link.retransmissionTimeout }
  /// What happened on the link.
  public var statistics: LinkStatistics { link.statistics }

  /// Ends the transfer and tells the peer.
  public mutating func abort() { close(.aborted) }

  // MARK: - Inside

  /// Whether content may come: the receiver wants it, or has it.
  private var isFed: Bool { !isComplete && (state == .streaming || state == .awaitingOffer) }

  /// What was fed before the offer waits for its answer.
  private mutating func moveContent() {
    if state == .streaming { outbox.move(to: &link) }
  }

  /// Goes on up to the next event: the caller answers each before anything else happens, or a peer
  /// that says two things at once would find it answering the first when the second has ended all.
  private mutating func advance() {
    while events.isEmpty, let event = link.nextEvent() {
      switch event {
      case .opened(let peer): begin(with: peer)
      case .interrupted: if state != .finished { events.append(.interrupted) }
      case .resumed: if state != .finished { events.append(.resumed) }
      case .readable, .drained: break
      case .closed(let reason): closeReason = reason
      }
    }
    if state != .awaitingOffer || comparedCount > held.count { outbox.move(to: &link) }
    readRecords()
    // What the peer said before it closed comes first: a failure explains the closing.
    if events.isEmpty, let reason = closeReason.take() { linkClosed(reason) }
  }

  private mutating func begin(with peer: PeerLimits) {
    switch state {
    case .connecting: break
    // Verified already: a receiver that begins anew has nothing to say of this transfer.
    case .lingering, .finished: return close(.done)
    case .awaitingInfo, .awaitingOffer, .awaitingAcceptance, .streaming, .awaitingVerification:
      restartCount += 1
      // Somebody who asks for something, again perhaps, finds a receiver that is reset.
      guard !isGiving else {
        // The session is new, and nothing of the old one may get into it.
        outbox.removeAll()
        return end(.linkClosed(.peerReset))
      }
      guard restartCount <= Self.restartLimit else {
        end(.linkClosed(.peerReset))
        return close(.aborted)
      }
      outbox.removeAll()
      inbox.removeAll()
      (comparedCount, held, remainder, isComplete) = (0, [], [], false)
      skippedByteCount = 0
    }
    state = .awaitingInfo
    events.append(.connected(peer))
  }

  private mutating func linkClosed(_ reason: CloseReason) {
    switch state {
    case .finished: break
    case .lingering: state = .finished
    case .connecting, .awaitingInfo, .awaitingOffer, .awaitingAcceptance, .streaming,
      .awaitingVerification:
      end(.linkClosed(reason))
    }
  }

  private mutating func readRecords() {
    do throws(RecordError) {
      while events.isEmpty, hearsRecords {
        switch try inbox.next(from: &link) {
        case .needsBytes: return
        case .content(let kind, _): throw .unexpected(kind)
        case .record(let kind, let body): try take(kind, body)
        }
      }
    } catch {
      end(.brokenStream(error))
      close(.refused)
    }
  }

  /// Whether a record can still matter: the verdict is the last one.
  private var hearsRecords: Bool {
    switch state {
    case .connecting, .awaitingInfo, .awaitingOffer, .awaitingAcceptance, .streaming,
      .awaitingVerification:
      true
    case .lingering, .finished: false
    }
  }

  private mutating func take(_ kind: RecordKind, _ body: [UInt8]) throws(RecordError) {
    switch (kind, state) {
    case (.info, .awaitingInfo):
      let info = try ReceiverInfo(parsing: body)
      state = .awaitingOffer
      events.append(.receiverReady(info))
    case (.held, .awaitingOffer):
      guard held.count < comparedCount else { throw .unexpected(kind) }
      held += try DigestPrefix.parse(
        bits: body, count: min(comparedCount - held.count, DigestPrefix.perRecord))
      if held.count == comparedCount { events.append(.held(held)) }
    case (.listing, .awaitingOffer):
      events.append(.listed(try Listing(parsing: body)))
    case (.accept, .awaitingAcceptance):
      // A receiver that is reset time and again, and has more each time, is not given up.
      if skippedByteCount > reachedByteCount {
        (reachedByteCount, restartCount) = (skippedByteCount, 0)
      }
      state = isComplete ? .awaitingVerification : .streaming
      outbox.restore(remainder)
      remainder = []
      if isComplete { outbox.flush() }
      outbox.move(to: &link)
      events.append(.accepted)
    case (.verified, .awaitingVerification):
      guard let digest = Digest(body) else { throw .badDigest }
      state = .lingering(until: now + Self.lingerLimit)
      events += [.verified(digest), .ended(.completed)]
    case (.metric, .streaming), (.metric, .awaitingVerification):
      events.append(.measured(try Metric(parsing: body)))
    case (.failed, _):
      end(.receiverFailed(try ReceiverFailure(parsing: body)))
      close(.done)
    default: throw .unexpected(kind)
    }
  }

  private mutating func end(_ outcome: TransferOutcome) {
    guard state != .finished else { return }
    state = .finished
    events.append(.ended(outcome))
  }

  mutating func close(_ code: CloseCode) {
    state = .finished
    link.close(code)
    while link.nextEvent() != nil {}
  }
}

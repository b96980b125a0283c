public import LinkLayer
internal import Streaming

/// The sending end of a transfer: finds the receiver, offers the manifest, streams the contents, and
/// is done when the receiver has verified the whole.
///
/// The caller answers events and feeds content:
/// - `.receiverReady`: call `offer(_:)`, or `keep(_:)` for a model that the receiver holds. Before an offer
///   `compare(_:)` asks which tensors it holds; to go on with an unfinished transfer call `skip(byteCount:)`
///   and feed what is there, while `wantsContent`.
/// - Whenever `wantsContent`: call `append(coded:)`, `append(_:)` for a milestone, or `beginUnit`,
///   `append(content:)`, `endUnit` for a content, as the plan's steps have it; then `finish` once.
public struct SendTransfer: ~Copyable {
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

  // Longer than any retransmission timer of the receiver can be on a line that works.
  private static let lingerLimit = Interval.milliseconds(1500)

  var link: Link
  var state = State.connecting
  var outbox = Outbox()
  var inbox = Inbox()
  var events: [Event] = []
  // Not told yet: the link is closed, and what it has brought is still to be read.
  private var closeReason: CloseReason?
  var now = Instant(microseconds: 0)
  // Whether the other end has asked for the model.
  private let isGiving: Bool
  var resets = ResetTally()
  var comparison = TensorComparison()
  var stream = OutgoingStream()

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

  /// What happened next; nil when there is nothing to tell.
  public mutating func nextEvent() -> Event? {
    advance()
    return events.isEmpty ? nil : events.removeFirst()
  }

  mutating func say(_ kind: RecordKind, _ body: [UInt8] = []) {
    outbox.append(kind, body: body)
    outbox.flush()
    outbox.move(to: &link)
  }

  mutating func say(encoded records: [UInt8]) {
    outbox.append(encoded: records)
    outbox.flush()
    outbox.move(to: &link)
  }

  /// Goes on up to the next event: the caller answers each before anything else happens, or a peer
  /// that says two things at once would find it answering the first when the second has ended all.
  mutating func advance() {
    while events.isEmpty, let event = link.nextEvent() {
      switch event {
      case .opened(let peer): begin(with: peer)
      case .interrupted: if state != .finished { events.append(.interrupted) }
      case .resumed: if state != .finished { events.append(.resumed) }
      case .readable, .drained: break
      case .closed(let reason): closeReason = reason
      }
    }
    outbox.move(to: &link)
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
      // Somebody who asks for something, again perhaps, finds a receiver that is reset.
      guard !isGiving else {
        // The session is new, and nothing of the old one may get into it.
        outbox.removeAll()
        return end(.linkClosed(.peerReset))
      }
      guard resets.takesAnother() else {
        end(.linkClosed(.peerReset))
        return close(.aborted)
      }
      outbox.removeAll()
      inbox.removeAll()
      (comparison, stream) = (TensorComparison(), OutgoingStream())
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
      if let held = try comparison.take(body) { events.append(.held(held)) }
    case (.listing, .awaitingOffer):
      events.append(.listed(try Listing(parsing: body)))
    case (.accept, .awaitingAcceptance):
      state = stream.isComplete ? .awaitingVerification : .streaming
      stream.release(to: &outbox)
      if stream.isComplete { outbox.flush() }
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

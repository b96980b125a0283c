public import LinkLayer
public import Streaming

/// The receiving end of a transfer: waits for a sender, takes a manifest and contents, and tells the
/// sender when the caller has verified the whole.
///
/// The caller answers events:
/// - `.connected`: what was received before is void; a sender begins anew.
/// - `.compared`: call `tell(held:)`.
/// - `.unchanged`: call `confirm(_:)` or `fail(_:)`.
/// - `.offered`: call `accept()` or `fail(_:)`, and `replay(_:)` while `wantsReplay`.
/// - `.content`, `.coded`: call `takeContent` before the next `nextEvent()`.
/// - `.finished`: call `confirm(_:)` or `fail(_:)`.
public struct ReceiveTransfer: ~Copyable {
  enum State: Equatable {
    case listening
    /// As the one who fetches: nobody has answered yet, nobody has said what it is, the request is to be made.
    case connecting, awaitingInfo, awaitingRequest
    /// As the one who is asked: somebody else goes on.
    case handedOver
    case awaitingOffer
    case awaitingAcceptance
    case streaming
    case awaitingConfirmation
    /// The last word is on its way, and then the link closes.
    case closing(TransferOutcome, until: Instant)
    case finished
  }

  // A sender that does not answer the last word may be gone: the model is safe all the same.
  // Longer than silence is borne: else a short outage at the very end would look like a failure there.
  private static let closingLimit = Interval.seconds(10)

  /// What the next sender is told; what is unfinished may change.
  public var info: ReceiverInfo
  /// The tensors of the model that this end holds, by which a sender may tell those of another one.
  public var base: BaseTensors?
  var link: Link
  // Whether this end has asked for the model.
  let isFetching: Bool
  var state = State.listening
  var outbox = Outbox()
  var inbox = Inbox()
  private var stream = IncomingStream()
  var events: [Event] = []
  var now = Instant(microseconds: 0)

  /// Starts to listen over an idle link, of which this end is the responder.
  public init(link: consuming Link, info: ReceiverInfo) {
    self.link = link
    self.info = info
    isFetching = false
    self.link.listen()
  }

  /// Looks for somebody who holds a model, over an idle link of which this end is the initiator.
  public init(fetchingOver link: consuming Link, info: ReceiverInfo, at now: Instant) {
    self.link = link
    self.info = info
    isFetching = true
    state = .connecting
    self.now = now
    self.link.open(at: now)
  }

  // MARK: - The caller's part

  /// Takes the model on offer; where it goes on, so many bytes of an earlier session come first.
  public mutating func accept(replaying byteCount: Int = 0) {
    precondition(state == .awaitingAcceptance, "acceptance follows .offered")
    state = .streaming
    if stream.manifest?.terms.identity != nil { inbox.goOn(behind: byteCount) }
    say(.accept)
  }

  /// Whether the next bytes of an earlier session are wanted.
  public var wantsReplay: Bool {
    inbox.wantsReplay && events.isEmpty && stream.contentByteCount == 0
  }

  /// Bytes of an earlier session that are still to come.
  public var replayRest: Int { inbox.replayRest }

  /// Takes the next ones.
  public mutating func replay(_ bytes: [UInt8]) { inbox.replay(bytes) }

  /// The bytes behind the manifest that have come since the last call, where the stream has an identity:
  /// kept, they can be replayed in another session.
  public mutating func takeReceived() -> [UInt8] { inbox.takeCaptured() }

  /// The model is verified and safely stored.
  public mutating func confirm(_ digest: Digest) {
    precondition(state == .awaitingConfirmation, "confirmation follows .finished")
    state = .closing(.completed, until: now + Self.closingLimit)
    say(.verified, digest.bytes)
  }

  /// Tells the sender what was measured with the model so far, between acceptance and the last word.
  public mutating func report(_ metric: Metric) {
    switch state {
    case .streaming, .awaitingConfirmation: say(.metric, metric.encoded())
    case .listening, .connecting, .awaitingInfo, .awaitingRequest, .awaitingOffer,
      .awaitingAcceptance, .handedOver, .closing, .finished:
      break
    }
  }

  /// This end will not answer for a time: it erases flash, or its disk is slow.
  public mutating func announceBusy(for time: Interval) {
    link.announceBusy(for: time, at: now)
  }

  /// Gives the model up and tells the sender why.
  public mutating func fail(_ failure: ReceiverFailure) {
    switch state {
    case .listening, .connecting, .finished, .closing: return
    case .awaitingInfo, .awaitingRequest, .awaitingOffer, .awaitingAcceptance, .streaming,
      .awaitingConfirmation, .handedOver:
      break
    }
    state = .closing(.receiverFailed(failure), until: now + Self.closingLimit)
    say(.failed, failure.encoded())
  }

  /// Lends the bytes that `.content` or `.coded` announced.
  ///
  /// - Throws: what `body` throws; the bytes are taken all the same.
  public mutating func takeContent<R, E: Error>(
    _ body: (Span<UInt8>) throws(E) -> R
  ) throws(E) -> R {
    precondition(stream.contentByteCount > 0, "content is taken once it is announced")
    return try inbox.takeContent(byteCount: stream.takeContent(), body)
  }

  /// What happened next; nil when there is nothing to tell.
  public mutating func nextEvent() -> Event? {
    followLink()
    if events.isEmpty { readRecord() }
    return events.isEmpty ? nil : events.removeFirst()
  }

  // MARK: - Inside

  mutating func say(_ kind: RecordKind, _ body: [UInt8] = []) {
    outbox.append(kind, body: body)
    outbox.flush()
    outbox.move(to: &link)
  }

  private mutating func followLink() {
    while let event = link.nextEvent() {
      switch event {
      case .opened(let peer): begin(with: peer)
      case .interrupted: interrupted()
      case .resumed: events.append(.resumed)
      case .readable: break
      case .drained:
        if case .closing(let outcome, _) = state, outbox.isEmpty, link.isDrained { close(outcome) }
      case .closed(let reason): linkClosed(reason)
      }
    }
  }

  private mutating func begin(with peer: PeerLimits) {
    if case .closing(let outcome, _) = state {
      // A sender that comes before the last one has answered the last word finds nobody here.
      close(outcome)
      return
    }
    outbox.removeAll()
    inbox.removeAll()
    stream = IncomingStream(base: base)
    events = [.connected(peer)]
    guard !isFetching else {
      state = .awaitingInfo
      return
    }
    state = .awaitingOffer
    say(.info, info.encoded())
  }

  private mutating func interrupted() {
    switch state {
    case .listening, .connecting, .handedOver, .finished: break
    // The last word has been said: it is no use to wait for an answer.
    case .closing(let outcome, _): close(outcome)
    case .awaitingInfo, .awaitingRequest, .awaitingOffer, .awaitingAcceptance, .streaming,
      .awaitingConfirmation:
      events.append(.interrupted)
    }
  }

  private mutating func linkClosed(_ reason: CloseReason) {
    switch state {
    case .listening, .finished: break
    case .connecting: finish(.linkClosed(reason))
    // The sender has heard the last word, or will never answer it.
    case .closing(let outcome, _): finish(outcome)
    case .awaitingInfo, .awaitingRequest, .awaitingOffer, .awaitingAcceptance, .streaming,
      .awaitingConfirmation, .handedOver:
      finish(.linkClosed(reason))
    }
  }

  mutating func close(_ outcome: TransferOutcome) {
    link.close(outcome == .completed ? .done : .refused)
    finish(outcome)
  }

  private mutating func finish(_ outcome: TransferOutcome) {
    state = .finished
    events.append(.ended(outcome))
  }

  private mutating func readRecord() {
    switch state {
    case .listening, .connecting, .awaitingRequest, .awaitingAcceptance, .awaitingConfirmation,
      .handedOver, .closing, .finished:
      return
    case .awaitingInfo, .awaitingOffer, .streaming: break
    }
    do throws(RecordError) {
      while events.isEmpty {
        switch try inbox.next(from: &link) {
        case .needsBytes: return
        case .content(let kind, let byteCount):
          events.append(try stream.announce(kind, byteCount: byteCount))
        case .record(let kind, let body): try take(kind, body)
        }
      }
    } catch {
      // The sender learns it from the record, the caller from the outcome.
      outbox.append(.failed, body: ReceiverFailure(.badStream, text: []).encoded())
      outbox.flush()
      state = .closing(.brokenStream(error), until: now + Self.closingLimit)
      outbox.move(to: &link)
    }
  }

  private mutating func take(_ kind: RecordKind, _ body: [UInt8]) throws(RecordError) {
    switch (kind, state) {
    case (.offer, .awaitingOffer), (.tensor, .awaitingOffer), (.order, .awaitingOffer),
      (.basis, .awaitingOffer):
      guard let manifest = try stream.offer(kind, body) else { return }
      state = .awaitingAcceptance
      events.append(.offered(manifest))
    case (.info, .awaitingInfo):
      state = .awaitingRequest
      events.append(.giverReady(try ReceiverInfo(parsing: body)))
    case (.failed, _) where isFetching:
      finish(.receiverFailed(try ReceiverFailure(parsing: body)))
      link.close(.done)
    case (_, .awaitingOffer) where isRequest(kind): try takeRequest(kind, body)
    case (.compare, .awaitingOffer):
      events.append(.compared(try DigestPrefix.parse(body)))
    case (.unchanged, .awaitingOffer):
      state = .awaitingConfirmation
      events.append(.unchanged(try Digest(record: body)))
    case (.finish, .streaming):
      events.append(try stream.take(kind, body))
      state = .awaitingConfirmation
    case (_, .streaming): events.append(try stream.take(kind, body))
    default: throw .unexpected(kind)
    }
  }
}

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
public struct ReceiveTransfer: ~Copyable, TransferMachine {
  /// What the caller has to know.
  public enum Event: Equatable, Sendable {
    /// A session is open.
    case connected(PeerLimits)
    /// The sender has fallen silent: it is waited for.
    case interrupted
    /// It is back, and the transfer goes on where it was.
    case resumed
    /// Which tensors are held whose digests begin so?
    case compared([DigestPrefix])
    /// The sender's model is the one that is held, of this digest.
    case unchanged(Digest)
    /// What is held? Call `tell(_:)`.
    case listed
    /// The model of this digest is to be used: call `confirm(_:)` or `fail(_:)`.
    case activated(Digest)
    /// The model that was in use before is to be used: call `confirm(_:)` or `fail(_:)`.
    case rolledBack
    /// A model that is held is to be sent: this machine has ended, and `SendTransfer(giving:)` goes on, or
    /// `fail(_:)` says that there is none.
    case fetched(FetchRequest)
    /// Who holds a model has said what it is: call `fetch(_:)`.
    case giverReady(ReceiverInfo)
    /// A model is on offer.
    case offered(Manifest)
    /// The content of a tensor begins.
    case unitBegan(Unit)
    /// So many bytes of it are there.
    case content(byteCount: Int)
    /// It is complete, and should have this digest.
    case unitEnded(Digest)
    /// So many bytes of the coded stream are there.
    case coded(byteCount: Int)
    /// All of the model has come so far; the coded stream's codeword ends here.
    case milestone(Milestone)
    /// The model is complete, and should have this digest.
    case finished(Digest)
    /// It is over.
    case ended(TransferOutcome)
  }

  enum State: Equatable {
    case listening
    /// As the one who fetches: nobody has answered yet, nobody has said what it is, the request is to be made.
    case connecting, awaitingInfo, awaitingRequest
    /// As the one who is asked: somebody else goes on.
    case handedOver
    case awaitingOffer
    case awaitingAcceptance
    case betweenUnits
    case inUnit
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
  var link: Link
  // Whether this end has asked for the model.
  let isFetching: Bool
  var state = State.listening
  private var outbox = Outbox()
  var inbox = Inbox()
  private var manifestReader = ManifestReader()
  private var manifest: Manifest?
  var events: [Event] = []
  private var contentByteCount = 0
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
    state = .betweenUnits
    if manifest?.terms.identity != nil { inbox.goOn(behind: byteCount) }
    say(.accept)
  }

  /// Whether the next bytes of an earlier session are wanted.
  public var wantsReplay: Bool { inbox.wantsReplay && events.isEmpty && contentByteCount == 0 }

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
    case .betweenUnits, .inUnit, .awaitingConfirmation: say(.metric, metric.encoded())
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
    case .awaitingInfo, .awaitingRequest, .awaitingOffer, .awaitingAcceptance, .betweenUnits,
      .inUnit, .awaitingConfirmation, .handedOver:
      break
    }
    state = .closing(.receiverFailed(failure), until: now + Self.closingLimit)
    say(.failed, failure.encoded())
  }

  /// Lends the bytes that `.content` or `.coded` announced.
  public mutating func takeContent<R>(_ body: (Span<UInt8>) -> R) -> R {
    precondition(contentByteCount > 0, "content is taken once it is announced")
    defer { contentByteCount = 0 }
    return inbox.takeContent(byteCount: contentByteCount, body)
  }

  /// What happened next; nil when there is nothing to tell.
  public mutating func nextEvent() -> Event? {
    followLink()
    if events.isEmpty { readRecord() }
    return events.isEmpty ? nil : events.removeFirst()
  }

  // MARK: - TransferMachine

  /// Takes bytes from the line.
  public mutating func receive(_ bytes: Span<UInt8>, at now: Instant) {
    self.now = now
    link.receive(bytes, at: now)
  }

  /// Lets the timers that have run out take effect.
  public mutating func expireTimers(at now: Instant) {
    self.now = now
    link.expireTimers(at: now)
    if case .closing(let outcome, let until) = state, now >= until { close(outcome) }
  }

  /// Appends the next frame; false where there is none.
  public mutating func transmit(
    into output: inout OutputSpan<UInt8>, at now: Instant
  ) -> Bool {
    outbox.move(to: &link)
    return link.transmit(into: &output, at: now)
  }

  /// When to call `expireTimers(at:)` at the latest.
  public var deadline: Instant? {
    guard case .closing(_, let until) = state else { return link.deadline }
    return link.deadline.map { min($0, until) } ?? until
  }

  /// The rate at which the line has to run, in bits a second.
  public var baudRate: UInt32 { link.baudRate }
  /// The slowest rate that has failed on this line; `UInt32.max` where none has.
  public var failedBaudRate: UInt32 { link.failedBaudRate }
  /// The room that `transmit` needs.
  public var transmitByteCountLimit: Int { link.transmitByteCountLimit }
  /// Whether it is over, and everything told.
  public var isFinished: Bool {
    (state == .finished || state == .handedOver) && events.isEmpty
  }
  /// What happened on the link.
  public var statistics: LinkStatistics { link.statistics }

  /// Ends the transfer and tells the peer.
  public mutating func abort() {
    state = .finished
    link.close(.aborted)
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
    manifestReader = ManifestReader()
    manifest = nil
    contentByteCount = 0
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
    case .awaitingInfo, .awaitingRequest, .awaitingOffer, .awaitingAcceptance, .betweenUnits,
      .inUnit, .awaitingConfirmation:
      events.append(.interrupted)
    }
  }

  private mutating func linkClosed(_ reason: CloseReason) {
    switch state {
    case .listening, .finished: break
    case .connecting: finish(.linkClosed(reason))
    // The sender has heard the last word, or will never answer it.
    case .closing(let outcome, _): finish(outcome)
    case .awaitingInfo, .awaitingRequest, .awaitingOffer, .awaitingAcceptance, .betweenUnits,
      .inUnit, .awaitingConfirmation, .handedOver:
      finish(.linkClosed(reason))
    }
  }

  private mutating func close(_ outcome: TransferOutcome) {
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
    case .awaitingInfo, .awaitingOffer, .betweenUnits, .inUnit: break
    }
    do throws(RecordError) {
      while events.isEmpty {
        switch try inbox.next(from: &link) {
        case .needsBytes: return
        case .content(let kind, let byteCount):
          contentByteCount = byteCount
          events.append(try event(kind, byteCount: byteCount))
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
    case (.offer, .awaitingOffer), (.tensor, .awaitingOffer), (.basis, .awaitingOffer):
      guard let manifest = try manifestReader.take(kind, body: body) else { return }
      self.manifest = manifest
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
      events.append(.unchanged(try digest(body)))
    case (.unit, .betweenUnits):
      let unit = try Unit(parsing: body)
      guard let manifest else { throw .unexpected(kind) }
      try unit.check(against: manifest)
      state = .inUnit
      events.append(.unitBegan(unit))
    case (.digest, .inUnit):
      state = .betweenUnits
      events.append(.unitEnded(try digest(body)))
    case (.milestone, .betweenUnits):
      events.append(.milestone(try Milestone(parsing: body)))
    case (.finish, .betweenUnits):
      state = .awaitingConfirmation
      events.append(.finished(try digest(body)))
    default: throw .unexpected(kind)
    }
  }

  private func event(_ kind: RecordKind, byteCount: Int) throws(RecordError) -> Event {
    switch (kind, state) {
    case (.content, .inUnit): return .content(byteCount: byteCount)
    case (.coded, .betweenUnits):
      guard manifest?.codec != nil else { throw .unexpected(kind) }
      return .coded(byteCount: byteCount)
    default: throw .unexpected(kind)
    }
  }

  func digest(_ body: [UInt8]) throws(RecordError) -> Digest {
    guard let digest = Digest(body) else { throw .badDigest }
    return digest
  }
}

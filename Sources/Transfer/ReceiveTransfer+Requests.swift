internal import LinkLayer
public import Streaming

/// What a receiver is asked besides to take a model.
extension ReceiveTransfer {
  /// Answers which of the compared tensors are held.
  public mutating func tell(held: [Bool]) {
    precondition(state == .awaitingOffer, "a comparison comes before an offer")
    say(.held, DigestPrefix.bits(held))
  }

  /// Answers what is held.
  public mutating func tell(_ listing: Listing) {
    precondition(state == .awaitingOffer, "a list comes before an offer")
    say(.listing, listing.encoded())
  }

  /// Asks for a model; it is offered then.
  public mutating func fetch(_ request: FetchRequest) {
    precondition(state == .awaitingRequest, "a request follows .giverReady")
    state = .awaitingOffer
    say(.fetch, request.encoded())
  }

  /// What another machine goes on with.
  struct Connection: ~Copyable {
    var link: Link
    let inbox: Inbox
    let now: Instant
  }

  consuming func handOver() -> Connection {
    precondition(state == .handedOver, "it follows .fetched")
    return Connection(link: link, inbox: inbox, now: now)
  }

  // MARK: - Inside

  func isRequest(_ kind: RecordKind) -> Bool {
    guard !isFetching else { return false }
    switch kind {
    case .list, .activate, .rollback, .fetch: return true
    default: return false
    }
  }

  mutating func takeRequest(
    _ kind: RecordKind, _ body: [UInt8]
  ) throws(RecordError) {
    switch kind {
    case .list: events.append(.listed)
    case .activate:
      state = .awaitingConfirmation
      events.append(.activated(try Digest(record: body)))
    case .rollback:
      state = .awaitingConfirmation
      events.append(.rolledBack)
    default:
      state = .handedOver
      events.append(.fetched(try FetchRequest(parsing: body)))
    }
  }
}

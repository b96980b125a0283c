internal import LinkLayer
public import Streaming

/// What a sender may want of a receiver besides taking a model.
extension SendTransfer {
  /// Asks what the receiver holds; `.listed` answers.
  public mutating func list() {
    precondition(state == .awaitingOffer, "requests follow .receiverReady")
    request(.list, [])
  }

  /// Has the receiver use the model of this digest; `.verified` answers.
  public mutating func activate(_ digest: Digest) {
    precondition(state == .awaitingOffer, "requests follow .receiverReady")
    request(.activate, digest.bytes)
    state = .awaitingVerification
  }

  /// Has the receiver use the model that was in use before; `.verified` answers.
  public mutating func rollBack() {
    precondition(state == .awaitingOffer, "requests follow .receiverReady")
    request(.rollback, [])
    state = .awaitingVerification
  }

  /// There is no more to ask.
  public mutating func leave() {
    guard state != .finished else { return }
    events.append(.ended(.completed))
    close(.done)
  }

  private mutating func request(_ kind: RecordKind, _ body: [UInt8]) {
    outbox.append(kind, body: body)
    outbox.flush()
    outbox.move(to: &link)
  }
}

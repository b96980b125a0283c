internal import LinkLayer
public import Streaming

/// What a sender may want of a receiver besides taking a model.
extension SendTransfer {
  /// Asks what the receiver holds; `.listed` answers.
  public mutating func list() {
    precondition(state == .awaitingOffer, "requests follow .receiverReady")
    say(.list)
  }

  /// Has the receiver use the model of this digest; `.verified` answers.
  public mutating func activate(_ digest: Digest) {
    precondition(state == .awaitingOffer, "requests follow .receiverReady")
    say(.activate, digest.bytes)
    state = .awaitingVerification
  }

  /// Has the receiver use the model that was in use before; `.verified` answers.
  public mutating func rollBack() {
    precondition(state == .awaitingOffer, "requests follow .receiverReady")
    say(.rollback)
    state = .awaitingVerification
  }

  /// There is no more to ask.
  public mutating func leave() {
    guard state != .finished else { return }
    events.append(.ended(.completed))
    close(.done)
  }
}

internal import LinkLayer
public import Streaming

/// What the caller answers to `.receiverReady`.
extension SendTransfer {
  /// Tells the receiver that it holds the model, of this digest.
  public mutating func keep(_ digest: Digest) {
    precondition(state == .awaitingOffer, "it follows .receiverReady")
    say(.unchanged, digest.bytes)
    state = .awaitingVerification
  }

  /// Asks which tensors the receiver holds.
  public mutating func compare(_ digests: [DigestPrefix]) {
    precondition(state == .awaitingOffer, "it follows .receiverReady")
    comparison = TensorComparison(count: digests.count)
    say(encoded: DigestPrefix.encoded(digests))
  }

  /// Takes the first bytes of the stream as sent before the offer: they are fed and left out.
  public mutating func skip(byteCount: Int) {
    precondition(state == .awaitingOffer, "it follows .receiverReady")
    stream.skip(byteCount: byteCount)
    resets.note(reached: byteCount)
  }

  /// The CRC-32 of what has been left out.
  public var skippedChecksum: UInt32 { stream.skippedChecksum }

  /// Whether not all that is to be left out has been fed.
  public var isSkipping: Bool { stream.isSkipping }

  /// Gives up to go on: what was fed is void.
  public mutating func beginAnew() { stream = OutgoingStream() }

  /// Offers a model.
  public mutating func offer(_ manifest: Manifest) {
    precondition(state == .awaitingOffer && !isSkipping, "offers follow .receiverReady")
    say(encoded: manifest.encoded())
    state = .awaitingAcceptance
  }
}

internal import LinkLayer
public import Streaming

/// The stream of the model, which the caller feeds piece by piece.
extension SendTransfer {
  /// Whether there is room for the next piece of content.
  public var wantsContent: Bool {
    if state == .awaitingOffer { return isSkipping }
    return state == .streaming && outbox.isEmpty && link.writableByteCount > 0
  }

  /// Bytes of the stream that have been fed so far; `statistics.bytesAcknowledged` of them are there.
  public var streamByteCount: Int { outbox.byteCount + stream.keptByteCount }

  /// Begins a content.
  public mutating func beginUnit(_ unit: Unit) { feed(.unit, unit.encoded()) }

  /// Adds bytes to it, at most `Record.contentByteCountLimit` at a time.
  public mutating func append(content: [UInt8]) {
    precondition(content.count <= Record.contentByteCountLimit, "a record's worth")
    feed(.content, content)
  }

  /// Ends it with its digest.
  public mutating func endUnit(_ digest: Digest) { feed(.digest, digest.bytes) }

  /// Adds bytes of the coded stream, between contents, at most `Record.contentByteCountLimit` at a time.
  public mutating func append(coded: [UInt8]) {
    precondition(coded.count <= Record.contentByteCountLimit, "a record's worth")
    feed(.coded, coded)
  }

  /// Tells that a point is reached, behind the end of a codeword.
  public mutating func append(_ milestone: Milestone) { feed(.milestone, milestone.encoded()) }

  /// Ends the model with its digest.
  public mutating func finish(_ digest: Digest) {
    feed(.finish, digest.bytes)
    guard state == .streaming else { return }
    outbox.flush()
    outbox.move(to: &link)
    state = .awaitingVerification
  }

  /// While the receiver wants it, or has it already and its offer is prepared.
  private mutating func feed(_ kind: RecordKind, _ body: [UInt8]) {
    precondition(
      !stream.isComplete && (state == .streaming || state == .awaitingOffer),
      "the stream follows .accepted")
    stream.append(kind, body: body, to: &outbox)
    if state == .streaming { outbox.move(to: &link) }
  }
}

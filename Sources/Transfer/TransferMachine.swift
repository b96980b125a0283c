public import LinkLayer

/// What a loop drives: one end of a transfer, sending or receiving.
///
/// The contract is `Link`'s: after any input drain events and `transmit`, then read `deadline`.
public protocol TransferMachine: ~Copyable {
  /// Bytes came from the line.
  mutating func receive(_ bytes: Span<UInt8>, at now: Instant)
  /// Time has passed.
  mutating func expireTimers(at now: Instant)
  /// Appends the next frame, for which `output` has `transmitByteCountLimit` bytes of room; false for
  /// none.
  mutating func transmit(into output: inout OutputSpan<UInt8>, at now: Instant) -> Bool
  /// When to call `expireTimers` at the latest.
  var deadline: Instant? { get }
  /// The room that `transmit` needs.
  var transmitByteCountLimit: Int { get }
  /// Whether nothing is left to do but what `transmit` still hands out.
  var isFinished: Bool { get }
  /// Ends the transfer and tells the peer.
  mutating func abort()
  /// What happened on the link.
  var statistics: LinkStatistics { get }
}

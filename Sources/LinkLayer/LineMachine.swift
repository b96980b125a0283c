/// What drives one end of a line: a link, or anything on top of one.
///
/// After any input, drain the machine's events and `transmit`, then read `deadline`.
public protocol LineMachine: ~Copyable {
  /// Bytes came from the line, in any portions.
  mutating func receive(_ bytes: Span<UInt8>, at now: Instant)
  /// Time has passed. Early and repeated calls do nothing.
  mutating func expireTimers(at now: Instant)
  /// Appends the next frame to `output`, which has room for `transmitByteCountLimit` bytes.
  ///
  /// Returns false, and appends nothing, when there is nothing to send now.
  mutating func transmit(into output: inout OutputSpan<UInt8>, at now: Instant) -> Bool
  /// When to call `expireTimers(at:)` at the latest; nil when no timer runs.
  var deadline: Instant? { get }
  /// The rate at which the line has to run, in bits a second, for all that `transmit` hands out from now
  /// on and all that is to come; what was handed out before has left by then.
  var baudRate: UInt32 { get }
  /// The room that `transmit` needs.
  var transmitByteCountLimit: Int { get }
}

extension Link: LineMachine {}

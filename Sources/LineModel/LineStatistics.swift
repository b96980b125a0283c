/// What happened on one direction of a line since it was made.
///
/// When nothing is under way any more, `bytesSent + bytesInserted + bytesDuplicated` equals
/// `bytesReceived + bytesDropped + bytesOverrun + bytesLostInCuts`.
public struct LineStatistics: Equatable, Sendable {
  /// Bytes that the transmit buffer took.
  public internal(set) var bytesSent: UInt64 = 0
  /// Bytes that were handed to the receiver.
  public internal(set) var bytesReceived: UInt64 = 0
  /// Single data bits that noise inverted.
  public internal(set) var bitsFlipped: UInt64 = 0
  /// Bytes that a burst, or a collision, replaced by random ones.
  public internal(set) var bytesGarbled: UInt64 = 0
  /// Bytes that the receiver read at another rate than the sender's.
  public internal(set) var bytesMisread: UInt64 = 0
  /// Bytes that the wire swallowed, or that a slow receiver took for a part of another one.
  public internal(set) var bytesDropped: UInt64 = 0
  /// Bytes that nobody sent, of which a fast receiver makes some out of one.
  public internal(set) var bytesInserted: UInt64 = 0
  /// Bytes that arrived twice.
  public internal(set) var bytesDuplicated: UInt64 = 0
  /// Bytes that found the receiver's FIFO full.
  public internal(set) var bytesOverrun: UInt64 = 0
  /// Bytes that were on the wire while it was cut.
  public internal(set) var bytesLostInCuts: UInt64 = 0

  /// Nothing has happened yet.
  public init() {}
}

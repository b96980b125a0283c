/// How often in a row a receiver has been reset without getting any further: decides when it is given up.
///
/// One that has more of the stream after a reset than ever before gets on, however often it is reset. One that
/// starts over each time, or dies before it can take anything, does not.
struct ResetTally {
  /// Resets without progress that a receiver may have.
  ///
  /// So many that a board that is plugged in, or a program that starts slowly while somebody works on it, is
  /// borne; so few that a board that dies under each transfer is told of within minutes.
  static let limit = 10

  private var count = 0
  // Of the stream, what the receiver had when it had most.
  private var reachedByteCount = 0

  /// The receiver was reset; whether to begin with it anew.
  mutating func takesAnother() -> Bool {
    count += 1
    return count <= Self.limit
  }

  /// The receiver has so many bytes of the stream, as it says of itself.
  mutating func note(reached byteCount: Int) {
    guard byteCount > reachedByteCount else { return }
    (reachedByteCount, count) = (byteCount, 0)
  }
}

/// How often in a row a receiver has been reset without getting on: decides when it is given up.
///
/// A receiver that has more of the stream after a reset than ever before gets on, however often it is reset:
/// its transfer ends. One that starts over each time, or dies before it can take the model, never will.
struct ResetTally {
  /// Resets without progress that a receiver may have.
  private static let limit = 3

  private var count = 0
  // Of the stream, what the receiver had when it had most.
  private var reachedByteCount = 0

  /// The receiver was reset; whether to begin with it anew.
  mutating func takesAnother() -> Bool {
    count += 1
    return count <= Self.limit
  }

  /// The receiver goes on, with so many bytes of the stream.
  mutating func note(reached byteCount: Int) {
    guard byteCount > reachedByteCount else { return }
    (reachedByteCount, count) = (byteCount, 0)
  }
}

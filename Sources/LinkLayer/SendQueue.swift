internal import Framing

/// The stream that this end sends, from the first byte that the peer has not acknowledged.
///
/// Stop-and-wait: one frame is on its way at a time and starts at the first unacknowledged block.
/// How many bytes it carries is decided anew for each transmission, so a piece that fails goes out
/// again in smaller ones.
struct SendQueue: ~Copyable {
  /// Why a frame goes out again.
  enum Cause: Equatable {
    case timeout
    case negativeAcknowledgement
    /// The peer got it and had no room.
    case busy
  }

  /// The frame on its way.
  struct InFlight: Equatable {
    var wireByteCount: Int
    /// When its last byte leaves the line, by the line's rate.
    var transmissionEnd: Instant
    var retransmitAt: Instant
    /// What it goes out again for, should it come to that.
    var cause = Cause.timeout
    /// Whether an answer to it tells the turnaround (Karn: only the first transmission does).
    var isSampled: Bool
  }

  private(set) var buffer: StreamBuffer
  /// The number of the first block that is not acknowledged.
  private(set) var base = BlockNumber(0)
  /// One past the last block ever sent; 0 <= sent - base.
  private(set) var sent = BlockNumber(0)
  /// Bytes from the start that go out without waiting for a full frame.
  // 0 <= flushedByteCount <= buffer.count
  private(set) var flushedByteCount = 0
  // The byte behind a short block that has been sent: nothing beyond goes out before its answer,
  // and no transmission may cut or fill it.
  private var shortEnd: Int?
  var inFlight: InFlight?
  /// Whether the next frame carries a piece that was sent before.
  private(set) var isRepeating = false
  /// How often the piece at the start has been sent in vain.
  var attempts = 0

  init(storage: consuming ByteStorage) {
    buffer = StreamBuffer(storage: storage)
  }

  mutating func write(_ bytes: Span<UInt8>) -> Int { buffer.append(bytes) }

  mutating func flush() { flushedByteCount = buffer.count }

  /// How many bytes the next frame carries when `target` would be best; 0 for none yet.
  func nextByteCount(target: Int) -> Int {
    let limit = shortEnd ?? buffer.count
    if limit >= target { return target }
    // Whole blocks as far as there is something to fill them with, and the flushed bytes in any case.
    return shortEnd ?? min((flushedByteCount + 15) & ~15, limit)
  }

  /// A frame with the first `byteCount` bytes goes out.
  mutating func noteSent(byteCount: Int) {
    let end = base.advanced(by: BlockNumber.count(forByteCount: byteCount))
    if end.distance(from: sent) > 0 { sent = end }
    if byteCount & 15 != 0 { shortEnd = byteCount }
  }

  /// What is on its way is to go out again.
  mutating func giveUpInFlight() {
    inFlight = nil
    isRepeating = true
  }

  /// The peer lacks block `next` and has all before it.
  ///
  /// Returns how many bytes that settles, or nil where it names a block that was never sent.
  mutating func acknowledge(upTo next: BlockNumber) -> Int? {
    let blocks = next.distance(from: base)
    guard blocks > 0 else { return 0 }
    guard blocks <= sent.distance(from: base) else { return nil }
    var byteCount = blocks * BlockNumber.byteCount
    if let shortEnd {
      byteCount = min(byteCount, shortEnd)
      self.shortEnd = byteCount == shortEnd ? nil : shortEnd - byteCount
    }
    buffer.removeFirst(byteCount)
    flushedByteCount = max(flushedByteCount - byteCount, 0)
    base = next
    inFlight = nil
    isRepeating = false
    attempts = 0
    return byteCount
  }

  /// Back to the first byte of a new session's stream.
  mutating func reset() {
    buffer.removeAll()
    base = BlockNumber(0)
    sent = base
    flushedByteCount = 0
    shortEnd = nil
    inFlight = nil
    isRepeating = false
    attempts = 0
  }
}

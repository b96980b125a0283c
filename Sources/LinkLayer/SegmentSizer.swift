/// Chooses how many bytes of the stream the next frame carries.
///
/// A frame of n bytes with a fixed cost of h more (header, answer, turnaround, all in byte times)
/// on a line that damages each byte with probability p brings n/(n+h) · (1−p)^n; the best n is
/// √(h²/4 + h/p) − h/2, for small p. 1/p are the bytes that passed for each that was hit, in the
/// recent past: those of a lost frame up to the first that was hit, half of them on average.
struct SegmentSizer: Sendable {
  // Halved together when this many bytes have been counted: the memory of the estimate.
  static let memoryByteCount: UInt32 = 1 << 16

  // Starts as if a quarter of the memory had passed without a loss: one early loss is no trend.
  // 0 <= bytesPassed < 2 * memoryByteCount
  private var bytesPassed: UInt32 = Self.memoryByteCount / 4
  // In sixteenths, so that halving keeps a single loss for a while.
  private var framesLost: UInt32 = 0

  /// A data frame of `byteCount` bytes on the wire has arrived.
  mutating func noteDelivered(byteCount: Int) { note(byteCount) }

  /// One has not.
  mutating func noteLost(byteCount: Int) {
    framesLost += 16
    note(byteCount / 2)
  }

  private mutating func note(_ byteCount: Int) {
    bytesPassed += UInt32(byteCount)
    if bytesPassed >= Self.memoryByteCount {
      bytesPassed /= 2
      framesLost /= 2
    }
  }

  /// The payload to send next: whole blocks, at most `limit` bytes.
  ///
  /// `costByteCount` is h; `attempt` counts the times that this piece failed: each second one halves
  /// the size, whatever the estimate says.
  func payloadByteCount(limit: Int, costByteCount: Int, attempt: Int) -> Int {
    var size = limit
    if framesLost > 0 {
      let cost = UInt32(truncatingIfNeeded: costByteCount)
      let bytesPerLoss = bytesPassed * 16 / framesLost
      let (square, overflow) = cost.multipliedReportingOverflow(by: cost / 4 + bytesPerLoss)
      // What does not fit 32 bits has a root above every limit.
      if !overflow { size = min(size, Int(Self.squareRoot(square)) - costByteCount / 2) }
    }
    size >>= min(attempt / 2, 16)
    return max(size & ~15, BlockNumber.byteCount)
  }

  /// The whole part of the square root, bit by bit; no square of 16 bits overflows 32.
  static func squareRoot(_ number: UInt32) -> UInt32 {
    var root: UInt32 = 0
    var bit: UInt32 = 1 << 15
    while bit > 0 {
      let candidate = root | bit
      if candidate * candidate <= number { root = candidate }
      bit >>= 1
    }
    return root
  }
}

/// Chooses how many bytes of the stream the next frame carries.
///
/// A frame of n bytes with a fixed cost of h more (header, answer, turnaround, all in byte times)
/// on a line that damages each byte with probability p brings n/(n+h) · (1−p)^n; the best n is
/// √(h²/4 + h/p) − h/2, for small p. 1/p are the bytes that passed for each that was hit, in the
/// recent past: those of a lost frame up to the first that was hit, half of them on average.
///
/// Until something has been lost p is unknown: a frame is then as long as all that has passed, so
/// sizes double with each answer. A line that gets better is noticed when four times as much passes
/// as was to be expected (a chance of 2 %): sizes then grow as the run does, and the loss that ends it
/// makes a new estimate of it if it was four times longer still. A line that gets worse is noticed
/// when three frames in a row are lost that should have arrived.
struct SegmentSizer: Sendable {
  // What the first frame carries: little is lost with it, and few are needed to reach a full frame.
  static let initialByteCount: UInt32 = 256
  // Halved together when either is reached: the memory of the estimate. Sixteen losses are known to a
  // quarter, and the optimum is flat: that costs one percent of what overhead and losses cost.
  static let memoryByteCount: UInt32 = 1 << 17
  static let memoryLossCount: UInt32 = 16
  // A loss counts for so much, so that halving keeps a single one for a while.
  private static let lossWeight: UInt32 = 16
  private static let runLimit: UInt32 = 1 << 20

  // 0 <= bytesPassed < 2 * memoryByteCount
  private var bytesPassed: UInt32 = 1024
  private var losses: UInt32 = Self.lossWeight
  /// Bytes that have passed since the last loss.
  private var run: UInt32 = 0
  private var lossesInRow: UInt32 = 0
  /// What a frame carries at least while nothing has been lost.
  private var initialByteCount: UInt32? = Self.initialByteCount
  /// Whether the estimate is good for a bound of that: after a restart.
  private var isExpecting = false
  private var ceiling = SizeCeiling()

  /// Bytes for each that is hit; nil while nothing has been.
  var bytesPerLoss: UInt32? {
    initialByteCount == nil ? bytesPassed * Self.lossWeight / losses : nil
  }

  /// `frameCount` frames, of `byteCount` bytes in all, have arrived.
  mutating func noteDelivered(frameCount: Int, byteCount: Int) {
    guard frameCount > 0 else { return }
    let count = UInt32(truncatingIfNeeded: frameCount)
    ceiling.noteDelivered(
      frameCount: count, frameByteCount: UInt32(truncatingIfNeeded: byteCount) / count)
    lossesInRow = 0
    run = min(run + UInt32(truncatingIfNeeded: byteCount), Self.runLimit)
    pass(byteCount)
  }

  /// Of `frameCount` frames, of `byteCount` bytes in all, none has arrived.
  mutating func noteLost(frameCount: Int, byteCount: Int) {
    guard frameCount > 0 else { return }
    let count = UInt32(truncatingIfNeeded: frameCount)
    let frameByteCount = UInt32(truncatingIfNeeded: byteCount) / count
    ceiling.noteLost(frameCount: count, frameByteCount: frameByteCount)
    lossesInRow += count
    if let bytesPerLoss {
      if run / 16 > bytesPerLoss { (bytesPassed, losses) = (run, 0) }
      if lossesInRow >= 3, frameByteCount < bytesPerLoss / 10 { (bytesPassed, losses) = (0, 0) }
    }
    initialByteCount = nil
    run = 0
    losses += count * Self.lossWeight
    pass(byteCount / 2)
  }

  /// Nothing that was learnt holds any more: error correction has been switched on or off.
  mutating func restart(expectingBytesPerLoss expected: UInt32, from byteCount: Int) {
    bytesPassed = min(expected, Self.memoryByteCount)
    losses = Self.lossWeight
    run = 0
    lossesInRow = 0
    initialByteCount = UInt32(truncatingIfNeeded: byteCount)
    isExpecting = true
  }

  private mutating func pass(_ byteCount: Int) {
    bytesPassed += UInt32(truncatingIfNeeded: byteCount)
    while bytesPassed >= Self.memoryByteCount
      || losses >= Self.memoryLossCount * Self.lossWeight
    {
      bytesPassed /= 2
      losses = max(losses / 2, 1)
    }
  }

  /// The payload to send next: whole blocks, at most `limit` bytes.
  ///
  /// `costByteCount` is h; `failures` counts the frames lost in a row: each fourth halves the size,
  /// whatever the estimate says.
  func payloadByteCount(limit: Int, costByteCount: Int, failures: Int) -> Int {
    var best = bestByteCount(costByteCount: UInt32(truncatingIfNeeded: costByteCount))
    if let ceiling = ceiling.byteCount {
      let overhead = UInt32(truncatingIfNeeded: Link.frameOverheadByteCount)
      best = min(best, max(ceiling, overhead + 32) - overhead - 16)
    }
    let size = min(UInt32(truncatingIfNeeded: limit), best) >> UInt32(min(failures / 4, 16))
    return max(Self.wholeBlocks(size, limit: UInt32(truncatingIfNeeded: limit)), 16)
  }

  private func bestByteCount(costByteCount cost: UInt32) -> UInt32 {
    let expected = bytesPassed * Self.lossWeight / losses
    let (square, overflow) = cost.multipliedReportingOverflow(by: cost / 4 + expected)
    // What does not fit 32 bits has a root above every limit.
    let best = overflow ? 1 << 16 : min(Self.squareRoot(square) - cost / 2, 1 << 16)
    if let initialByteCount {
      let grown = initialByteCount + run
      return min(grown, isExpecting ? best : Self.cautious(run: run, costByteCount: cost))
    }
    guard run / 4 > expected else { return best }
    // Sixteenths, clamped so that the product fits: beyond, the limit of every receiver is reached.
    let growth = min(run * 4 / max(expected, 1), 1 << 12)
    return best * growth / 16
  }

  /// A bound of what is sent in one frame while nothing is known but that `run` bytes have passed: a
  /// sixteenth of the losses that are possible then, √(16 · h · run), and a kibibyte in any case.
  private static func cautious(run: UInt32, costByteCount cost: UInt32) -> UInt32 {
    let (square, overflow) = (16 * cost).multipliedReportingOverflow(by: run)
    return overflow ? 1 << 16 : max(squareRoot(square), 1024)
  }

  /// The multiple of a block next to `size` in proportion: from the geometric mean of two on, the
  /// larger one is the better.
  private static func wholeBlocks(_ size: UInt32, limit: UInt32) -> Int {
    let lower = size & ~15
    let upper = lower + 16
    let isNearUpper = size < 1 << 15 && size * size > lower * upper
    return Int(isNearUpper && upper <= limit ? upper : lower)
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

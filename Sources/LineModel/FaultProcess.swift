/// One kind of fault: independent trials of the same rate, drawn by the gaps between faults.
///
/// The number of misses before a hit is geometric, so one draw covers thousands of clean bits and a
/// rare fault costs one subtraction a byte.
struct FaultProcess {
  private let rate: Double
  private let logarithmOfMiss: Double
  private var generator: SeededGenerator
  /// Trials still to miss before the next hit; `.max` stands for never.
  private(set) var gap: UInt64 = .max

  /// `rate` is the chance of each trial, 0 through 1.
  init(rate: Double, generator: SeededGenerator) {
    self.rate = rate
    logarithmOfMiss = rate > 0 && rate < 1 ? logarithmOfComplement(rate) : 0
    self.generator = generator
    gap = drawGap()
  }

  /// Makes one trial.
  mutating func strikes() -> Bool {
    strike(within: 1) != nil
  }

  /// Makes `trialCount` trials, at most `gap`, which all miss.
  mutating func skip(_ trialCount: UInt64) {
    if rate > 0 { gap -= trialCount }
  }

  /// Makes up to `trialCount` trials and stops after the first hit.
  ///
  /// - Returns: the number of misses before the hit, or nil where all trials missed.
  mutating func strike(within trialCount: UInt64) -> UInt64? {
    guard gap < trialCount else {
      skip(trialCount)
      return nil
    }
    let misses = gap
    gap = drawGap()
    return misses
  }

  /// Draws the misses before a hit: ⌊ln u / ln(1 − rate)⌋ for u uniform in (0, 1].
  mutating func drawGap() -> UInt64 {
    guard rate > 0 else { return .max }
    guard rate < 1 else { return 0 }
    let misses = naturalLogarithm(generator.nextUnit()) / logarithmOfMiss
    // A rate so small that the gap leaves the integers hits after the end of any run.
    return misses < 0x1p63 ? UInt64(misses) : 1 << 63
  }
}

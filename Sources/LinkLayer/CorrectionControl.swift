internal import Framing

/// What parity has put right, modulo 2¹⁶.
struct CorrectionCount: Equatable, Sendable {
  private(set) var bytes: UInt16 = 0
  private(set) var frames: UInt16 = 0

  init(bytes: UInt16 = 0, frames: UInt16 = 0) {
    self.bytes = bytes
    self.frames = frames
  }

  mutating func note(byteCount: Int) {
    bytes &+= UInt16(truncatingIfNeeded: byteCount)
    frames &+= 1
  }

  /// What has come to it since `right`.
  static func - (left: CorrectionCount, right: CorrectionCount) -> CorrectionCount {
    CorrectionCount(bytes: left.bytes &- right.bytes, frames: left.frames &- right.frames)
  }
}

/// Chooses how much parity data frames carry, from the bytes that the peer has had to correct.
///
/// Three rates are known of the line, each for a byte: q, the damaged bytes that parity puts right; e,
/// the frames that they are in, fewer where damage comes in bursts; and r, the frames lost all the
/// same (damage to the stuffing or to a delimiter, lost bytes). Parity pays where frames sized for r
/// alone, with it, waste less than frames sized for e + r without: of a frame of n bytes with a cost
/// of h more, h/n + (n + h) · loss is wasted.
///
/// The strength is the least for which one step more would cost more parity (two bytes of 255) than
/// it saves frames. Switching has to gain an eighth (off: a sixteenth) of what is wasted, or kept, so that
/// a line in between is left as it is.
struct CorrectionControl: Sendable {
  // Damaged bytes for each codeword, in 1/256, from which on each strength pays over the one before
  // it: where the chance that just the additional errors are there, for errors that come
  // independently (Poisson), is above the share of parity that it costs: 1/255 of each byte.
  private static let thresholds: InlineArray<5, UInt32> = [34, 106, 206, 371, 666]
  // Halved together: the memory of q.
  private static let correctedLimit: UInt32 = 256
  private static let byteLimit: UInt32 = 1 << 18
  private static let lossesInRowLimit: UInt32 = 4
  // Bytes between two looks at what is known.
  private static let reviewInterval: UInt32 = 2048
  // What parity is expected to mend before it has been tried: all losses but one in 64.
  private static let mendedLimit: UInt32 = 64

  private(set) var strength: CorrectionStrength?
  // q is corrected / bytes, e is frames / bytes.
  private var corrected: UInt32 = 0
  private var frames: UInt32 = 0
  private var bytes: UInt32 = 0
  private var bytesSinceCorrection: UInt32 = 0
  private var lossesSinceCorrection: UInt32 = 0
  private var bytesSinceReview: UInt32 = 0
  // (e + r) / r, as last seen.
  private var mended = Self.mendedLimit

  /// Data frames of `byteCount` bytes in all have arrived, with so much put right.
  mutating func noteDelivered(byteCount: Int, corrected new: CorrectionCount) {
    guard strength != nil else { return }
    let delivered = UInt32(truncatingIfNeeded: byteCount)
    bytes += delivered
    bytesSinceReview += delivered
    bytesSinceCorrection += delivered
    if new.bytes > 0 {
      corrected += UInt32(min(new.bytes, 1 << 10))
      frames += UInt32(min(new.frames, 1 << 10))
      bytesSinceCorrection = 0
      lossesSinceCorrection = 0
    } else if corrected > 0, bytesSinceCorrection / 8 > bytes / corrected {
      // A clean spell of eight times the usual distance: the line is better than it was.
      halveCorrected()
      bytesSinceCorrection = 0
    }
    while corrected >= Self.correctedLimit || bytes >= Self.byteLimit {
      halveCorrected()
      bytes /= 2
    }
  }

  /// Of `frameCount` frames, of `byteCount` bytes in all, none has arrived.
  mutating func noteLost(frameCount: Int, byteCount: Int) {
    bytesSinceReview += UInt32(truncatingIfNeeded: byteCount)
    lossesSinceCorrection += UInt32(truncatingIfNeeded: frameCount)
    // Losses without a byte put right in between: this damage is not of the kind that parity mends.
    guard lossesSinceCorrection >= Self.lossesInRowLimit else { return }
    lossesSinceCorrection = 0
    halveCorrected()
  }

  private mutating func halveCorrected() {
    corrected /= 2
    frames /= 2
  }

  /// Looks at what is known, and changes the strength where that pays.
  ///
  /// - Parameters:
  ///   - bytesPerLoss: 1/r with parity, 1/(e + r) without; nil where nothing was lost.
  ///   - limit: The longest frame.
  ///   - cost: h.
  /// - Returns: whether correction was switched on or off, which makes void what the sizer knows.
  mutating func review(bytesPerLoss: UInt32?, limit: UInt32, cost: UInt32) -> Bool {
    guard let current = strength else {
      guard let bytesPerLoss else { return false }
      return switchOn(bytesPerLoss: bytesPerLoss, limit: limit, cost: cost)
    }
    guard bytesSinceReview >= Self.reviewInterval else { return false }
    bytesSinceReview = 0
    let hard = bytesPerLoss ?? .max
    let bytesPerSymbol = corrected > 0 ? max(bytes / corrected, 1) : UInt32.max
    // 1 / (e + r), and (e + r) / r.
    let all = Self.parallel(hard, frames > 0 ? max(bytes / frames, 1) : .max)
    mended = min(max(hard / max(all, 1), 1), Self.mendedLimit)
    strength = Self.best(bytesPerSymbol: bytesPerSymbol, limit: limit, keeping: current)
    let without = Self.waste(bytesPerLoss: all, limit: limit, cost: cost)
    let with = wasteWithParity(bytesPerLoss: hard, limit: limit, cost: cost)
    guard without < with - with / 16 else { return false }
    strength = nil
    return true
  }

  private mutating func switchOn(bytesPerLoss: UInt32, limit: UInt32, cost: UInt32) -> Bool {
    strength = Self.best(bytesPerSymbol: bytesPerLoss, limit: limit, keeping: nil)
    let hard = bytesPerLoss.multipliedReportingOverflow(by: mended)
    let without = Self.waste(bytesPerLoss: bytesPerLoss, limit: limit, cost: cost)
    let with = wasteWithParity(
      bytesPerLoss: hard.overflow ? .max : hard.partialValue, limit: limit, cost: cost)
    // Where the turnaround wastes nearly all, what is kept tells more.
    let (kept, keptNow) = (65_536 - min(with, 65_536), 65_536 - without)
    guard with < without - without / 8 || kept > keptNow + keptNow / 8 else {
      strength = nil
      return false
    }
    // As if the losses so far had been eight of these damaged bytes.
    corrected = 8
    frames = 8
    bytes = min(bytesPerLoss, Self.byteLimit / 16) * 8
    bytesSinceCorrection = 0
    lossesSinceCorrection = 0
    bytesSinceReview = 0
    return true
  }

  /// What the sizer is to expect after a switch: 1/r where parity is on now, else 1/(e + r).
  func expectedBytesPerLoss(before bytesPerLoss: UInt32) -> UInt32 {
    strength == nil
      ? max(bytesPerLoss / mended, 1)
      : bytesPerLoss.multipliedReportingOverflow(by: mended).overflow
        ? .max : bytesPerLoss * mended
  }

  // MARK: - Reckoning

  /// The share of the line that damage wastes now, in 1/65536: that of frames of the best length, with
  /// the parity that they carry.
  func waste(bytesPerLoss: UInt32, limit: UInt32) -> UInt32 {
    wasteWithParity(
      bytesPerLoss: bytesPerLoss, limit: limit, cost: UInt32(Link.frameOverheadByteCount))
  }

  private func wasteWithParity(bytesPerLoss: UInt32, limit: UInt32, cost: UInt32) -> UInt32 {
    let parity = UInt32(strength?.parityByteCount ?? 0) * 65536 / 255
    return Self.waste(bytesPerLoss: bytesPerLoss, limit: limit, cost: cost) + parity
  }

  /// The share that frames of the best length waste, in 1/65536, with b bytes for each loss:
  /// 1 − n/(n + h) · b/(b + n + h), the second factor for e^(−(n + h)/b).
  static func waste(bytesPerLoss: UInt32, limit: UInt32, cost: UInt32) -> UInt32 {
    let (square, overflow) = cost.multipliedReportingOverflow(by: bytesPerLoss)
    let size = max(overflow ? limit : min(SegmentSizer.squareRoot(square), limit), 16)
    let frame = size + min(cost, 1 << 12)
    // Both factors in 1/32768, from numbers of 16 bits: 32 hold the products.
    var (loss, sum) = (bytesPerLoss, bytesPerLoss.addingReportingOverflow(frame).partialValue)
    if sum < loss { (loss, sum) = (1, 1) }
    while sum > 0xFFFF { (loss, sum) = (loss >> 1, (sum + 1) >> 1) }
    let arriving = loss << 15 / sum
    let carried = min(size, 0xFFFF) << 15 / frame
    return 65_536 - (carried * arriving) >> 14
  }

  static func best(
    bytesPerSymbol: UInt32, limit: UInt32, keeping current: CorrectionStrength?
  ) -> CorrectionStrength {
    let codeword = min(limit, UInt32(CorrectionStrength.codewordByteCount))
    let symbols = codeword * 256 / max(bytesPerSymbol, 1)
    var index = 0
    while index < thresholds.count {
      // To go down again, the line has to be better by a quarter than it was to go up.
      let isKept = current.map { index < $0.index } ?? false
      let threshold = isKept ? thresholds[index] * 3 / 4 : thresholds[index]
      guard symbols > threshold else { break }
      index += 1
    }
    return CorrectionStrength(index: index)
  }

  /// 1 / (1/a + 1/b).
  private static func parallel(_ a: UInt32, _ b: UInt32) -> UInt32 {
    let (less, more) = a < b ? (a, b) : (b, a)
    guard more < .max else { return less }
    // less / (1 + less/more), the quotient in 1/256.
    let share = more >= 1 << 8 ? less / (more >> 8) : less * 256 / max(more, 1)
    return less < 1 << 22 ? less * 256 / (256 + share) : less / (256 + share) * 256
  }
}

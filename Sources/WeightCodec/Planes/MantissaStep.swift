/// What a mantissa pass adds to each element.
struct MantissaStep {
  static let zeroCountBits = 6

  let format: FloatFormat
  /// Bits of the mantissa that an element has in the end, if it has so many.
  let bits: Int
  /// Whether elements are told from zero in this pass.
  let isFirst: Bool
  /// Whether the pass makes the tensor exact.
  let isLast: Bool
  /// The level of the last plane's threshold: elements from it on are significant.
  let planeFloor: Int
  private let knownBits: Int
  /// Bits at the end of the row's mantissas that are zero and not sent.
  var zeroBits = 0
  // Of the last three elements of the row that were asked about, whether they were other than held.
  private var history = 0

  init(_ format: FloatFormat, _ progress: TensorProgress, bits: Int) {
    self.format = format
    self.bits = bits
    isFirst = progress.mantissaBits == nil
    isLast = bits == format.mantissaBits
    knownBits = progress.mantissaBits ?? 0
    // Without a top level all finite elements are zero.
    planeFloor = (progress.topLevel ?? 0) - progress.planeCount + 1
  }

  /// That of a tensor that has a base, with levels from `planeFloor` on told.
  init(_ format: FloatFormat, planeFloor: Int) {
    (self.format, self.planeFloor) = (format, planeFloor)
    (bits, isFirst, isLast, knownBits) = (format.mantissaBits, true, true, 0)
  }

  /// Begins a row of a tensor that has a base.
  mutating func beginRow() { history = 0 }

  /// Notes whether an element of a tensor that has a base is what the receiver holds.
  mutating func note(isSame: Bool) { history = history << 1 & 7 | (isSame ? 0 : 1) }

  /// The model for whether an element is what the receiver holds of it; nil where nothing is unknown.
  ///
  /// What is at an end of what is possible has been moved there, or very nearly always has.
  func sameKind<Bits>(_ held: Bits, _ code: FloatCode<Bits>) -> Int? {
    let limit = code.power(atLevel: planeFloor)
    guard held >= limit else { return held == limit &- 1 ? history | 8 : history }
    let mask = code.unknownMask(of: held, floor: planeFloor)
    guard mask > 0 else { return nil }
    return held & mask == 0 || held & mask == mask ? history | 8 : history
  }

  /// Whether a finite element other than zero was not significant before this pass.
  func isNew(atLevel level: Int) -> Bool { isFirst && level < planeFloor }

  /// Which bits of the magnitude come for an element: places, counted from the lowest.
  ///
  /// What is below stays unknown, or is zero where the pass is the last.
  func missingBits(atLevel level: Int, isNew: Bool) -> Range<Int> {
    let trailing = min(level, format.mantissaBits)
    let known = isNew ? 0 : min(max(knownBits, level - planeFloor), trailing)
    let highest = trailing - known
    let lowest = isLast ? zeroBits : max(trailing - bits, 0)
    return min(lowest, highest)..<highest
  }
}

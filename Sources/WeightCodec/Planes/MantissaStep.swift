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

  init(_ format: FloatFormat, _ progress: TensorProgress, bits: Int) {
    self.format = format
    self.bits = bits
    isFirst = progress.mantissaBits == nil
    isLast = bits == format.mantissaBits
    knownBits = progress.mantissaBits ?? 0
    // Without a top level all finite elements are zero.
    planeFloor = (progress.topLevel ?? 0) - progress.planeCount + 1
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

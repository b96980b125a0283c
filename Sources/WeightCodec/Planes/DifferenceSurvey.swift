/// How a tensor differs from its base: enough to know about the size of each pass and the error after it
/// without coding anything.
///
/// All elements are compared; what passes tell is counted for samples of the rows that differ and of
/// those that do not.
public struct DifferenceSurvey: Sendable {
  /// A pass of a plane.
  public struct Step: Sendable {
    /// Significance or refinement.
    public let pass: Pass
    /// What it takes.
    public let bitCount: Double
    /// The sum of squared errors of what a receiver holds after it.
    public let squaredError: Double
  }

  /// A receiver that keeps planes and nothing else.
  public struct Keeping: Sendable {
    /// Planes that it has places for, from the one of the top level on.
    public let planeLimit: Int
    /// What the tensor is without a base: as good as this it is after each plane.
    public let plain: TensorSurvey

    /// Joins the two.
    public init(planeLimit: Int, plain: TensorSurvey) {
      (self.planeLimit, self.plain) = (planeLimit, plain)
    }
  }

  // Planes go on while they make the whole cheaper, and so many more: what is far down may be worth it.
  private static let patience = 3
  private static let enoughShare = 1.004

  /// Rows, columns and format.
  public let grid: TensorGrid
  /// What the encoder has to know.
  public let head: TensorHead
  /// The sum of all squares of the new values.
  public private(set) var energy = 0.0
  /// The sum of squared differences: the error before the first pass.
  public private(set) var baseError = 0.0
  /// Elements whose bits differ.
  public private(set) var differingCount = 0
  /// Passes of planes, from the first that differs on: as many as may be worth it.
  public private(set) var steps: [Step] = []
  private let keeping: Keeping?
  // Whether each row differs at all.
  private var differs: [Bool] = []
  // Of the mantissa pass, by the count of planes before it.
  private var mantissaBitCounts: [Double] = []

  /// Compares a tensor with its base, and counts what passes tell of about so many elements.
  ///
  /// What a receiver has of the base that keeps planes are the middles of what these leave possible.
  public init(
    _ memory: RawSpan, from base: RawSpan, _ grid: TensorGrid, _ variant: CodecVariant,
    sampleCount: Int = 1 << 13, keeping: Keeping? = nil
  ) {
    self.grid = grid
    self.keeping = keeping
    head = TensorHead(memory, from: base, grid)
    switch grid.format.byteCount {
    case 2: survey(memory, base, FloatCode<UInt16>(grid.format), variant, sampleCount)
    case 4: survey(memory, base, FloatCode<UInt32>(grid.format), variant, sampleCount)
    default: survey(memory, base, FloatCode<UInt64>(grid.format), variant, sampleCount)
    }
  }

  /// Planes from the first that differs on after which the tensor becomes exact in about the fewest bits.
  ///
  /// No more of them than it takes to be near that, for raw bits are faster; all that are kept where
  /// nothing comes behind them.
  public var bestPlaneCount: Int {
    if keeping != nil { return mantissaBitCounts.count - 1 }
    let bits = mantissaBitCounts.indices.map { bitCount(planes: $0) }
    let enough = (bits.min() ?? 0) * Self.enoughShare
    return bits.firstIndex { $0 <= enough } ?? 0
  }

  /// The bits of so many planes and the mantissa pass behind them, if one comes.
  public func bitCount(planes count: Int) -> Double {
    let rest = keeping == nil ? mantissaBitCounts[count] : 0
    return steps[..<stepCount(planes: count)].reduce(rest) { $0 + $1.bitCount }
  }

  /// The bits of a mantissa pass after so many planes from the first that differs on.
  public func mantissaBitCount(afterPlanes count: Int) -> Double {
    mantissaBitCounts[min(count, mantissaBitCounts.count - 1)]
  }

  /// The passes of so many planes: two for each, but only one for the first of all.
  public func stepCount(planes count: Int) -> Int {
    max(2 * count - (head.commonPlaneCount == 0 ? 1 : 0), 0)
  }

  // MARK: - Comparing

  private mutating func survey<Bits>(
    _ memory: RawSpan, _ base: RawSpan, _ code: FloatCode<Bits>, _ variant: CodecVariant,
    _ sampleCount: Int
  ) {
    compare(memory, base, code)
    // Codec lines knows the rows that do not differ from the others.
    var tally = PassTally(
      code, grid.format, tellsRowsApart: variant == .lines && grid.hasLines)
    for isDiffering in [true, false] {
      let rows = differs.indices.filter { differs[$0] == isDiffering }
      tally.add(memory, base, grid, rows: rows, count: isDiffering ? sampleCount : sampleCount / 4)
    }
    let scale = tally.baseError > 0 ? baseError / tally.baseError : 0
    let top = head.topLevel ?? 0
    func addMantissas(floor: Int) {
      mantissaBitCounts.append(tally.mantissas(floor: floor))
    }
    addMantissas(floor: top - head.commonPlaneCount + 1)
    guard head.topLevel != nil else { return }
    let end = min(top + 1, keeping?.planeLimit ?? .max)
    for plane in head.commonPlaneCount..<max(end, head.commonPlaneCount) {
      let level = top - plane
      let significance = tally.significance(level: level)
      steps.append(
        Step(
          pass: .significance, bitCount: significance,
          squaredError: scale * tally.squaredError(floor: level, isRefined: plane == 0)))
      if plane > 0 {
        let refinement = tally.refinement(level: level)
        steps.append(
          Step(
            pass: .refinement, bitCount: refinement,
            squaredError: scale * tally.squaredError(floor: level, isRefined: true)))
      }
      addMantissas(floor: level)
      let count = mantissaBitCounts.count - 1
      if keeping == nil, count - bestPlaneCount > Self.patience { break }
    }
    if let keeping { takeErrors(from: keeping.plain) }
  }

  /// Takes for the errors those of a receiver that makes the planes anew, beginning with the common ones.
  private mutating func takeErrors(from plain: TensorSurvey) {
    var known = head.commonPlaneCount
    steps = steps.map { step in
      if step.pass == .significance { known += 1 }
      let refined = step.pass == .significance ? known - 1 : known
      return Step(
        pass: step.pass, bitCount: step.bitCount,
        squaredError: plain.squaredError(refined: refined, significant: known))
    }
  }

  private mutating func compare<Bits>(
    _ memory: RawSpan, _ base: RawSpan, _ code: FloatCode<Bits>
  ) {
    precondition(grid.byteCount <= memory.byteCount && grid.byteCount <= base.byteCount)
    var index = 0
    for _ in 0..<grid.rowCount {
      let before = differingCount
      for _ in 0..<grid.columnCount {
        let bits = unsafe code.load(memory, uncheckedAt: index)
        let baseBits = unsafe code.loadBase(base, uncheckedAt: index)
        index &+= 1
        guard bits & code.magnitudeMask < code.infinity else { continue }
        let value = grid.format.value(UInt64(bits))
        energy += value * value
        guard bits != baseBits else { continue }
        let difference = value - grid.format.value(UInt64(baseBits))
        baseError += difference * difference
        differingCount += 1
      }
      differs.append(differingCount > before)
    }
  }
}

/// Encodes passes over one tensor: twin of `PassDecoder`.
///
/// A weight is compared with thresholds as its bits are, for magnitudes of floats are ordered as
/// integers; nothing is computed in floating point.
struct PassEncoder {
  var coder = RangeEncoder()
  var models = PassModels()
  private var activity: RowColumnActivity
  private let variant: CodecVariant

  /// Makes room for matrices of up to so many rows and columns together.
  init(_ variant: CodecVariant, lineLimit: Int) {
    self.variant = variant
    activity = RowColumnActivity(lineLimit: lineLimit)
  }

  // MARK: - Planes

  /// Encodes the significance pass of plane `plane`, whose threshold is 2 to the `topLevel - plane`.
  mutating func encodeSignificance<Bits>(
    _ memory: RawSpan, _ grid: TensorGrid, _ code: FloatCode<Bits>, topLevel: Int, plane: Int
  ) {
    let usesLines = beginPlane(
      memory, grid, Knowledge(code, topLevel: topLevel, refined: plane, significant: plane),
      needsSigns: true)
    let threshold = code.power(atLevel: topLevel - plane)
    let known = plane == 0 ? code.infinity : code.power(atLevel: topLevel - plane + 1)
    var index = 0
    for row in 0..<grid.rowCount {
      for column in 0..<grid.columnCount {
        let bits = code.load(memory, at: index)
        index += 1
        let magnitude = bits & code.magnitudeMask
        guard magnitude < known else { continue }
        let isSignificant = magnitude >= threshold
        let isNegative = bits & code.signMask != 0
        if usesLines {
          let kind = activity.activityClass(row: row, column: column)
          coder.encode(
            isSignificant, &models.pass.significance, &models.lines.significance[kind])
          if isSignificant { encodeSign(isNegative, row: row, column: column) }
        } else {
          coder.encode(isSignificant, &models.pass.significance)
          if isSignificant { coder.encode(bits: isNegative ? 1 : 0, count: 1) }
        }
      }
    }
  }

  /// Encodes the refinement pass of a plane: one bit for each weight that was significant before it.
  mutating func encodeRefinement<Bits>(
    _ memory: RawSpan, _ grid: TensorGrid, _ code: FloatCode<Bits>, topLevel: Int, plane: Int
  ) {
    let usesLines = beginPlane(
      memory, grid, Knowledge(code, topLevel: topLevel, refined: plane, significant: plane + 1),
      needsSigns: false)
    let known = code.power(atLevel: topLevel - plane + 1)
    var index = 0
    for row in 0..<grid.rowCount {
      for column in 0..<grid.columnCount {
        let magnitude = code.load(memory, at: index) & code.magnitudeMask
        index += 1
        guard magnitude >= known, magnitude < code.infinity else { continue }
        let level = code.level(of: magnitude)
        let place = code.trailingBits(atLevel: level) - (plane - topLevel + level)
        guard place >= 0 else { continue }
        let bit = UInt64(truncatingIfNeeded: magnitude >> Bits(truncatingIfNeeded: place) & 1)
        let depth = plane - topLevel + level - 1
        if depth >= PassModels.refinementDepth {
          coder.encode(bits: bit, count: 1)
        } else if usesLines {
          let kind = activity.activityClass(row: row, column: column)
          coder.encode(
            bit == 1, &models.pass.refinement[depth],
            &models.lines.refinement[depth * RowColumnActivity.classCount + kind])
        } else {
          coder.encode(bit == 1, &models.pass.refinement[depth])
        }
      }
    }
  }

  /// Whether rows and columns have their say.
  private mutating func beginPlane<Bits>(
    _ memory: RawSpan, _ grid: TensorGrid, _ knowledge: Knowledge<Bits>, needsSigns: Bool
  ) -> Bool {
    models.pass = PassModels.OfPass()
    guard variant == .lines, grid.hasLines else { return false }
    activity.survey(memory, grid, knowledge, needsSigns: needsSigns)
    return true
  }

  private mutating func encodeSign(_ isNegative: Bool, row: Int, column: Int) {
    let expected = activity.signClass(row: row, column: column)
    coder.encode(
      isNegative != expected.isNegative, &models.lines.sign[expected.strength])
    activity.noteSign(isNegative: isNegative, row: row, column: column)
  }

  // MARK: - Mantissas

  /// Encodes what a tensor lacks up to `bits` bits of each mantissa.
  mutating func encodeMantissas<Bits>(
    _ memory: RawSpan, _ grid: TensorGrid, _ code: FloatCode<Bits>, _ progress: TensorProgress,
    bits: Int
  ) {
    models.mantissas = PassModels.OfMantissas()
    var step = MantissaStep(grid.format, progress, bits: bits)
    var zeros = 0
    for row in 0..<grid.rowCount {
      let start = row * grid.columnCount
      if step.isLast {
        var all: Bits = 0
        for index in start..<start + grid.columnCount {
          let magnitude = code.load(memory, at: index) & code.magnitudeMask
          if magnitude < code.infinity { all |= magnitude }
        }
        encodeZeros(min(all.trailingZeroBitCount, code.mantissaBits), after: &zeros)
        step.zeroBits = zeros
      }
      for index in start..<start + grid.columnCount {
        encodeMantissa(code.load(memory, at: index), code, step)
      }
    }
  }

  /// Zero bits that end all mantissas of a row; most often as many as in the row before.
  private mutating func encodeZeros(_ count: Int, after previous: inout Int) {
    coder.encode(count == previous, &models.mantissas.sameZeros)
    guard count != previous else { return }
    coder.encode(bits: UInt64(count), count: MantissaStep.zeroCountBits)
    previous = count
  }

  private mutating func encodeMantissa<Bits>(
    _ bits: Bits, _ code: FloatCode<Bits>, _ step: MantissaStep
  ) {
    let magnitude = bits & code.magnitudeMask
    let isNegative = bits & code.signMask != 0
    guard magnitude < code.infinity else { return }
    if magnitude == 0 {
      guard step.isFirst else { return }
      coder.encode(true, &models.mantissas.isZero)
      return coder.encode(isNegative, &models.mantissas.zeroSign)
    }
    let level = code.level(of: magnitude)
    let isNew = step.isNew(atLevel: level)
    if isNew {
      coder.encode(false, &models.mantissas.isZero)
      encodeDistance(step.planeFloor - 1 - level, level, levelBits: step.format.levelBits)
      coder.encode(isNegative, &models.mantissas.sign)
    }
    let range = step.missingBits(atLevel: level, isNew: isNew)
    coder.encode(
      bits: UInt64(truncatingIfNeeded: magnitude) >> UInt64(range.lowerBound), count: range.count)
  }

  private mutating func encodeDistance(_ distance: Int, _ level: Int, levelBits: Int) {
    for count in 0..<min(distance, PassModels.distanceLimit) {
      coder.encode(false, &models.mantissas.distance[min(count, PassModels.distanceCount - 1)])
    }
    if distance < PassModels.distanceLimit {
      coder.encode(true, &models.mantissas.distance[min(distance, PassModels.distanceCount - 1)])
    } else {
      coder.encode(bits: UInt64(level), count: levelBits)
    }
  }
}

extension RangeEncoder {
  /// Encodes a decision by the mean of two models, and lets both learn.
  mutating func encode(_ decision: Bool, _ first: inout BitModel, _ second: inout BitModel) {
    encode(decision, probability: Probability(first, second))
    first.update(decision)
    second.update(decision)
  }
}

// Mantissa passes: twin of `PassDecoder+Mantissas`.

extension PassEncoder {
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

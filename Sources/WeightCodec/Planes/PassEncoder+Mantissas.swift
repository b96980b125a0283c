// Mantissa passes: twin of `PassDecoder+Mantissas`.

extension PassEncoder {
  /// Encodes what a tensor lacks up to `bits` bits of each mantissa.
  mutating func encodeMantissas<Bits>(
    _ memory: RawSpan, _ grid: TensorGrid, _ code: FloatCode<Bits>, _ progress: TensorProgress,
    bits: Int
  ) {
    beginMantissas()
    var step = MantissaStep(grid.format, progress, bits: bits)
    var zeros = 0
    for row in 0..<grid.rowCount {
      let start = row * grid.columnCount
      if step.isLast {
        encodeZeros(of: memory, start..<start + grid.columnCount, code, after: &zeros)
        step.zeroBits = zeros
      }
      for index in start..<start + grid.columnCount {
        encodeMantissa(code.load(memory, at: index), code, step)
      }
    }
  }

  mutating func beginMantissas() { models.mantissas = PassModels.OfMantissas() }

  /// Zero bits that end all mantissas of a row; most often as many as in the row before.
  mutating func encodeZeros<Bits>(
    of memory: RawSpan, _ row: Range<Int>, _ code: FloatCode<Bits>, after previous: inout Int
  ) {
    var all: Bits = 0
    for index in row {
      let magnitude = code.load(memory, at: index) & code.magnitudeMask
      if magnitude < code.infinity { all |= magnitude }
    }
    let count = min(all.trailingZeroBitCount, code.mantissaBits)
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
      encodeLevel(level, step)
      coder.encode(isNegative, &models.mantissas.sign)
    }
    encodeRest(of: magnitude, code, step, isNew: isNew)
  }

  /// The bits of a magnitude that are missing, as they are.
  mutating func encodeRest<Bits>(
    of magnitude: Bits, _ code: FloatCode<Bits>, _ step: MantissaStep, isNew: Bool
  ) {
    let range = step.missingBits(atLevel: code.level(of: magnitude), isNew: isNew)
    coder.encode(
      bits: UInt64(truncatingIfNeeded: magnitude) >> UInt64(range.lowerBound), count: range.count)
  }

  /// A level below those that planes have told of.
  mutating func encodeLevel(_ level: Int, _ step: MantissaStep) {
    let distance = step.planeFloor - 1 - level
    for count in 0..<min(distance, PassModels.distanceLimit) {
      coder.encode(false, &models.mantissas.distance[min(count, PassModels.distanceCount - 1)])
    }
    if distance < PassModels.distanceLimit {
      coder.encode(true, &models.mantissas.distance[min(distance, PassModels.distanceCount - 1)])
    } else {
      coder.encode(bits: UInt64(level), count: step.format.levelBits)
    }
  }
}

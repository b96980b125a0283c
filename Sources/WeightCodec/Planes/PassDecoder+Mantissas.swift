// Mantissa passes: twin of `PassEncoder+Mantissas`.

extension PassDecoder {
  /// Decodes a mantissa pass as far as possible.
  mutating func decodeMantissas<Bits>(
    _ memory: inout MutableRawSpan, _ grid: TensorGrid, _ code: FloatCode<Bits>,
    _ step: inout MantissaStep, _ cursor: inout Cursor
  ) throws(CodedStreamError) {
    while cursor.index < grid.elementCount {
      guard mayGoOn(byteCount: Self.mantissaByteCount) else { return }
      if step.isLast, cursor.column == 0 { try decodeZeros(&step) }
      let bits = code.load(memory.bytes, at: cursor.index)
      if let value = try decodeMantissa(bits, code, step) {
        code.store(value, to: &memory, at: cursor.index)
      }
      cursor.advance()
      if cursor.column == grid.columnCount { cursor.endRow() }
    }
  }

  mutating func decodeZeros(_ step: inout MantissaStep) throws(CodedStreamError) {
    guard !coder.decode(&models.mantissas.sameZeros) else { return }
    step.zeroBits = Int(coder.decode(bitCount: MantissaStep.zeroCountBits))
    guard step.zeroBits <= step.format.mantissaBits else { throw .badZeroCount(step.zeroBits) }
  }

  /// What an element becomes; nil where it stays.
  @inline(__always)
  private mutating func decodeMantissa<Bits>(
    _ old: Bits, _ code: FloatCode<Bits>, _ step: MantissaStep
  ) throws(CodedStreamError) -> Bits? {
    var (magnitude, sign) = (old & code.magnitudeMask, old & code.signMask)
    guard magnitude < code.infinity else { return nil }
    var isNew = false
    if magnitude == 0 {
      guard step.isFirst else { return nil }
      if coder.decode(&models.mantissas.isZero) {
        return coder.decode(&models.mantissas.zeroSign) ? code.signMask : 0
      }
      isNew = true
      magnitude = code.power(atLevel: try decodeLevel(below: step.planeFloor, step.format))
      sign = coder.decode(&models.mantissas.sign) ? code.signMask : 0
    }
    return decodeRest(of: magnitude, code, step, isNew: isNew) | sign
  }

  /// A magnitude with the bits that were missing.
  @inline(__always)
  mutating func decodeRest<Bits>(
    of magnitude: Bits, _ code: FloatCode<Bits>, _ step: MantissaStep, isNew: Bool
  ) -> Bits {
    let range = step.missingBits(atLevel: code.level(of: magnitude), isNew: isNew)
    let low =
      Bits(truncatingIfNeeded: coder.decode(bitCount: range.count)) << Bits(range.lowerBound)
    // The marker, and whatever else is below the known bits, gives way.
    let known = (magnitude >> Bits(range.upperBound)) << Bits(range.upperBound) | low
    guard !step.isLast, range.lowerBound > 0 else { return known }
    return known | 1 << Bits(range.lowerBound - 1)
  }

  mutating func decodeLevel(
    below planeFloor: Int, _ format: FloatFormat
  ) throws(CodedStreamError) -> Int {
    for distance in 0..<PassModels.distanceLimit {
      let model = min(distance, PassModels.distanceCount - 1)
      guard coder.decode(&models.mantissas.distance[model]) else { continue }
      let level = planeFloor - 1 - distance
      guard level >= 0 else { throw .badLevel(level) }
      return level
    }
    let level = Int(coder.decode(bitCount: format.levelBits))
    guard level < planeFloor else { throw .badLevel(level) }
    return level
  }
}

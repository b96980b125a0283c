/// Decodes passes over one tensor, in place: twin of `PassEncoder`.
///
/// What is known of a weight is in its bits: a magnitude that is not zero is significant, and the one
/// bit below the known ones is set, so that the value is the middle of what is possible. A pass may be
/// broken off before any element, when the input runs low or enough has been done, and goes on there.
struct PassDecoder: ~Copyable {
  // Bytes that an element takes at most, with some to spare: decisions take up to 12 bits each.
  static let significanceByteCount = 6
  static let refinementByteCount = 4
  static let mantissaByteCount = 64
  static let byteByteCount = 16

  var coder = RangeDecoder()
  var models = PassModels()
  private var activity: RowColumnActivity
  private let variant: CodecVariant
  private var usesLines = false
  /// Elements that may still be gone through before the caller is asked again.
  var work = 0
  /// Whether the last step had too few bytes to go on.
  var isStarving = false
  /// Whether the rest of the codeword is in the queue.
  var isComplete = false

  /// Makes room for matrices of up to so many rows and columns together.
  init(_ variant: CodecVariant, lineLimit: Int) {
    self.variant = variant
    activity = RowColumnActivity(lineLimit: variant == .lines ? lineLimit : 0)
  }

  /// Whether so many bytes can be read, or nothing more is to come.
  mutating func has(byteCount: Int) -> Bool {
    isStarving = !isComplete && coder.input.count < byteCount
    return !isStarving
  }

  /// Whether one element more may be gone through.
  mutating func mayGoOn() -> Bool {
    work -= 1
    return work >= 0
  }

  mutating func mayGoOn(byteCount: Int) -> Bool { mayGoOn() && has(byteCount: byteCount) }

  // MARK: - Planes

  /// Begins a pass of a plane.
  mutating func beginPlane<Bits>(
    _ memory: RawSpan, _ grid: TensorGrid, _ knowledge: Knowledge<Bits>, needsSigns: Bool
  ) {
    models.pass = PassModels.OfPass()
    usesLines = variant == .lines && grid.hasLines
    guard usesLines else { return }
    activity.survey(memory, grid, knowledge, needsSigns: needsSigns)
    work -= grid.elementCount
  }

  /// Decodes the significance pass of a plane as far as possible.
  mutating func decodeSignificance<Bits>(
    _ memory: inout MutableRawSpan, _ grid: TensorGrid, _ code: FloatCode<Bits>, topLevel: Int,
    plane: Int, _ cursor: inout Cursor
  ) {
    let level = topLevel - plane
    // 1.5 times the threshold, where there is a bit for the half.
    let value = code.power(atLevel: level) | code.marker(atLevel: level, knownBits: 0)
    while cursor.index < grid.elementCount {
      guard code.load(memory.bytes, at: cursor.index) & code.magnitudeMask == 0 else {
        cursor.advance(in: grid)
        continue
      }
      guard mayGoOn(byteCount: Self.significanceByteCount) else { return }
      if decodeIsSignificant(cursor) {
        let sign = decodeIsNegative(cursor) ? code.signMask : 0
        code.store(value | sign, to: &memory, at: cursor.index)
      }
      cursor.advance(in: grid)
    }
  }

  private mutating func decodeIsSignificant(_ cursor: Cursor) -> Bool {
    guard usesLines else { return coder.decode(&models.pass.significance) }
    let kind = activity.activityClass(row: cursor.row, column: cursor.column)
    return coder.decode(&models.pass.significance, &models.lines.significance[kind])
  }

  private mutating func decodeIsNegative(_ cursor: Cursor) -> Bool {
    guard usesLines else { return coder.decodeBit() }
    let expected = activity.signClass(row: cursor.row, column: cursor.column)
    let isNegative = coder.decode(&models.lines.sign[expected.strength]) != expected.isNegative
    activity.noteSign(isNegative: isNegative, row: cursor.row, column: cursor.column)
    return isNegative
  }

  /// Decodes the refinement pass of a plane as far as possible.
  mutating func decodeRefinement<Bits>(
    _ memory: inout MutableRawSpan, _ grid: TensorGrid, _ code: FloatCode<Bits>, topLevel: Int,
    plane: Int, _ cursor: inout Cursor
  ) {
    let known = code.power(atLevel: topLevel - plane + 1)
    while cursor.index < grid.elementCount {
      let bits = code.load(memory.bytes, at: cursor.index)
      let magnitude = bits & code.magnitudeMask
      if magnitude >= known, magnitude < code.infinity {
        let level = code.level(of: magnitude)
        let knownBits = plane - topLevel + level - 1
        if knownBits < code.trailingBits(atLevel: level) {
          guard mayGoOn(byteCount: Self.refinementByteCount) else { return }
          let isOne = decodeRefinementBit(depth: knownBits, cursor)
          // The marker is where the bit belongs; another goes below it.
          let marker = code.marker(atLevel: level, knownBits: knownBits)
          let next = code.marker(atLevel: level, knownBits: knownBits + 1)
          code.store((isOne ? bits : bits ^ marker) | next, to: &memory, at: cursor.index)
        }
      }
      cursor.advance(in: grid)
    }
  }

  private mutating func decodeRefinementBit(depth: Int, _ cursor: Cursor) -> Bool {
    guard depth < PassModels.refinementDepth else { return coder.decodeBit() }
    guard usesLines else { return coder.decode(&models.pass.refinement[depth]) }
    let kind = activity.activityClass(row: cursor.row, column: cursor.column)
    return coder.decode(
      &models.pass.refinement[depth],
      &models.lines.refinement[depth * RowColumnActivity.classCount + kind])
  }

  // MARK: - Mantissas

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
      cursor.advance(in: grid)
    }
  }

  private mutating func decodeZeros(_ step: inout MantissaStep) throws(CodedStreamError) {
    guard !coder.decode(&models.mantissas.sameZeros) else { return }
    step.zeroBits = Int(coder.decode(bitCount: MantissaStep.zeroCountBits))
    guard step.zeroBits <= step.format.mantissaBits else { throw .badZeroCount(step.zeroBits) }
  }

  /// What an element becomes; nil where it stays.
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
    let level = code.level(of: magnitude)
    let range = step.missingBits(atLevel: level, isNew: isNew)
    let low =
      Bits(truncatingIfNeeded: coder.decode(bitCount: range.count)) << Bits(range.lowerBound)
    // The marker, and whatever else is below the known bits, gives way.
    magnitude = (magnitude >> Bits(range.upperBound)) << Bits(range.upperBound) | low
    if !step.isLast, range.lowerBound > 0 { magnitude |= 1 << Bits(range.lowerBound - 1) }
    return magnitude | sign
  }

  private mutating func decodeLevel(
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

/// A place in a matrix, row by row.
struct Cursor {
  private(set) var index = 0
  private(set) var row = 0
  private(set) var column = 0

  mutating func advance(in grid: TensorGrid) {
    index += 1
    column += 1
    guard column == grid.columnCount else { return }
    column = 0
    row += 1
  }

  /// To another place of a tensor without rows.
  mutating func advance(by count: Int) { index += count }
}

extension RangeDecoder {
  /// Decodes a decision by the mean of two models, and lets both learn.
  mutating func decode(_ first: inout BitModel, _ second: inout BitModel) -> Bool {
    let decision = decode(probability: Probability(first, second))
    first.update(decision)
    second.update(decision)
    return decision
  }
}

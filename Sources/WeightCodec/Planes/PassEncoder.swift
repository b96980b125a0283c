/// Encodes passes over one tensor: twin of `PassDecoder`.
///
/// A weight is compared with thresholds as its bits are, for magnitudes of floats are ordered as
/// integers; nothing is computed in floating point.
struct PassEncoder {
  var coder = RangeEncoder()
  var models = PassModels()
  private var lines: LineStatistics
  var baseLines: BaseLines
  let variant: CodecVariant
  // Whether rows and columns have their say in the pass at hand.
  var usesLines = false

  /// Makes room for matrices of up to so many rows and columns together, and for the bases of these.
  init(_ variant: CodecVariant, lineLimit: Int, _ tensors: [CodedTensor]) {
    self.variant = variant
    lines = LineStatistics(lineLimit: lineLimit)
    baseLines = BaseLines(variant == .lines ? tensors : [])
  }

  // MARK: - Planes

  /// Encodes the significance pass of plane `plane`, whose threshold is 2 to the `topLevel - plane`.
  mutating func encodeSignificance<Bits>(
    _ memory: RawSpan, _ grid: TensorGrid, _ code: FloatCode<Bits>, topLevel: Int, plane: Int
  ) {
    let knowledge = Knowledge(code, topLevel: topLevel, refined: plane, significant: plane)
    beginPlane(memory, grid, knowledge, isSurveyed: false)
    let threshold = code.power(atLevel: topLevel - plane)
    let known = plane == 0 ? code.infinity : code.power(atLevel: topLevel - plane + 1)
    precondition(grid.byteCount <= memory.byteCount)
    var interval = coder.interval
    var index = 0
    for row in 0..<grid.rowCount {
      let rowScale = usesLines ? lines.scale(row: row) : 0
      lines.beginRow()
      for column in 0..<grid.columnCount {
        let bits = unsafe code.load(memory, uncheckedAt: index)
        let magnitude = bits & code.magnitudeMask
        if magnitude < known {
          let isSignificant = magnitude >= threshold
          encodeIsSignificant(isSignificant, rowScale, row: row, column: column, &interval)
          if isSignificant {
            let vote =
              usesLines
              ? unsafe code.signVote(
                memory, grid, uncheckedAt: index, column: column, knownBefore: threshold,
                knownBehind: known) : 0
            encodeIsNegative(
              bits & code.signMask != 0, row: row, column: column, vote: vote, &interval)
          }
        }
        index &+= 1
      }
    }
    coder.interval = interval
  }

  @inline(__always)
  private mutating func encodeIsSignificant(
    _ isSignificant: Bool, _ rowScale: Int32, row: Int, column: Int,
    _ interval: inout EncodingInterval
  ) {
    guard usesLines else {
      return interval.encode(isSignificant, &models.pass.significance, to: &coder.digits)
    }
    let activity = lines.activityClass(rowScale, column: column)
    let yield = lines.yieldClass(row: row, column: column)
    interval.encode(
      isSignificant, &models.pass.yield[yield], &models.lines.significance[activity],
      to: &coder.digits)
    if !isSignificant { lines.noteZero(row: row, column: column) }
  }

  @inline(__always)
  private mutating func encodeIsNegative(
    _ isNegative: Bool, row: Int, column: Int, vote: Int, _ interval: inout EncodingInterval
  ) {
    guard usesLines else { return interval.encodeBit(isNegative, to: &coder.digits) }
    let expected = lines.signClass(row: row, column: column, vote: vote)
    interval.encode(
      isNegative != expected.isNegative, &models.lines.sign[expected.kind], to: &coder.digits)
    lines.noteSignificant(isNegative: isNegative, row: row, column: column)
  }

  /// Encodes the refinement pass of a plane: one bit for each weight that was significant before it.
  ///
  /// Directly after the significance pass of the same plane `isSurveyed` saves some work.
  mutating func encodeRefinement<Bits>(
    _ memory: RawSpan, _ grid: TensorGrid, _ code: FloatCode<Bits>, topLevel: Int, plane: Int,
    isSurveyed: Bool
  ) {
    let knowledge = Knowledge(code, topLevel: topLevel, refined: plane, significant: plane + 1)
    beginPlane(memory, grid, knowledge, isSurveyed: isSurveyed)
    let known = code.power(atLevel: topLevel - plane + 1)
    let finiteCount = code.infinity &- known
    precondition(grid.byteCount <= memory.byteCount)
    var interval = coder.interval
    var index = 0
    for row in 0..<grid.rowCount {
      let rowScale = usesLines ? lines.scale(row: row) : 0
      for column in 0..<grid.columnCount {
        let magnitude = unsafe code.load(memory, uncheckedAt: index) & code.magnitudeMask
        index &+= 1
        guard magnitude &- known < finiteCount else { continue }
        let level = code.level(of: magnitude)
        let knownBits = plane &- topLevel &+ level &- 1
        let marker = code.marker(atLevel: level, knownBits: knownBits)
        guard marker > 0 else { continue }
        encodeRefinementBit(
          magnitude & marker > 0, depth: knownBits, rowScale, column: column, &interval)
      }
    }
    coder.interval = interval
  }

  @inline(__always)
  private mutating func encodeRefinementBit(
    _ isOne: Bool, depth: Int, _ rowScale: Int32, column: Int, _ interval: inout EncodingInterval
  ) {
    guard depth < PassModels.refinementDepth else {
      return interval.encodeBit(isOne, to: &coder.digits)
    }
    guard usesLines else {
      return interval.encode(isOne, &models.pass.refinement[depth], to: &coder.digits)
    }
    let kind = lines.activityClass(rowScale, column: column)
    interval.encode(
      isOne, &models.pass.refinement[depth],
      &models.lines.refinement[depth &* LineStatistics.activityClassCount &+ kind],
      to: &coder.digits)
  }

  private mutating func beginPlane<Bits>(
    _ memory: RawSpan, _ grid: TensorGrid, _ knowledge: Knowledge<Bits>, isSurveyed: Bool
  ) {
    models.pass = PassModels.OfPass()
    usesLines = variant == .lines && grid.hasLines
    guard usesLines else { return }
    if !isSurveyed { lines.survey(memory, grid, knowledge) }
    lines.beginPass()
  }
}

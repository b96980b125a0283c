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
  private var lines: LineStatistics
  var baseLines: BaseLines
  let variant: CodecVariant
  var usesLines = false
  /// Elements that may still be gone through before the caller is asked again.
  var work = 0
  /// Whether the last step had too few bytes to go on.
  var isStarving = false
  /// Whether the rest of the codeword is in the queue.
  var isComplete = false

  /// Makes room for matrices of up to so many rows and columns together, and for the bases of these.
  init(_ variant: CodecVariant, lineLimit: Int, _ tensors: [CodedTensor]) {
    self.variant = variant
    lines = LineStatistics(lineLimit: variant == .lines ? lineLimit : 0)
    baseLines = BaseLines(variant == .lines ? tensors : [])
  }

  /// Whether so many bytes can be read, or nothing more is to come.
  @inline(__always)
  mutating func has(byteCount: Int) -> Bool {
    if isComplete || coder.digits.count >= byteCount { return true }
    isStarving = true
    return false
  }

  /// Whether one element more may be gone through.
  @inline(__always)
  mutating func mayGoOn() -> Bool {
    work &-= 1
    return work >= 0
  }

  @inline(__always)
  mutating func mayGoOn(byteCount: Int) -> Bool { mayGoOn() && has(byteCount: byteCount) }

  /// Takes one element of those that a pass may go through, each of `byteCount` bytes at most; what
  /// makes them few is looked at only now and then.
  @inline(__always)
  mutating func take(_ allowance: inout Int, byteCount: Int) -> Bool {
    allowance &-= 1
    return allowance >= 0 || renew(&allowance, byteCount: byteCount)
  }

  @inline(never)
  private mutating func renew(_ allowance: inout Int, byteCount: Int) -> Bool {
    guard mayGoOn(byteCount: byteCount) else { return false }
    let most = isComplete ? IncomingDigits.capacity : coder.digits.count / byteCount
    allowance = min(most &- 1, work)
    work &-= allowance
    return true
  }

  // MARK: - Planes

  /// Begins a pass of a plane; `isSurveyed` means the same as in the encoder.
  mutating func beginPlane<Bits>(
    _ memory: RawSpan, _ grid: TensorGrid, _ knowledge: Knowledge<Bits>, isSurveyed: Bool
  ) {
    models.pass = PassModels.OfPass()
    usesLines = variant == .lines && grid.hasLines
    guard usesLines else { return }
    if !isSurveyed {
      lines.survey(memory, grid, knowledge)
      work -= grid.elementCount
    }
    lines.beginPass()
  }

  /// Decodes the significance pass of a plane as far as possible.
  mutating func decodeSignificance<Bits>(
    _ memory: inout MutableRawSpan, _ grid: TensorGrid, _ code: FloatCode<Bits>, topLevel: Int,
    plane: Int, _ cursor: inout Cursor
  ) {
    let level = topLevel - plane
    // 1.5 times the threshold, where there is a bit for the half.
    let value = code.power(atLevel: level) | code.marker(atLevel: level, knownBits: 0)
    precondition(grid.byteCount <= memory.byteCount)
    var (interval, place, allowance) = (coder.interval, cursor, 0)
    defer { (coder.interval, cursor) = (interval, place) }
    while place.row < grid.rowCount {
      let rowScale = usesLines ? lines.scale(row: place.row) : 0
      if place.column == 0 { lines.beginRow() }
      while place.column < grid.columnCount {
        if unsafe code.load(memory.bytes, uncheckedAt: place.index) & code.magnitudeMask == 0 {
          guard take(&allowance, byteCount: Self.significanceByteCount) else { return }
          if decodeIsSignificant(rowScale, place, &interval) {
            let vote =
              usesLines
              ? unsafe code.signVote(
                memory.bytes, grid, uncheckedAt: place.index, column: place.column, knownBefore: 1,
                knownBehind: 1) : 0
            let isNegative = decodeIsNegative(place, vote: vote, &interval)
            let bits = value | (isNegative ? code.signMask : 0)
            unsafe code.store(bits, to: &memory, uncheckedAt: place.index)
          }
        }
        place.advance()
      }
      place.endRow()
    }
  }

  @inline(__always)
  private mutating func decodeIsSignificant(
    _ rowScale: Int32, _ place: Cursor, _ interval: inout DecodingInterval
  ) -> Bool {
    guard usesLines else {
      return interval.decode(&models.pass.significance, from: &coder.digits)
    }
    let activity = lines.activityClass(rowScale, column: place.column)
    let yield = lines.yieldClass(row: place.row, column: place.column)
    let isSignificant = interval.decode(
      &models.pass.yield[yield], &models.lines.significance[activity], from: &coder.digits)
    if !isSignificant { lines.noteZero(row: place.row, column: place.column) }
    return isSignificant
  }

  @inline(__always)
  private mutating func decodeIsNegative(
    _ place: Cursor, vote: Int, _ interval: inout DecodingInterval
  ) -> Bool {
    guard usesLines else { return interval.decodeBit(from: &coder.digits) }
    let expected = lines.signClass(row: place.row, column: place.column, vote: vote)
    let isUnexpected = interval.decode(&models.lines.sign[expected.kind], from: &coder.digits)
    let isNegative = isUnexpected != expected.isNegative
    lines.noteSignificant(isNegative: isNegative, row: place.row, column: place.column)
    return isNegative
  }

  /// Decodes the refinement pass of a plane as far as possible.
  mutating func decodeRefinement<Bits>(
    _ memory: inout MutableRawSpan, _ grid: TensorGrid, _ code: FloatCode<Bits>, topLevel: Int,
    plane: Int, _ cursor: inout Cursor
  ) {
    let known = code.power(atLevel: topLevel - plane + 1)
    let finiteCount = code.infinity &- known
    precondition(grid.byteCount <= memory.byteCount)
    var (interval, place, allowance) = (coder.interval, cursor, 0)
    defer { (coder.interval, cursor) = (interval, place) }
    while place.row < grid.rowCount {
      let rowScale = usesLines ? lines.scale(row: place.row) : 0
      while place.column < grid.columnCount {
        let bits = unsafe code.load(memory.bytes, uncheckedAt: place.index)
        let magnitude = bits & code.magnitudeMask
        if magnitude &- known < finiteCount {
          let level = code.level(of: magnitude)
          let knownBits = plane &- topLevel &+ level &- 1
          let marker = code.marker(atLevel: level, knownBits: knownBits)
          if marker > 0 {
            guard take(&allowance, byteCount: Self.refinementByteCount) else { return }
            let isOne = decodeRefinementBit(
              depth: knownBits, rowScale, column: place.column, &interval)
            // The marker is where the bit belongs; another goes below it.
            let next = (bits ^ (isOne ? 0 : marker)) | marker >> 1
            unsafe code.store(next, to: &memory, uncheckedAt: place.index)
          }
        }
        place.advance()
      }
      place.endRow()
    }
  }

  @inline(__always)
  private mutating func decodeRefinementBit(
    depth: Int, _ rowScale: Int32, column: Int, _ interval: inout DecodingInterval
  ) -> Bool {
    guard depth < PassModels.refinementDepth else {
      return interval.decodeBit(from: &coder.digits)
    }
    guard usesLines else {
      return interval.decode(&models.pass.refinement[depth], from: &coder.digits)
    }
    let kind = lines.activityClass(rowScale, column: column)
    return interval.decode(
      &models.pass.refinement[depth],
      &models.lines.refinement[depth &* LineStatistics.activityClassCount &+ kind],
      from: &coder.digits)
  }
}

/// A place in a matrix, row by row.
struct Cursor {
  private(set) var index = 0
  private(set) var row = 0
  private(set) var column = 0

  /// To the next column, or behind the last one.
  @inline(__always)
  mutating func advance() {
    index &+= 1
    column &+= 1
  }

  /// From behind the last column to the next row.
  mutating func endRow() {
    column = 0
    row &+= 1
  }

  /// To another place of a tensor without rows.
  mutating func advance(by count: Int) { index += count }
}

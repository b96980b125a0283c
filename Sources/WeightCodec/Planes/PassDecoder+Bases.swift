// Passes over tensors that have bases: twin of `PassEncoder+Bases`.
//
// The memory holds the base's elements, and each moves to the nearest value that is possible as soon as it
// is known not to be right. So what is known of an element are its upper bits, and nothing else has to
// be kept.

extension PassDecoder {
  /// Makes zeros of what is not finite in a base, and returns the level of its largest magnitude.
  mutating func prepareBase<Bits>(
    _ memory: inout MutableRawSpan, _ grid: TensorGrid, _ code: FloatCode<Bits>
  ) -> Int? {
    var largest: Bits = 0
    for index in 0..<grid.elementCount {
      let magnitude = code.load(memory.bytes, at: index) & code.magnitudeMask
      if magnitude >= code.infinity {
        code.store(0, to: &memory, at: index)
      } else {
        largest = max(largest, magnitude)
      }
    }
    work -= grid.elementCount
    return largest > 0 ? code.level(of: largest) : nil
  }

  /// Begins a pass of a plane.
  mutating func beginPlane(_ tensor: Int, _ grid: TensorGrid) {
    models.base = BaseModels()
    usesLines = variant == .lines && grid.hasLines
    if usesLines { baseLines.beginPass(tensor, grid) }
  }

  /// Decodes the significance pass of a plane as far as possible.
  mutating func decodeBaseSignificance<Bits>(
    _ memory: inout MutableRawSpan, _ grid: TensorGrid, _ code: FloatCode<Bits>, topLevel: Int,
    plane: Int, _ cursor: inout Cursor
  ) {
    let level = topLevel - plane
    let (threshold, limit) = (code.power(atLevel: level), code.power(atLevel: level + 1))
    precondition(grid.byteCount <= memory.byteCount)
    var (interval, place, allowance) = (coder.interval, cursor, 0)
    defer { (coder.interval, cursor) = (interval, place) }
    while place.row < grid.rowCount {
      if usesLines, place.column == 0 { baseLines.beginRow() }
      while place.column < grid.columnCount {
        let held = unsafe code.load(memory.bytes, uncheckedAt: place.index)
        let magnitude = held & code.magnitudeMask
        if magnitude < limit {
          guard take(&allowance, byteCount: Self.significanceByteCount) else { return }
          let kind = code.significanceKind(magnitude, level: level)
          let isRight = decodeIsRight(kind: kind, place, &interval)
          if isRight == (magnitude >= threshold) {
            let isSame = decodeIsSameSign(code.signKind(magnitude, level: level), place, &interval)
            let sign = isSame ? held & code.signMask : ~held & code.signMask
            let value = isSame && isRight ? held : sign | threshold
            unsafe code.store(value, to: &memory, uncheckedAt: place.index)
          } else if !isRight {
            let value = held & code.signMask | (threshold &- 1)
            unsafe code.store(value, to: &memory, uncheckedAt: place.index)
          }
        }
        place.advance()
      }
      place.endRow()
    }
  }

  @inline(__always)
  private mutating func decodeIsSameSign(
    _ kind: Int, _ place: Cursor, _ interval: inout DecodingInterval
  ) -> Bool {
    let isSame = interval.decode(&models.base.signs[kind], from: &coder.digits)
    if !isSame, usesLines { baseLines.noteWrong(row: place.row, column: place.column) }
    return isSame
  }

  /// Decodes the refinement pass of a plane as far as possible.
  mutating func decodeBaseRefinement<Bits>(
    _ memory: inout MutableRawSpan, _ grid: TensorGrid, _ code: FloatCode<Bits>, topLevel: Int,
    plane: Int, _ cursor: inout Cursor
  ) {
    let known = code.power(atLevel: topLevel - plane + 1)
    let finiteCount = code.infinity &- known
    precondition(grid.byteCount <= memory.byteCount)
    var (interval, place, allowance) = (coder.interval, cursor, 0)
    defer { (coder.interval, cursor) = (interval, place) }
    while place.row < grid.rowCount {
      if usesLines, place.column == 0 { baseLines.beginRow() }
      while place.column < grid.columnCount {
        let held = unsafe code.load(memory.bytes, uncheckedAt: place.index)
        let magnitude = held & code.magnitudeMask
        if magnitude &- known < finiteCount {
          let level = code.level(of: magnitude)
          let marker = code.marker(atLevel: level, knownBits: plane &- topLevel &+ level &- 1)
          if marker > 0 {
            guard take(&allowance, byteCount: Self.refinementByteCount) else { return }
            let kind = code.refinementKind(magnitude, marker: marker)
            if !decodeIsRight(kind: kind, place, &interval) {
              // Over the middle, and no further: the bit and all those below it change sides.
              let rest = held & marker == 0 ? marker : marker &- 1
              let value = held & ~(marker &+ (marker &- 1)) | rest
              unsafe code.store(value, to: &memory, uncheckedAt: place.index)
            }
          }
        }
        place.advance()
      }
      place.endRow()
    }
  }

  @inline(__always)
  private mutating func decodeIsRight(
    kind: Int, _ place: Cursor, _ interval: inout DecodingInterval
  ) -> Bool {
    guard usesLines else {
      return models.base.decode(kind: kind, &interval, from: &coder.digits)
    }
    let lineClass = baseLines.lineClass(row: place.row, column: place.column)
    let isRight = models.base.decode(
      kind: kind, lineClass: lineClass, &interval, from: &coder.digits)
    if !isRight { baseLines.noteWrong(row: place.row, column: place.column) }
    return isRight
  }

  /// Decodes the mantissa pass as far as possible.
  mutating func decodeBaseMantissas<Bits>(
    _ memory: inout MutableRawSpan, _ grid: TensorGrid, _ code: FloatCode<Bits>,
    _ step: inout MantissaStep, _ cursor: inout Cursor
  ) throws(CodedStreamError) {
    while cursor.index < grid.elementCount {
      guard mayGoOn(byteCount: Self.mantissaByteCount) else { return }
      if cursor.column == 0 {
        try decodeZeros(&step)
        step.beginRow()
      }
      let bits = code.load(memory.bytes, at: cursor.index)
      if let value = try decodeBaseMantissa(bits, code, &step) {
        code.store(value, to: &memory, at: cursor.index)
      }
      cursor.advance()
      if cursor.column == grid.columnCount { cursor.endRow() }
    }
  }

  /// What an element becomes; nil where it stays.
  private mutating func decodeBaseMantissa<Bits>(
    _ held: Bits, _ code: FloatCode<Bits>, _ step: inout MantissaStep
  ) throws(CodedStreamError) -> Bits? {
    var (magnitude, sign) = (held & code.magnitudeMask, held & code.signMask)
    guard magnitude < code.infinity, let kind = step.sameKind(magnitude, code) else { return nil }
    let isSame = coder.decode(&models.mantissas.isSame[kind])
    step.note(isSame: isSame)
    guard !isSame else { return nil }
    let isNew = magnitude < code.power(atLevel: step.planeFloor)
    if isNew {
      if coder.decode(&models.mantissas.isZero) {
        return coder.decode(&models.mantissas.zeroSign) ? code.signMask : 0
      }
      magnitude = code.power(atLevel: try decodeLevel(below: step.planeFloor, step.format))
      if coder.decode(&models.mantissas.sign) { sign ^= code.signMask }
    }
    return decodeRest(of: magnitude, code, step, isNew: isNew) | sign
  }
}

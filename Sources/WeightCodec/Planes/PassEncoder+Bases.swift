// Passes over tensors that have bases: twin of `PassDecoder+Bases`.

extension PassEncoder {
  /// Encodes the significance pass of a plane: what a receiver holds of each element that is below twice
  /// the threshold may be wrong about which side of it the element is on, or about the sign.
  mutating func encodeSignificance<Bits>(
    _ memory: RawSpan, from base: RawSpan, _ tensor: Int, _ grid: TensorGrid,
    _ code: FloatCode<Bits>, topLevel: Int, plane: Int
  ) {
    beginPlane(tensor, grid)
    let level = topLevel - plane
    let (threshold, limit) = (code.power(atLevel: level), code.power(atLevel: level + 1))
    precondition(grid.byteCount <= memory.byteCount && grid.byteCount <= base.byteCount)
    var interval = coder.interval
    var index = 0
    for row in 0..<grid.rowCount {
      if usesLines { baseLines.beginRow() }
      for column in 0..<grid.columnCount {
        let bits = unsafe code.load(memory, uncheckedAt: index)
        let baseBits = unsafe code.loadBase(base, uncheckedAt: index)
        index &+= 1
        let magnitude = bits & code.magnitudeMask
        guard magnitude < limit else { continue }
        let held = min(baseBits & code.magnitudeMask, limit &- 1)
        let isSignificant = magnitude >= threshold
        encode(
          isSignificant == (held >= threshold),
          kind: code.significanceKind(held, level: level), row: row, column: column, &interval)
        guard isSignificant else { continue }
        let isRight = (bits ^ baseBits) & code.signMask == 0
        interval.encode(
          isRight, &models.base.signs[code.signKind(held, level: level)], to: &coder.digits)
        if !isRight, usesLines { baseLines.noteWrong(row: row, column: column) }
      }
    }
    coder.interval = interval
  }

  /// Encodes the refinement pass of a plane.
  mutating func encodeRefinement<Bits>(
    _ memory: RawSpan, from base: RawSpan, _ tensor: Int, _ grid: TensorGrid,
    _ code: FloatCode<Bits>, topLevel: Int, plane: Int
  ) {
    beginPlane(tensor, grid)
    let known = code.power(atLevel: topLevel - plane + 1)
    let finiteCount = code.infinity &- known
    precondition(grid.byteCount <= memory.byteCount && grid.byteCount <= base.byteCount)
    var interval = coder.interval
    var index = 0
    for row in 0..<grid.rowCount {
      if usesLines { baseLines.beginRow() }
      for column in 0..<grid.columnCount {
        let bits = unsafe code.load(memory, uncheckedAt: index)
        let baseBits = unsafe code.loadBase(base, uncheckedAt: index)
        index &+= 1
        let magnitude = bits & code.magnitudeMask
        guard magnitude &- known < finiteCount else { continue }
        let level = code.level(of: magnitude)
        let marker = code.marker(atLevel: level, knownBits: plane &- topLevel &+ level &- 1)
        guard marker > 0 else { continue }
        let held = code.held(bits, from: baseBits, unknownBits: marker &+ (marker &- 1))
        encode(
          (bits ^ held) & marker == 0,
          kind: code.refinementKind(held & code.magnitudeMask, marker: marker), row: row,
          column: column, &interval)
      }
    }
    coder.interval = interval
  }

  @inline(__always)
  private mutating func encode(
    _ isRight: Bool, kind: Int, row: Int, column: Int, _ interval: inout EncodingInterval
  ) {
    guard usesLines else {
      return models.base.encode(isRight, kind: kind, &interval, to: &coder.digits)
    }
    let lineClass = baseLines.lineClass(row: row, column: column)
    models.base.encode(
      isRight, kind: kind, lineClass: lineClass, &interval, to: &coder.digits)
    if !isRight { baseLines.noteWrong(row: row, column: column) }
  }

  private mutating func beginPlane(_ tensor: Int, _ grid: TensorGrid) {
    models.base = BaseModels()
    usesLines = variant == .lines && grid.hasLines
    if usesLines { baseLines.beginPass(tensor, grid) }
  }

  /// Encodes the mantissa pass, which makes the tensor exact.
  mutating func encodeMantissas<Bits>(
    _ memory: RawSpan, from base: RawSpan, _ grid: TensorGrid, _ code: FloatCode<Bits>,
    _ progress: TensorProgress
  ) {
    beginMantissas()
    var step = MantissaStep(grid.format, progress, bits: grid.format.mantissaBits)
    precondition(grid.byteCount <= memory.byteCount && grid.byteCount <= base.byteCount)
    var zeros = 0
    for row in 0..<grid.rowCount {
      let start = row * grid.columnCount
      encodeZeros(of: memory, start..<start + grid.columnCount, code, after: &zeros)
      step.zeroBits = zeros
      step.beginRow()
      for index in start..<start + grid.columnCount {
        let bits = unsafe code.load(memory, uncheckedAt: index)
        guard bits & code.magnitudeMask < code.infinity else { continue }
        let baseBits = unsafe code.loadBase(base, uncheckedAt: index)
        encodeMantissa(
          bits, held: code.held(bits, from: baseBits, floor: step.planeFloor), code, &step)
      }
    }
  }

  private mutating func encodeMantissa<Bits>(
    _ bits: Bits, held: Bits, _ code: FloatCode<Bits>, _ step: inout MantissaStep
  ) {
    let magnitude = bits & code.magnitudeMask
    guard let kind = step.sameKind(held & code.magnitudeMask, code) else { return }
    let isSame = bits == held
    coder.encode(isSame, &models.mantissas.isSame[kind])
    step.note(isSame: isSame)
    guard !isSame else { return }
    let isNew = magnitude < code.power(atLevel: step.planeFloor)
    if isNew {
      coder.encode(magnitude == 0, &models.mantissas.isZero)
      let isNegative = bits & code.signMask != 0
      guard magnitude > 0 else { return coder.encode(isNegative, &models.mantissas.zeroSign) }
      encodeLevel(code.level(of: magnitude), step)
      coder.encode((bits ^ held) & code.signMask != 0, &models.mantissas.sign)
    }
    encodeRest(of: magnitude, code, step, isNew: isNew)
  }
}

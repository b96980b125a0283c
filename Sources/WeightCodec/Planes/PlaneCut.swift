// What a receiver has of a tensor when not all of its bits have been told.

extension TensorGrid {
  /// Makes of a tensor what a receiver that holds its base has of it after so many planes.
  ///
  /// These are the base's values, or the nearest that are possible. What is not finite stays.
  public func cut(
    _ memory: inout MutableRawSpan, from base: RawSpan, topLevel: Int?, planeCount: Int
  ) {
    switch format.byteCount {
    case 2: cut(&memory, base, topLevel, planeCount, FloatCode<UInt16>(format))
    case 4: cut(&memory, base, topLevel, planeCount, FloatCode<UInt32>(format))
    default: cut(&memory, base, topLevel, planeCount, FloatCode<UInt64>(format))
    }
  }

  private func cut<Bits>(
    _ memory: inout MutableRawSpan, _ base: RawSpan, _ topLevel: Int?, _ planeCount: Int,
    _ code: FloatCode<Bits>
  ) {
    precondition(byteCount <= memory.byteCount && byteCount <= base.byteCount)
    for index in 0..<elementCount {
      let bits = code.load(memory.bytes, at: index)
      guard bits & code.magnitudeMask < code.infinity else { continue }
      let baseBits = unsafe code.loadBase(base, uncheckedAt: index)
      // Without a top level all are zeros, of which nothing has been told.
      let held = topLevel.map { code.held(bits, from: baseBits, floor: $0 - planeCount + 1) }
      code.store(held ?? baseBits, to: &memory, at: index)
    }
  }

  /// Makes of a tensor what a receiver has of it after so many planes: zeros, and middles.
  public func cut(_ memory: inout MutableRawSpan, topLevel: Int?, planeCount: Int) {
    switch format.byteCount {
    case 2: cut(&memory, topLevel, planeCount, FloatCode<UInt16>(format))
    case 4: cut(&memory, topLevel, planeCount, FloatCode<UInt32>(format))
    default: cut(&memory, topLevel, planeCount, FloatCode<UInt64>(format))
    }
  }

  private func cut<Bits>(
    _ memory: inout MutableRawSpan, _ topLevel: Int?, _ planeCount: Int, _ code: FloatCode<Bits>
  ) {
    let floor = (topLevel ?? 0) - planeCount + 1
    for index in 0..<elementCount {
      let bits = code.load(memory.bytes, at: index)
      let magnitude = bits & code.magnitudeMask
      guard magnitude < code.infinity else { continue }
      let level = magnitude == 0 ? -1 : code.level(of: magnitude)
      guard topLevel != nil, level >= max(floor, 0) else {
        code.store(0, to: &memory, at: index)
        continue
      }
      let known = min(level - floor, code.trailingBits(atLevel: level))
      let places = Bits(code.trailingBits(atLevel: level) - known)
      let value = (magnitude >> places) << places | code.marker(atLevel: level, knownBits: known)
      code.store(value | bits & code.signMask, to: &memory, at: index)
    }
  }
}

// Elements of a tensor that has a base (Protocol.md §6.3, Bases): what a receiver holds of them while
// passes tell how they differ, and how near that is to the bounds that decisions are about.

extension FloatCode {
  /// An element of a base: what is not finite counts as zero.
  @unsafe @inline(__always)
  func loadBase(_ memory: RawSpan, uncheckedAt index: Int) -> Bits {
    let bits = unsafe load(memory, uncheckedAt: index)
    return bits & magnitudeMask < infinity ? bits : 0
  }

  /// What a receiver holds of a finite element when levels from `floor` on and bits down to 2 to the
  /// `floor` are told: the value of the base, or the nearest that is still possible.
  @inline(__always)
  func held(_ element: Bits, from base: Bits, floor: Int) -> Bits {
    let limit = power(atLevel: floor)
    let (magnitude, baseMagnitude) = (element & magnitudeMask, base & magnitudeMask)
    guard magnitude >= limit else {
      return baseMagnitude < limit ? base : base & signMask | (limit &- 1)
    }
    return held(element, from: base, unknownBits: unknownMask(of: magnitude, floor: floor))
  }

  /// The bits of a magnitude of a level from `floor` on that stand for less than 2 to the `floor`.
  @inline(__always)
  func unknownMask(of magnitude: Bits, floor: Int) -> Bits {
    let level = level(of: magnitude)
    let count = max(trailingBits(atLevel: level) &- (level &- floor), 0)
    return (1 &<< Bits(truncatingIfNeeded: count)) &- 1
  }

  /// What a receiver holds of an element whose sign and magnitude are told but for the bits of a mask.
  @inline(__always)
  func held(_ element: Bits, from base: Bits, unknownBits mask: Bits) -> Bits {
    let lowest = element & ~mask
    guard (element ^ base) & signMask == 0, base >= lowest else { return lowest }
    return min(base, lowest | mask)
  }

  /// How many planes are the same of two finite elements, those of a tensor with this top level; nil
  /// where all are.
  func commonPlanes(_ element: Bits, _ base: Bits, topLevel: Int) -> Int? {
    let (magnitude, baseMagnitude) = (element & magnitudeMask, base & magnitudeMask)
    let larger = max(magnitude, baseMagnitude)
    guard element != base, larger > 0 else { return nil }
    let level = level(of: larger)
    let smaller = min(magnitude, baseMagnitude)
    guard (element ^ base) & signMask == 0, smaller >= power(atLevel: level) else {
      return topLevel - level
    }
    let highest = Bits.bitWidth - 1 - (larger ^ smaller).leadingZeroBitCount
    return topLevel - level + trailingBits(atLevel: level) - highest
  }

  // MARK: - Classes

  /// The leading zeros of a number of so many bits, as far as they are told apart.
  @inline(__always)
  private func leadingZeros(_ number: Bits, bitCount: Int) -> Int {
    let length = Bits.bitWidth &- number.leadingZeroBitCount
    return min(bitCount &- length, BaseModels.distanceLimit)
  }

  /// How far a held magnitude is from the threshold of a level, and on which side of it.
  @inline(__always)
  func significanceKind(_ magnitude: Bits, level: Int) -> Int {
    guard magnitude > 0 else { return BaseModels.zeroKind }
    let own = self.level(of: magnitude)
    let count = trailingBits(atLevel: own)
    let mask = (1 as Bits &<< Bits(truncatingIfNeeded: count)) &- 1
    switch level &- own {
    case 0: return leadingZeros(magnitude & mask, bitCount: count)
    case 1:
      let distance = leadingZeros(~magnitude & mask, bitCount: count) &+ 1
      return BaseModels.belowKind &+ min(distance, BaseModels.distanceLimit)
    case 2: return BaseModels.belowKind
    default: return BaseModels.zeroKind
    }
  }

  /// How far a held magnitude is from the middle of what is possible; the bit there is `marker`.
  @inline(__always)
  func refinementKind(_ magnitude: Bits, marker: Bits) -> Int {
    let below = magnitude & marker != 0 ? magnitude : ~magnitude
    return leadingZeros(
      below & (marker &- 1), bitCount: Bits.bitWidth &- 1 &- marker.leadingZeroBitCount)
  }

  /// How far a held magnitude is from zero beside the threshold of a level: the further, the surer is its
  /// sign.
  @inline(__always)
  func signKind(_ magnitude: Bits, level: Int) -> Int {
    guard magnitude > 0 else { return BaseModels.signCount &- 1 }
    return min(level &- self.level(of: magnitude), BaseModels.signCount &- 2)
  }
}

/// How much of a tensor's weights both ends know before a pass.
struct Knowledge<Bits: ElementBits> {
  // Of planes beyond, whose sums grow and tell no more, the activity is that of this one.
  private static var planeLimit: Int { 12 }
  // Beside the 53 bits of the longest significand, and a bit that is shifted out in any case.
  private static var spareBits: Int { planeLimit - 2 }

  let code: FloatCode<Bits>
  // What is below is zero, for all that is known.
  private let threshold: Bits
  // So many magnitudes from the threshold on are finite.
  private let finiteCount: Bits
  // A significand moves right by this less its exponent to become q.
  private let shift: Int
  // Subnormals are multiples of the same unit as the smallest normals; and below another exponent all
  // bits move out anyway.
  private let leastExponent: Int

  /// Weights are known to `refined` planes, and to be zero or not to `significant` planes.
  init(_ code: FloatCode<Bits>, topLevel: Int, refined: Int, significant: Int) {
    self.code = code
    threshold =
      significant == 0 ? code.infinity : code.power(atLevel: topLevel - significant + 1)
    finiteCount = code.infinity &- threshold
    shift = topLevel - min(refined, Self.planeLimit) + 2 + Self.spareBits
    leastExponent = max(1, shift - 63)
  }

  /// What a weight counts for its row and column.
  @inline(__always)
  func activity(_ magnitude: Bits) -> UInt32 {
    magnitude &- threshold < finiteCount ? significantActivity(magnitude) : 1
  }

  // Spelled out for speed, and without branches.
  @inline(__always)
  private func significantActivity(_ magnitude: Bits) -> UInt32 {
    let exponent = Int(
      truncatingIfNeeded: magnitude &>> Bits(truncatingIfNeeded: code.mantissaBits))
    let leading = exponent > 0 ? code.hiddenBit : 0
    let significand = UInt64(truncatingIfNeeded: magnitude & (code.hiddenBit &- 1) | leading)
    // Left first, since q may have more bits than are sent: at most as many as there are planes.
    let places = shift &- max(exponent, leastExponent)
    let q = (significand &<< UInt64(Self.spareBits)) &>> UInt64(truncatingIfNeeded: places)
    return q == 0 ? 3 : UInt32(truncatingIfNeeded: q) &* 4 &+ 2
  }
}

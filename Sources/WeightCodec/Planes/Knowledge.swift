/// How much of a tensor's weights both ends know before a pass.
struct Knowledge<Bits: ElementBits> {
  // Of planes beyond, whose sums grow and tell no more, the activity is that of this one.
  private static var planeLimit: Int { 12 }
  // So many bits are all that q may have more than the significand: with 7 bits of mantissa.
  private static var spareBits: Int { Bits.mantissaBits == nil ? planeLimit - 8 : 0 }

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
    leastExponent = max(1, shift - (Bits.Significand.bitWidth - 1))
  }

  /// Whether a weight is known to be other than zero, and finite.
  @inline(__always)
  func isSignificant(_ magnitude: Bits) -> Bool { magnitude &- threshold < finiteCount }

  /// What a significant weight counts for its row and column.
  @inline(__always)
  func activity(_ magnitude: Bits) -> UInt32 {
    let exponent = Int(
      truncatingIfNeeded: magnitude &>> Bits(truncatingIfNeeded: code.mantissaBits))
    let leading = exponent > 0 ? code.hiddenBit : 0
    let significand = Bits.Significand(
      truncatingIfNeeded: magnitude & (code.hiddenBit &- 1) | leading)
    // Left first, since q may have more bits than are sent: at most as many as there are planes.
    let places = shift &- max(exponent, leastExponent)
    let q =
      (significand &<< Bits.Significand(truncatingIfNeeded: Self.spareBits))
      &>> Bits.Significand(truncatingIfNeeded: places)
    return q == 0 ? 3 : UInt32(truncatingIfNeeded: q) &* 4 &+ 2
  }
}

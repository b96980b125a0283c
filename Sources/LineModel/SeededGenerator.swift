/// SplitMix64, the generator of Steele, Lea and Flood, "Fast splittable pseudorandom number
/// generators", OOPSLA 2014: 64 bits of state, so that a seed replays the same faults anywhere.
public struct SeededGenerator: RandomNumberGenerator, Sendable {
  private var state: UInt64

  /// Starts the sequence of `seed`; every seed is as good as any other.
  public init(seed: UInt64) {
    state = seed
  }

  /// The next 64 bits.
  public mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var bits = state
    bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
    bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
    return bits ^ (bits >> 31)
  }

  /// A generator for one purpose, so that switching one fault on leaves the draws of the others.
  mutating func split() -> SeededGenerator {
    SeededGenerator(seed: next())
  }

  /// A uniform byte.
  mutating func nextByte() -> UInt8 {
    UInt8(next() >> 56)
  }

  /// Uniform over the 2⁵³ evenly spaced values above 0, up to and including 1.
  mutating func nextUnit() -> Double {
    Double((next() >> 11) + 1) * 0x1p-53
  }

  /// Uniform over `0...bound`, but for a bias of `bound` in 2⁶⁴.
  mutating func next(through bound: UInt64) -> UInt64 {
    guard bound < .max else { return next() }
    return next().multipliedFullWidth(by: bound + 1).high
  }
}

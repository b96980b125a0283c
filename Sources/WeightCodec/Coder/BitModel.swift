/// An adaptive estimate of how likely a decision is to be yes.
///
/// The probability has 22 bits and moves towards each decision by 1/(n + 1.6), n being the decisions
/// so far, at first, and by 1/250 in the end: trained weights are nearly stationary, and a
/// long memory costs 0.15 % of what a short one would. Four bytes of state.
package struct BitModel {
  // The probability of yes in the upper 22 bits, the count of decisions in the lower 10.
  private var state: UInt32 = 1 << 31

  /// Begins even.
  package init() {}

  /// All of it, for those who keep it and go on later.
  package var word: UInt32 {
    get { state }
    set { state = newValue }
  }

  /// Begins with another's probability, as if from at most so many decisions.
  @inline(__always)
  init(after other: BitModel, countLimit: UInt32) {
    state = other.state & ~0x3FF | min(other.state & 0x3FF, countLimit)
  }

  /// Whether there has been a decision.
  @inline(__always)
  var hasLearnt: Bool { state & 0x3FF > 0 }

  /// The probability of yes, in parts of 2²².
  var probability: UInt32 { state >> 10 }

  /// Learns from a decision.
  @inline(__always)
  mutating func update(_ decision: Bool) {
    let count = state & 0x3FF
    let before = Int32(truncatingIfNeeded: state >> 10)
    // 16 bits of error times 16 bits of rate: a product of 32 bits, sign included.
    let target: Int32 = decision ? 1 << 22 : 0
    let error = (target &- before) >> 7
    let rate = count < Self.countLimit ? Self.rate(count: count) : Self.leastRate
    let step = (error &* rate) >> 9
    // Between 0 and 2²², and below: the error is rounded down, and the rate is below 1.
    let probability = UInt32(truncatingIfNeeded: before &+ step)
    state = probability << 10 | min(count &+ 1, Self.countLimit)
  }

  private static let countLimit: UInt32 = 255
  private static let leastRate: Int32 = 262

  /// 65536 / (n + 1.6), from n = 16 on in steps of 16 counts.
  ///
  /// Out of line the compiler reads the table in place; inlined, it copies all of it for each look.
  @inline(never)
  private static func rate(count: UInt32) -> Int32 {
    // At most 15 + 255 / 16 = 30.
    Int32(unsafe rates[unchecked: Int(count < 16 ? count : 15 &+ count >> 4)])
  }

  private static let rates: InlineArray<31, UInt16> = [
    40960, 25206, 18204, 14247, 11703, 9930, 8623, 7620, 6827, 6183, 5650, 5201, 4819, 4489, 4201,
    3948, 2560, 1575, 1138, 890, 732, 621, 539, 476, 427, 386, 353, 325, 301, 280, 262,
  ]
}

/// The probability of yes in parts of 2¹⁵, never so small or large that a decision costs more than
/// 12 bits.
package struct Probability {
  let parts: UInt32

  init(_ model: BitModel) {
    self.init(clamping: model.probability >> 7)
  }

  /// The mean of two models' estimates.
  init(_ first: BitModel, _ second: BitModel) {
    self.init(clamping: (first.probability &+ second.probability) >> 8)
  }

  private init(clamping parts: UInt32) {
    self.parts = min(max(parts, 8), (1 << 15) - 8)
  }
}

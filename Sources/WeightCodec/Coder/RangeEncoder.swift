/// Writes decisions as one number, whose digits are the bytes of a **codeword**: twin of
/// `RangeDecoder`.
///
/// A carry range coder with 32 bits of range, after G. N. N. Martin (1979), in the form that LZMA made
/// common: yes takes the lower part of the range, in proportion to its probability, no the rest. A carry
/// may run through bytes already made, so the last one that is not 0xFF and those behind it wait.
struct RangeEncoder {
  // Of these, bit 32 is a carry. low < 2^33
  private var low: UInt64 = 0
  private var range: UInt32 = .max
  // What a carry may still change: a byte, and so many 0xFF behind it.
  private var cache: UInt8?
  private var pendingCount = 0
  /// Complete bytes of the codeword, for the caller to take away; all of them at its end.
  var output: [UInt8] = []

  /// Bits so far, to a fraction of one; for comparing two points of a codeword.
  var bitPosition: Double {
    let whole = output.count + pendingCount + (cache == nil ? 0 : 1)
    return Double(8 * whole + 32) - PassSizes.log2(Double(range))
  }

  /// Encodes a decision whose probability is known to both ends.
  @inline(__always)
  mutating func encode(_ decision: Bool, probability: Probability) {
    let bound = (range >> 15) &* probability.parts
    if decision {
      range = bound
    } else {
      low += UInt64(bound)
      range -= bound
    }
    normalize()
  }

  /// Encodes a decision and lets its model learn.
  mutating func encode(_ decision: Bool, _ model: inout BitModel) {
    encode(decision, probability: Probability(model))
    model.update(decision)
  }

  /// Encodes the lowest `count` bits of a number, the highest first, at one half each: in groups of
  /// eight and a last one of those that are left.
  mutating func encode(bits: UInt64, count: Int) {
    var rest = count
    while rest > 0 {
      let size = min(rest, 8)
      rest -= size
      range >>= UInt32(size)
      let digit = UInt32(truncatingIfNeeded: bits >> UInt64(rest)) & ((1 << UInt32(size)) - 1)
      low += UInt64(range) * UInt64(digit)
      normalize()
    }
  }

  /// Ends the codeword with as few bytes as tell it apart; zero bytes follow it in the decoder's mind.
  mutating func finish() {
    // The number within the range that has the most zero bits at its end.
    for zeros in stride(from: UInt64(32), through: 0, by: -8) {
      let mask = (UInt64(1) << zeros) - 1
      let number = (low + mask) & ~mask
      guard number < low + UInt64(range) else { continue }
      low = number
      break
    }
    for _ in 0..<5 { shift() }
    // The four bytes that the decoder has read ahead: where they are zero it borrows them.
    for _ in 0..<4 where output.last == 0 { output.removeLast() }
    let kept = output
    self = RangeEncoder()
    output = kept
  }

  @inline(__always)
  private mutating func normalize() {
    while range < 1 << 24 {
      range <<= 8
      shift()
    }
  }

  /// Moves the highest byte of `low` to the output, as soon as no carry can reach it.
  @inline(never)
  private mutating func shift() {
    let carry = UInt8(truncatingIfNeeded: low >> 32)
    if low < 0xFF00_0000 || carry == 1 {
      if let cache { output.append(cache &+ carry) }
      for _ in 0..<pendingCount { output.append(0xFF &+ carry) }
      pendingCount = 0
      cache = UInt8(truncatingIfNeeded: low >> 24)
    } else {
      pendingCount += 1
    }
    low = (low & 0x00FF_FFFF) << 8
  }
}

/// The probability of yes in parts of 2¹⁵, never so small or large that a decision costs more than
/// 12 bits.
struct Probability {
  let parts: UInt32

  init(_ model: BitModel) {
    self.init(clamping: model.probability >> 7)
  }

  /// The mean of two models' estimates.
  init(_ first: BitModel, _ second: BitModel) {
    self.init(clamping: (first.probability + second.probability) >> 8)
  }

  private init(clamping parts: UInt32) {
    self.parts = min(max(parts, 8), (1 << 15) - 8)
  }
}

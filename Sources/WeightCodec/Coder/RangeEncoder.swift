/// Writes decisions as one number, whose digits are the bytes of a **codeword**: twin of
/// `RangeDecoder`.
///
/// A carry range coder with 32 bits of range, after G. N. N. Martin (1979), in the form that LZMA made
/// common: yes takes the lower part of the range, in proportion to its probability, no the rest.
struct RangeEncoder {
  /// For passes, which work on a copy.
  var interval = EncodingInterval()
  /// What the interval has shed.
  var digits = OutgoingDigits()

  /// Complete bytes of the codeword, for the caller to take away; all of them at its end.
  var output: [UInt8] {
    get { digits.complete }
    set { digits.complete = newValue }
  }

  /// Bits so far, to a fraction of one; for comparing two points of a codeword.
  var bitPosition: Double {
    Double(8 * digits.count + 32) - PassSizes.log2(Double(interval.range))
  }

  /// Encodes a decision and lets its model learn.
  mutating func encode(_ decision: Bool, _ model: inout BitModel) {
    interval.encode(decision, &model, to: &digits)
  }

  /// Encodes the lowest `count` bits of a number, the highest first, at one half each.
  mutating func encode(bits: UInt64, count: Int) {
    interval.encode(bits: bits, count: count, to: &digits)
  }

  /// Ends the codeword with as few bytes as tell it apart; zero bytes follow it in the decoder's mind.
  mutating func finish() {
    interval.finish(to: &digits)
    // The four bytes that the decoder has read ahead: where they are zero it borrows them.
    for _ in 0..<4 where output.last == 0 { output.removeLast() }
    let kept = output
    self = RangeEncoder()
    output = kept
  }
}

/// The numbers that begin with the digits so far: what each decision narrows.
///
/// Two words, so that a pass can keep them in registers: it copies them to a variable of its own, and
/// back in the end.
struct EncodingInterval {
  // Of these, bit 32 is a carry. low < 2^33
  private var low: UInt64 = 0
  private(set) var range: UInt32 = .max

  /// Encodes a decision whose probability is known to both ends.
  @inline(__always)
  mutating func encode(
    _ decision: Bool, probability: Probability, to digits: inout OutgoingDigits
  ) {
    let bound = (range >> 15) &* probability.parts
    low &+= decision ? 0 : UInt64(bound)
    range = decision ? bound : range &- bound
    normalize(&digits)
  }

  /// Encodes a decision and lets its model learn.
  @inline(__always)
  mutating func encode(
    _ decision: Bool, _ model: inout BitModel, to digits: inout OutgoingDigits
  ) {
    encode(decision, probability: Probability(model), to: &digits)
    model.update(decision)
  }

  /// Encodes a decision by the mean of two models, and lets both learn.
  @inline(__always)
  mutating func encode(
    _ decision: Bool, _ first: inout BitModel, _ second: inout BitModel,
    to digits: inout OutgoingDigits
  ) {
    encode(decision, probability: Probability(first, second), to: &digits)
    first.update(decision)
    second.update(decision)
  }

  /// Encodes a bit that is as likely to be one as not: a number of one bit.
  @inline(__always)
  mutating func encodeBit(_ isOne: Bool, to digits: inout OutgoingDigits) {
    range >>= 1
    // Without a branch, which nothing could foresee.
    low &+= UInt64(range) & (isOne ? .max : 0)
    normalize(&digits)
  }

  /// Encodes the lowest `count` bits of a number: in groups of eight and a last one of those that are
  /// left.
  mutating func encode(bits: UInt64, count: Int, to digits: inout OutgoingDigits) {
    var rest = count
    while rest > 0 {
      let size = min(rest, 8)
      rest &-= size
      range &>>= UInt32(truncatingIfNeeded: size)
      let digit = (bits &>> UInt64(truncatingIfNeeded: rest)) & ((1 &<< UInt64(size)) &- 1)
      low &+= UInt64(range) &* digit
      normalize(&digits)
    }
  }

  /// Sheds all that is left, with as many zeros at the end as the interval allows.
  mutating func finish(to digits: inout OutgoingDigits) {
    for zeros in stride(from: UInt64(32), through: 0, by: -8) {
      let mask = (UInt64(1) << zeros) - 1
      let number = (low + mask) & ~mask
      guard number < low + UInt64(range) else { continue }
      low = number
      break
    }
    for _ in 0..<5 { low = digits.shift(low) }
  }

  @inline(__always)
  private mutating func normalize(_ digits: inout OutgoingDigits) {
    while range < 1 << 24 {
      range <<= 8
      low = digits.shift(low)
    }
  }
}

/// Digits of the codeword on their way out.
///
/// A carry may run through bytes already made, so the last one that is
/// not 0xFF and those behind it wait.
struct OutgoingDigits {
  // What a carry may still change: a byte, and so many 0xFF behind it.
  private var cache: UInt8?
  private var pendingCount = 0
  fileprivate(set) var complete: [UInt8] = []

  /// Bytes, whether complete or not.
  var count: Int { complete.count + pendingCount + (cache == nil ? 0 : 1) }

  /// Takes over the highest byte of `low`, complete as soon as no carry can reach it, and returns what
  /// is left.
  @inline(never)
  fileprivate mutating func shift(_ low: UInt64) -> UInt64 {
    let carry = UInt8(truncatingIfNeeded: low >> 32)
    if low < 0xFF00_0000 || carry == 1 {
      if let cache { complete.append(cache &+ carry) }
      for _ in 0..<pendingCount { complete.append(0xFF &+ carry) }
      pendingCount = 0
      cache = UInt8(truncatingIfNeeded: low >> 24)
    } else {
      pendingCount += 1
    }
    return (low & 0x00FF_FFFF) << 8
  }
}

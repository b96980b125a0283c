/// Reads the decisions of a codeword: twin of `RangeEncoder`.
///
/// Takes its bytes from a queue of its own, which the caller keeps filled: a decision takes at most two,
/// so whoever has so many at hand can decide without running dry.
package struct RangeDecoder: ~Copyable {
  /// For passes, which work on a copy.
  package var interval = DecodingInterval()
  /// What the interval takes in.
  package var digits = IncomingDigits()
  // Bytes of the code that are still to be read at the beginning of a codeword.
  package var missingByteCount = 4

  /// Stands before a codeword.
  package init() {}

  /// Takes bytes of the codeword into the queue, as many as fit.
  mutating func fill(from bytes: Span<UInt8>, at position: inout Int) {
    digits.fill(from: bytes, at: &position)
  }

  /// Zero bytes that were read behind the end.
  package var borrowedByteCount: Int { digits.borrowedCount }

  /// Begins a codeword, or goes on with it: false while too few bytes have come.
  package mutating func begin() -> Bool {
    while missingByteCount > 0, digits.count > 0 {
      interval.shift(&digits)
      missingByteCount -= 1
    }
    return missingByteCount == 0
  }

  /// Begins a codeword that is complete in the queue.
  package mutating func beginWithoutMore() {
    while !begin() {
      interval.shiftZero()
      missingByteCount -= 1
    }
  }

  /// Makes ready for the next codeword.
  package mutating func reset() { self = RangeDecoder() }

  /// Decodes a decision and lets its model learn.
  package mutating func decode(_ model: inout BitModel) -> Bool {
    interval.decode(&model, from: &digits)
  }

  /// Decodes a number of `count` bits.
  mutating func decode(bitCount count: Int) -> UInt64 {
    interval.decode(bitCount: count, from: &digits)
  }
}

/// The numbers that begin with the digits so far, as `EncodingInterval` has them, and where the codeword
/// lies among them.
package struct DecodingInterval {
  // Relative to the lowest number. code < range, but for a little that rounding and hostile streams
  // may add.
  package var code: UInt32 = 0
  package var range: UInt32 = .max

  /// Decodes a decision whose probability is known to both ends.
  @inline(__always)
  mutating func decode(probability: Probability, from digits: inout IncomingDigits) -> Bool {
    let bound = (range >> 15) &* probability.parts
    let decision = code < bound
    code &-= decision ? 0 : bound
    range = decision ? bound : range &- bound
    normalize(&digits)
    return decision
  }

  /// Decodes a decision and lets its model learn.
  @inline(__always)
  package mutating func decode(_ model: inout BitModel, from digits: inout IncomingDigits) -> Bool {
    let decision = decode(probability: Probability(model), from: &digits)
    model.update(decision)
    return decision
  }

  /// Decodes a decision by the mean of two models, and lets both learn.
  @inline(__always)
  mutating func decode(
    _ first: inout BitModel, _ second: inout BitModel, from digits: inout IncomingDigits
  ) -> Bool {
    let decision = decode(probability: Probability(first, second), from: &digits)
    first.update(decision)
    second.update(decision)
    return decision
  }

  /// Decodes a bit that is as likely to be one as not: a number of one bit.
  @inline(__always)
  package mutating func decodeBit(from digits: inout IncomingDigits) -> Bool {
    range >>= 1
    let isOne = code >= range
    // Without a branch, which nothing could foresee: where it is zero the difference wraps around.
    code = min(code, code &- range)
    normalize(&digits)
    return isOne
  }

  /// Decodes a number of `count` bits, in groups of eight and a last one of those that are left.
  mutating func decode(bitCount count: Int, from digits: inout IncomingDigits) -> UInt64 {
    var number: UInt64 = 0
    var rest = count
    while rest > 0 {
      let size = min(rest, 8)
      rest &-= size
      number = number &<< UInt64(size) | UInt64(decodeGroup(bitCount: size, from: &digits))
    }
    return number
  }

  /// Decodes up to eight bits of a number.
  package mutating func decodeGroup(
    bitCount: Int, from digits: inout IncomingDigits
  ) -> UInt32 {
    var count = UInt32(truncatingIfNeeded: bitCount)
    range &>>= count
    // Code over range, bit by bit: small processors have no division.
    var (digit, part): (UInt32, UInt32) = (0, range &<< count)
    while count > 0 {
      part &>>= 1
      digit = digit &+ digit &+ (code >= part ? 1 : 0)
      // Without a branch, which nothing could foresee: where it is zero the difference wraps around.
      code = min(code, code &- part)
      count &-= 1
    }
    normalize(&digits)
    return digit
  }

  fileprivate mutating func shift(_ digits: inout IncomingDigits) {
    code = code << 8 | UInt32(digits.next())
  }

  fileprivate mutating func shiftZero() { code <<= 8 }

  @inline(__always)
  private mutating func normalize(_ digits: inout IncomingDigits) {
    while range < 1 << 24 {
      range <<= 8
      shift(&digits)
    }
  }
}

/// Digits of the codeword on their way in.
package struct IncomingDigits: ~Copyable {
  static let capacity = 128
  private var bytes = InlineArray<128, UInt8>(repeating: 0)
  // 0 <= start <= end <= capacity
  private var start = 0
  private var end = 0
  /// Zero bytes that were read behind the end.
  private(set) var borrowedCount = 0

  package var count: Int { end &- start }

  /// A byte that waits.
  package func byte(at index: Int) -> UInt8 { bytes[start &+ index] }

  /// Takes bytes of the codeword, as many as fit.
  mutating func fill(from source: Span<UInt8>, at position: inout Int) {
    moveToFront()
    while end < Self.capacity, position < source.count {
      bytes[end] = source[position]
      end += 1
      position += 1
    }
  }

  /// Takes a byte of the codeword; false where there is no room.
  package mutating func append(_ byte: UInt8) -> Bool {
    if end == Self.capacity { moveToFront() }
    guard end < Self.capacity else { return false }
    bytes[end] = byte
    end += 1
    return true
  }

  private mutating func moveToFront() {
    for index in start..<end { bytes[index - start] = bytes[index] }
    (start, end) = (0, end - start)
  }

  /// The next byte; zero behind the end.
  @inline(never)
  fileprivate mutating func next() -> UInt8 {
    guard start < end else {
      borrowedCount += 1
      return 0
    }
    defer { start &+= 1 }
    return bytes[start]
  }
}

/// Reads the decisions of a codeword: twin of `RangeEncoder`.
///
/// Takes its bytes from a queue of its own, which the caller keeps filled: a decision takes at most two,
/// so whoever has so many at hand can decide without running dry.
struct RangeDecoder: ~Copyable {
  private var code: UInt32 = 0
  private var range: UInt32 = .max
  private(set) var input = ByteQueue()
  // Bytes of the code that are still to be read at the beginning of a codeword.
  private var missingByteCount = 4
  /// Zero bytes that were read behind the end.
  private(set) var borrowedByteCount = 0

  /// Takes bytes of the codeword into the queue, as many as fit.
  mutating func fill(from bytes: Span<UInt8>, at position: inout Int) {
    input.fill(from: bytes, at: &position)
  }

  /// Begins a codeword, or goes on with it: false while too few bytes have come.
  mutating func begin() -> Bool {
    while missingByteCount > 0, input.count > 0 {
      code = code << 8 | UInt32(input.removeFirst())
      missingByteCount -= 1
    }
    return missingByteCount == 0
  }

  /// Begins a codeword that is complete in the queue.
  mutating func beginWithoutMore() {
    while !begin() {
      code <<= 8
      missingByteCount -= 1
    }
  }

  /// Makes ready for the next codeword.
  mutating func reset() { self = RangeDecoder() }

  /// Decodes a decision whose probability is known to both ends.
  @inline(__always)
  mutating func decode(probability: Probability) -> Bool {
    let bound = (range >> 15) &* probability.parts
    let decision = code < bound
    if decision {
      range = bound
    } else {
      code -= bound
      range -= bound
    }
    normalize()
    return decision
  }

  /// Decodes a decision and lets its model learn.
  mutating func decode(_ model: inout BitModel) -> Bool {
    let decision = decode(probability: Probability(model))
    model.update(decision)
    return decision
  }

  /// Decodes a bit that is as likely to be one as not: a number of one bit.
  @inline(__always)
  mutating func decodeBit() -> Bool {
    range >>= 1
    let isOne = code >= range
    code -= isOne ? range : 0
    normalize()
    return isOne
  }

  /// Decodes a number of `count` bits, in groups of eight and a last one of those that are left.
  mutating func decode(bitCount count: Int) -> UInt64 {
    var number: UInt64 = 0
    var rest = count
    while rest > 0 {
      let size = min(rest, 8)
      rest -= size
      range >>= UInt32(size)
      for place in stride(from: UInt32(size), to: 0, by: -1) {
        let part = range << (place - 1)
        let isOne = code >= part
        code -= isOne ? part : 0
        number = number << 1 | (isOne ? 1 : 0)
      }
      normalize()
    }
    return number
  }

  @inline(__always)
  private mutating func normalize() {
    while range < 1 << 24 {
      range <<= 8
      code = code << 8 | UInt32(nextByte())
    }
  }

  @inline(never)
  private mutating func nextByte() -> UInt8 {
    guard input.count > 0 else {
      borrowedByteCount += 1
      return 0
    }
    return input.removeFirst()
  }
}

/// Bytes on their way into the decoder.
struct ByteQueue: ~Copyable {
  static let capacity = 128
  private var bytes = InlineArray<128, UInt8>(repeating: 0)
  // 0 <= start <= end <= capacity
  private var start = 0
  private var end = 0

  var count: Int { end - start }

  mutating func fill(from source: Span<UInt8>, at position: inout Int) {
    if start > 0 {
      for index in start..<end { bytes[index - start] = bytes[index] }
      (start, end) = (0, end - start)
    }
    while end < Self.capacity, position < source.count {
      bytes[end] = source[position]
      end += 1
      position += 1
    }
  }

  /// - Precondition: there is one.
  mutating func removeFirst() -> UInt8 {
    defer { start += 1 }
    return bytes[start]
  }
}

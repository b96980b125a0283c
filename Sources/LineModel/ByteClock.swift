/// When bytes leave the shift register, in nanoseconds: ten bits a byte (8N1), accumulated as an
/// exact fraction, so that n bytes end ⌊n · 10¹⁰ / baud⌋ ns after the first one began.
struct ByteClock {
  /// Ten bits, in nanoseconds times the baud rate.
  private static let byteTimeNumerator: UInt64 = 10_000_000_000

  private let baudRate: UInt64  // 0: unlimited, bytes take no time
  private let quotient: UInt64
  private let remainder: UInt64
  /// When the last byte ended.
  private(set) var end: UInt64 = 0
  private var fraction: UInt64 = 0  // of a nanosecond, in units of 1 / baudRate; < baudRate

  init(baudRate: UInt32) {
    self.baudRate = UInt64(baudRate)
    let result = Self.byteTimeNumerator.quotientAndRemainder(
      dividingBy: UInt64(max(baudRate, 1)))
    quotient = baudRate == 0 ? 0 : result.quotient
    remainder = baudRate == 0 ? 0 : result.remainder
  }

  /// When the next byte ends if it follows the last one at once.
  var nextEnd: UInt64 {
    end + quotient + (remainder > 0 && fraction + remainder >= baudRate ? 1 : 0)
  }

  /// When the last of `byteCount` bytes ends if they follow at once.
  func end(after byteCount: Int) -> UInt64 {
    guard baudRate > 0 else { return end }
    return end + (UInt64(byteCount) * Self.byteTimeNumerator + fraction) / baudRate
  }

  /// The line was idle, or stopped, until `now`: the next byte begins then.
  mutating func idle(until now: UInt64) {
    guard now > end else { return }
    end = now
    fraction = 0
  }

  /// Lets the next byte end.
  mutating func advance() {
    end = nextEnd
    fraction += remainder
    if remainder > 0, fraction >= baudRate { fraction -= baudRate }
  }
}

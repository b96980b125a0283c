/// When bytes leave the shift register, in nanoseconds: ten bits a byte (8N1), accumulated as an
/// exact fraction, so that n bytes end ⌊n · 10¹⁰ / baud⌋ ns after the first one began.
struct ByteClock {
  /// Ten bits, in nanoseconds times the baud rate.
  private static let byteTimeNumerator: UInt64 = 10_000_000_000

  /// The rate of bytes that have not begun; 0: unlimited, bytes take no time.
  private(set) var baudRate: UInt32
  /// How long a byte takes, rounded down.
  private(set) var byteTime: UInt64
  private var remainder: UInt64  // of byteTime, in units of 1 / baudRate
  /// When the last byte ended.
  private(set) var end: UInt64 = 0
  private var fraction: UInt64 = 0  // of a nanosecond, in units of 1 / baudRate; < baudRate
  /// The byte that was on the wire when the rate changed, while it lasts: its rate and its end.
  private var begun: (baudRate: UInt32, end: UInt64)?
  /// Whether the line was idle before the next byte.
  private(set) var isAfterIdle = true

  init(baudRate: UInt32) {
    self.baudRate = baudRate
    (byteTime, remainder) = Self.byteTime(baudRate: baudRate)
  }

  /// The rate of the next byte.
  var nextRate: UInt32 { begun?.baudRate ?? baudRate }

  /// When the next byte ends if it follows the last one at once.
  var nextEnd: UInt64 {
    if let begun { return begun.end }
    return end + byteTime + (remainder > 0 && fraction + remainder >= baudRate ? 1 : 0)
  }

  /// When the last of `byteCount` bytes, at least one, ends if they follow at once.
  func end(after byteCount: Int) -> UInt64 {
    let (start, fraction, count) =
      begun.map { ($0.end, 0, byteCount - 1) } ?? (end, fraction, byteCount)
    guard baudRate > 0 else { return start }
    return start + (UInt64(count) * Self.byteTimeNumerator + fraction) / UInt64(baudRate)
  }

  /// The line was idle, or stopped, until `now`: the next byte begins then.
  mutating func idle(until now: UInt64) {
    guard now > end else { return }
    end = now
    fraction = 0
    begun = nil
    isAfterIdle = true
  }

  /// Lets the next byte end.
  mutating func advance() {
    isAfterIdle = false
    guard begun == nil else { return endBegun() }
    end = nextEnd
    fraction += remainder
    if remainder > 0, fraction >= baudRate { fraction -= UInt64(baudRate) }
  }

  /// Changes the rate at `now`, at which the next byte is on the wire if `isSending`.
  mutating func setRate(_ baudRate: UInt32, at now: UInt64, isSending: Bool) {
    guard baudRate != self.baudRate else { return }
    if isSending, begun == nil, end < now { begun = (self.baudRate, nextEnd) }
    self.baudRate = baudRate
    (byteTime, remainder) = Self.byteTime(baudRate: baudRate)
    fraction = 0
  }

  private mutating func endBegun() {
    end = nextEnd
    begun = nil
  }

  private static func byteTime(baudRate: UInt32) -> (quotient: UInt64, remainder: UInt64) {
    guard baudRate > 0 else { return (0, 0) }
    return byteTimeNumerator.quotientAndRemainder(dividingBy: UInt64(baudRate))
  }
}

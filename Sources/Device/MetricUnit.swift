/// What a metric is counted in: a text, or one with a number in it, as in `% of 40 images`; 16 bytes at
/// most.
public struct MetricUnit: ExpressibleByStringLiteral {
  let text: StaticString
  let count: Int
  let things: StaticString

  /// A text alone.
  public init(stringLiteral text: StaticString) {
    self.init(text, -1, "")
  }

  /// A text, a count from 0 to 9999, and what is counted.
  public init(_ text: StaticString, _ count: Int, _ things: StaticString) {
    (self.text, self.count, self.things) = (text, count, things)
  }

  // Of the count, of which there may be none.
  private var digitCount: Int {
    count < 0 ? 0 : count < 10 ? 1 : count < 100 ? 2 : count < 1000 ? 3 : 4
  }

  var byteCount: Int { text.utf8CodeUnitCount &+ digitCount &+ things.utf8CodeUnitCount }

  /// Calls `body` with each byte.
  func forEachByte(_ body: (UInt8) -> Void) {
    for place in 0..<text.utf8CodeUnitCount { unsafe body(text.utf8Start[place]) }
    var divisor = 1
    for _ in 1..<max(digitCount, 1) { divisor &*= 10 }
    for _ in 0..<digitCount {
      body(UInt8(truncatingIfNeeded: 48 &+ count / divisor % 10))
      divisor /= 10
    }
    for place in 0..<things.utf8CodeUnitCount { unsafe body(things.utf8Start[place]) }
  }
}

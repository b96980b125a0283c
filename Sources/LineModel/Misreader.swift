/// A receiver whose rate is not the sender's: it samples at the wrong times, and what it reads has
/// the length of its own bytes and nothing else to do with what was sent.
struct Misreader {
  /// The share of the sender's rate, as its inverse, by which a receiver may be off: 4 %.
  ///
  /// A UART takes its time from the edge of the start bit and samples the stop bit in its middle, nine
  /// and a half bits later; it is there half a bit too early or late at 5.3 %. A sixteenth of a bit is
  /// lost in finding the edge, and the edges are not ideal.
  private static let toleranceDivisor: UInt64 = 25
  /// Bytes that one may become: a random byte has not quite three falling edges, and each of them
  /// looks like a start bit.
  private static let byteCountLimit: UInt64 = 3

  /// The rate that the receiver is set to; 0: it reads any.
  var receiverRate: UInt32
  private var generator: SeededGenerator
  /// The rate of the last byte that was misread.
  private var senderRate: UInt32 = 0
  /// What the receiver has seen of its next byte, in units of 1 / senderRate; < senderRate.
  private var seen: UInt64 = 0

  init(receiverRate: UInt32, generator: SeededGenerator) {
    self.receiverRate = receiverRate
    self.generator = generator
  }

  /// Whether a byte sent at `rate` is misread.
  func misreads(_ rate: UInt32) -> Bool {
    guard rate != receiverRate, rate > 0, receiverRate > 0 else { return false }
    let difference = UInt64(max(rate, receiverRate) - min(rate, receiverRate))
    return difference * Self.toleranceDivisor > UInt64(rate)
  }

  /// How many bytes the receiver makes of a byte sent at `rate`.
  ///
  /// A slower receiver makes its next byte of the first byte after a pause, and swallows others until
  /// that one is over.
  mutating func byteCount(for rate: UInt32, isAfterIdle: Bool) -> Int {
    if isAfterIdle || rate != senderRate {
      senderRate = rate
      seen = UInt64(rate - min(rate, receiverRate))
    }
    let result = (seen + UInt64(receiverRate)).quotientAndRemainder(dividingBy: UInt64(rate))
    seen = result.remainder
    return Int(min(result.quotient, Self.byteCountLimit))
  }

  /// A byte that the receiver makes up.
  mutating func nextByte() -> UInt8 { generator.nextByte() }
}

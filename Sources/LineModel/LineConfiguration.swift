/// One direction of a UART line: its speed, its delays, its faults and its two buffers.
///
/// Times are in nanoseconds and rates are chances from 0 through 1. The defaults are a clean cable
/// at 115200 baud behind a driver with a buffer of 4 KiB.
public struct LineConfiguration: Equatable, Sendable {
  /// Bursts of garbage, after Gilbert and Elliott.
  public struct Burst: Equatable, Sendable {
    /// The chance that a burst begins with a byte.
    public var rate: Double
    /// The mean of the geometric length, 1 or more.
    public var meanByteCount: Double

    /// A burst begins with each byte with the chance `rate`.
    public init(rate: Double, meanByteCount: Double) {
      self.rate = rate
      self.meanByteCount = meanByteCount
    }
  }

  /// How a USB adapter hands over what it has received: when a packet is full, or when the first byte
  /// in it has waited for the latency timer.
  public struct Batch: Equatable, Sendable {
    /// How long the first byte of a packet waits at most.
    public var timerNanoseconds: UInt64
    /// Bytes that fill a packet, which then leaves at once.
    public var byteCount: Int

    /// The defaults are those of FTDI's chips: 16 ms, and 64 bytes less two of status
    /// (AN232B-04, "Data throughput, latency and handshaking").
    public init(timerNanoseconds: UInt64 = 16_000_000, byteCount: Int = 62) {
      self.timerNanoseconds = timerNanoseconds
      self.byteCount = byteCount
    }
  }

  /// The receiver's store of unread bytes, and what happens when it is full.
  public enum Receiver: Equatable, Sendable {
    /// The sender is held back until there is room, as by RTS/CTS: nothing is lost.
    case waits(byteCount: Int)
    /// Bytes that find it full are lost, as in a UART that is read too late.
    case overruns(byteCount: Int)

    /// Bytes that it holds.
    public var byteCount: Int {
      switch self {
      case .waits(let byteCount), .overruns(let byteCount): byteCount
      }
    }
  }

  /// Bits a second, ten of them to a byte (8N1); 0 stands for unlimited.
  public var baudRate: UInt32 = 115_200
  /// The highest rate that the line will be set to later; lower ones than `baudRate` change nothing.
  public var baudRateLimit: UInt32 = 0
  /// From the end of a byte on the wire to its arrival.
  public var latencyNanoseconds: UInt64 = 0
  /// The longest extra delay: bytes wait for a uniform draw of it and then arrive together, in order.
  public var jitterNanoseconds: UInt64 = 0
  /// The adapter's batching, or none; a batch that fills is not jittered.
  public var batch: Batch?
  /// The chance that a data bit is inverted; start and stop bits are never hit.
  public var bitErrorRate = 0.0
  /// The chance that a byte never arrives.
  public var dropRate = 0.0
  /// The chance that a random byte arrives behind a byte; it takes no time on the wire.
  public var insertRate = 0.0
  /// The chance that a byte arrives twice; the copy takes no time on the wire.
  public var duplicateRate = 0.0
  /// Bursts of garbage, or none.
  public var burst: Burst?
  /// Bytes that the sender may queue, the one on the wire included.
  public var transmitBufferByteCount = 4096
  /// The receiver's FIFO.
  public var receiver = Receiver.waits(byteCount: 4096)

  /// A clean line with the defaults above.
  public init() {}
}

/// Why a line cannot be made as configured.
public enum LineConfigurationError: Error, Equatable, Sendable {
  /// A field that is a chance.
  public enum Rate: Equatable, Sendable {
    case bitError, drop, insert, duplicate, burst
  }

  /// A chance is below 0, above 1, or not a number.
  case rateOutOfRange(Rate)
  /// A burst would be shorter than a byte on average, or not finite.
  case burstTooShort
  /// A buffer, a FIFO or a packet holds less than one byte or more than `bufferByteCountLimit`.
  case bufferOutOfRange
  /// The delays add up to more than `delayNanosecondsLimit`.
  case delayTooLong
  /// At this rate more than `bufferByteCountLimit` bytes would be on their way at once.
  case tooMuchInFlight
}

extension LineConfiguration {
  /// The largest buffer of a line, in bytes.
  public static let bufferByteCountLimit = 1 << 24
  /// The longest sum of latency, jitter and latency timer: ten minutes.
  public static let delayNanosecondsLimit: UInt64 = 600_000_000_000

  /// Throws the first rule that the configuration breaks.
  public func validate() throws(LineConfigurationError) {
    try Self.require(bitErrorRate, .bitError)
    try Self.require(dropRate, .drop)
    try Self.require(insertRate, .insert)
    try Self.require(duplicateRate, .duplicate)
    if let burst {
      try Self.require(burst.rate, .burst)
      guard burst.meanByteCount >= 1, burst.meanByteCount.isFinite else { throw .burstTooShort }
    }
    let buffers = 1...Self.bufferByteCountLimit
    guard buffers ~= transmitBufferByteCount, buffers ~= receiver.byteCount,
      buffers ~= batch?.byteCount ?? 1
    else { throw .bufferOutOfRange }
    guard delayNanoseconds <= Self.delayNanosecondsLimit else { throw .delayTooLong }
    guard wireByteCount <= Self.bufferByteCountLimit else { throw .tooMuchInFlight }
  }

  private static func require(
    _ rate: Double, _ name: LineConfigurationError.Rate
  ) throws(LineConfigurationError) {
    // NaN compares false, so it is refused too.
    guard rate >= 0, rate <= 1 else { throw .rateOutOfRange(name) }
  }

  /// The longest way of a byte from the end of its stop bit to the receiver; saturates.
  var delayNanoseconds: UInt64 {
    [latencyNanoseconds, jitterNanoseconds, batch?.timerNanoseconds ?? 0].reduce(0) { sum, delay in
      let (total, overflow) = sum.addingReportingOverflow(delay)
      return overflow ? .max : total
    }
  }

  /// Bytes that can be on their way at once.
  ///
  /// Each may bring a copy and an inserted byte with it. Where the rate has no limit, neither has
  /// their number: there the wire holds what a tty would.
  var wireByteCount: Int {
    let rate = max(baudRate, baudRateLimit)
    let inFlight = delayNanoseconds / 1_000 * UInt64(rate) / 10_000_000
    let byteCount = Int(inFlight) * 3 + 1024
    return baudRate > 0 ? byteCount : max(byteCount, 1 << 16)
  }
}

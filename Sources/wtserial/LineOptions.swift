import ArgumentParser
import LineModel

/// The options of a modelled line.
struct LineOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Bits a second, or `unlimited`.", valueName: "rate"))
  var baud = LineBaudRate(bitsPerSecond: 115_200)
  @Flag(help: "Garble bytes that cross, as a bus does on which both ends talk at once.")
  var halfDuplex = false
  // Whatever follows an option of a number is its value: one with a sign looks like an option.
  @Option(
    parsing: .unconditional, help: ArgumentHelp("Delay of every byte.", valueName: "ms"))
  var latencyMs = 0.0
  @Option(
    parsing: .unconditional, help: ArgumentHelp("Longest random delay on top.", valueName: "ms"))
  var jitterMs = 0.0
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Hand over bytes in packets of 62, or after this time, as an FTDI adapter (16).",
      valueName: "ms"))
  var batchMs: Double?
  @Option(
    parsing: .unconditional, help: ArgumentHelp("Chance that a bit is inverted.", valueName: "rate")
  )
  var bitErrorRate = 0.0
  @Option(
    parsing: .unconditional, help: ArgumentHelp("Chance that a byte is lost.", valueName: "rate"))
  var dropRate = 0.0
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Chance that a random byte is added.", valueName: "rate"))
  var insertRate = 0.0
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Chance that a byte comes twice.", valueName: "rate"))
  var duplicateRate = 0.0
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Chance that garbage begins with a byte, and its mean length in bytes.",
      valueName: "rate,length"))
  var burst: LineBurst?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Lose what arrives while this many bytes are unread; else the line waits for the reader.",
      valueName: "bytes"))
  var fifo: Int?

  func validate() throws {
    // Compared this way round, NaN is refused too.
    guard latencyMs >= 0, jitterMs >= 0, batchMs ?? 0 >= 0 else {
      throw ValidationError("--latency-ms, --jitter-ms and --batch-ms are not negative.")
    }
    guard baud.bitsPerSecond > 0 || !halfDuplex else {
      throw ValidationError("--half-duplex needs a --baud: where bytes take no time, none meet.")
    }
  }

  /// The line that they describe; `baudRateLimit` where it will be set to other rates.
  func configuration(baudRateLimit: UInt32 = 0) -> LineConfiguration {
    var line = LineConfiguration()
    line.baudRate = baud.bitsPerSecond
    line.baudRateLimit = baudRateLimit
    line.latencyNanoseconds = nanoseconds(seconds: latencyMs / 1000)
    line.jitterNanoseconds = nanoseconds(seconds: jitterMs / 1000)
    line.batch = batchMs.map { .init(timerNanoseconds: nanoseconds(seconds: $0 / 1000)) }
    line.bitErrorRate = bitErrorRate
    line.dropRate = dropRate
    line.insertRate = insertRate
    line.duplicateRate = duplicateRate
    line.burst = burst?.burst
    if let fifo { line.receiver = .overruns(byteCount: fifo) }
    // Half of it has to last until the process gets its turn again: 10 ms.
    let rate = Int(max(line.baudRate, line.baudRateLimit))
    line.transmitBufferByteCount = min(1 << 20, max(4096, rate / 500))
    return line
  }
}

/// A rate on the command line: a number above 0, or `unlimited`.
struct LineBaudRate: ExpressibleByArgument, CustomStringConvertible {
  let bitsPerSecond: UInt32  // 0: unlimited

  init(bitsPerSecond: UInt32) {
    self.bitsPerSecond = bitsPerSecond
  }

  init?(argument: String) {
    if argument == "unlimited" {
      bitsPerSecond = 0
    } else {
      guard let rate = UInt32(argument), rate > 0 else { return nil }
      bitsPerSecond = rate
    }
  }

  var description: String { bitsPerSecond == 0 ? "unlimited" : "\(bitsPerSecond)" }
  var defaultValueDescription: String { description }
}

/// A burst on the command line: `RATE,LENGTH`.
struct LineBurst: ExpressibleByArgument {
  let burst: LineConfiguration.Burst

  init?(argument: String) {
    let parts = argument.split(separator: ",", omittingEmptySubsequences: false)
    guard parts.count == 2, let rate = Double(parts[0]), let length = Double(parts[1]) else {
      return nil
    }
    burst = .init(rate: rate, meanByteCount: length)
  }
}

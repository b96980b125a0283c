import ArgumentParser
import LinkLayer
import Logging
import Runtime
import SerialDriver

/// How the port is to be run.
struct PortOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      """
      The rate of the line, in bits a second; any that the adapter can make. Without it, or with \
      `auto`, both ends begin at 115200 and agree on the fastest rate that works; a pseudo-terminal \
      stays at 115200 unless `auto` is given.
      """, valueName: "rate"))
  var baud: BaudRateChoice?
  // XON and XOFF are no option: the bytes 0x11 and 0x13 occur in frames.
  @Flag(help: "Flow control by RTS and CTS.")
  var rtscts = false

  // Whatever follows is its value: a number with a sign looks like an option.
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      """
      Wait so many seconds for a port that is not there yet, or `forever`. A device that goes away \
      later is waited for as long, and for 25 seconds at least.
      """, valueName: "seconds"))
  var wait: WaitChoice?

  /// What PORT is.
  static let help: ArgumentHelp = """
    The port: a device or a by-id link; usb:VID:PID[-INTERFACE][:SERIAL] such as usb:0403:6010-01, \
    serial:NUMBER, at:SOCKET[:INTERFACE] such as at:1-4.2:1.0, or auto for the only USB adapter \
    there is; or one behind a network: rfc2217://HOST:PORT[?OPTIONS], tcp://HOST:PORT, \
    labgrid://[PLACE][/NAME][?OPTIONS].
    """

  /// Opens the port of this name.
  func opener(for name: String) throws -> PortOpener {
    try PortOpener(name, settings, wait: wait?.wait ?? .none)
  }

  // Slow enough for every adapter and cable, and what boards begin with.
  static let safeBaudRate: UInt32 = 115_200

  /// The rate at which the port is opened.
  var baudRate: UInt32 {
    if case .fixed(let rate) = baud { return rate }
    return Self.safeBaudRate
  }

  var settings: PortSettings {
    PortSettings(baudRate: baudRate, flowControl: rtscts ? .rtsCts : .none)
  }

  /// The rates that an open port may change to: those that its driver takes, and that have not failed
  /// there before.
  func rates(
    of port: borrowing Port, _ memory: RateMemory, _ console: Console
  ) throws -> LineRates {
    switch baud {
    case .fixed: return []
    case .auto: break
    case nil: if !port.isRateAdjustable { return [] }
    }
    let limit = memory.failedBaudRate ?? .max
    let candidates = (0..<LineRates.count).map { LineRates.baudRate(at: $0) }.filter {
      $0 > baudRate && $0 < limit
    }
    var rates: LineRates = []
    for rate in try port.reachableRates(of: candidates) { rates.insert(baudRate: rate) }
    if rates.isEmpty, !candidates.isEmpty, port.isRateAdjustable {
      console.notice("the line stays at \(port.baudRate) baud: the port takes no faster rate")
    }
    return rates
  }
}

extension PortOptions {
  /// Tells where --rtscts is without effect.
  func noteFlowControl(of port: borrowing Port, _ console: Console) {
    if rtscts { console.noteFlowControl(of: port) }
  }
}

extension FixedPortOptions {
  /// Tells where --rtscts is without effect.
  func noteFlowControl(of port: borrowing Port, _ console: Console) {
    if rtscts { console.noteFlowControl(of: port) }
  }
}

extension Console {
  fileprivate func noteFlowControl(of port: borrowing Port) {
    switch port.flowControlScope {
    case .line: break
    case .nothing: notice("--rtscts does nothing here: a pseudo-terminal has no RTS and CTS")
    case .server:
      notice(
        "--rtscts does nothing here: through tcp:// the server decides on flow control; set it there, "
          + "or use rfc2217://")
    }
  }
}

/// How a port is to be run at a rate that stays.
struct FixedPortOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      """
      The rate of the line, in bits a second; any that the adapter can make. A device does not \
      change it. (default: 115200)
      """, valueName: "rate"),
    transform: { word in
      guard let rate = UInt32(word), rate > 0 else {
        throw ValidationError("give a number, for a device does not change its rate.")
      }
      return rate
    })
  var baud = PortOptions.safeBaudRate
  @Flag(help: "Flow control by RTS and CTS.")
  var rtscts = false
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Wait so many seconds for a port that is not there yet, or `forever`.", valueName: "seconds"))
  var wait: WaitChoice?

  /// Opens the port of this name.
  func opener(for name: String) throws -> PortOpener {
    try PortOpener(name, settings, wait: wait?.wait ?? .none)
  }

  private var settings: PortSettings {
    PortSettings(baudRate: baud, flowControl: rtscts ? .rtsCts : .none)
  }
}

/// What `--wait` takes.
struct WaitChoice: ExpressibleByArgument {
  // More than that is for ever.
  private static let secondsLimit = 3e9

  let wait: PortWait

  init?(argument: String) {
    if argument == "forever" {
      wait = .forever
    } else {
      // Compared this way round, NaN is refused too.
      guard let seconds = Double(argument), seconds > 0 else { return nil }
      let microseconds = Int64((min(seconds, Self.secondsLimit) * 1e6).rounded(.up))
      wait = .limited(Interval(microseconds: microseconds))
    }
  }
}

/// What `--baud` takes.
enum BaudRateChoice: ExpressibleByArgument, Equatable {
  case fixed(UInt32)
  case auto

  init?(argument: String) {
    if argument == "auto" {
      self = .auto
    } else {
      guard let rate = UInt32(argument), rate > 0 else { return nil }
      self = .fixed(rate)
    }
  }
}

/// How the link uses the line.
struct LinkOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      """
      Frames that may be unanswered at a time; 1 for a line on which only one end may speak \
      (half-duplex, RS-485). The receiver makes room for as many.
      """, valueName: "frames"))
  var window = 16
  @Option(help: "Parity in the frames: auto, where it pays, or off.")
  var errorCorrection = ErrorCorrection.auto

  func validate() throws {
    guard (1...1024).contains(window) else { throw ValidationError("--window takes 1 to 1024.") }
  }

  /// Applies them to what an end decides.
  func configure(_ configuration: inout LinkConfiguration) {
    configuration.usesWindow = window > 1
    configuration.usesCorrection = errorCorrection == .auto
  }
}

/// The values of `--error-correction`.
enum ErrorCorrection: String, CaseIterable, ExpressibleByArgument {
  case auto, off
}

/// What is shown, and how.
struct OutputOptions: ParsableArguments {
  @Flag(help: "One JSON object a line on standard output instead of progress.")
  var json = false
  @Flag(name: .shortAndLong, help: "Show nothing but errors.")
  var quiet = false
  @Flag(
    name: .shortAndLong,
    help: "Tell on standard error what the driver and the link do; twice, each frame, too.")
  var verbose: Int

  func validate() throws {
    guard !quiet || verbose == 0 else {
      throw ValidationError("Give --quiet or --verbose, not both.")
    }
  }

  /// Lets the log be heard, as far as it is wanted; to be called once.
  func startLog() {
    guard verbose > 0 else { return }
    let level: Logger.Level = verbose > 1 ? .trace : .debug
    LoggingSystem.bootstrap { label in
      LogLines(label: label, logLevel: level)
    }
  }
}

import ArgumentParser
import LineModel
import Runtime
import SystemPackage

/// Runs a loopback until a signal ends it.
struct LoopbackCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "loopback",
    abstract: "Joins two virtual serial ports by a line with a rate and faults.",
    discussion: """
      Makes two pseudo-terminals and carries bytes between them as a UART would: ten bits a byte at \
      the given rate, late, and damaged as asked. Programs open the two ports like any other, close \
      them and open them again; what arrives while nobody has a port open is lost. Runs until \
      Ctrl-C or SIGTERM, then prints what has crossed the line.

      A noisy line of 115200 baud, and a model sent over it:

        wtserial loopback --a /tmp/a --b /tmp/b --bit-error-rate 1e-5 --seed 7 &
        wtserial receive /tmp/b out.safetensors &
        wtserial send /tmp/a model.pt

      Rates of faults are chances from 0 through 1: of a bit for --bit-error-rate, else of a byte. \
      The same seed damages the same bytes again.

      With --follow-termios, a change of a port's rate is noticed when bytes move. A program that \
      writes and changes its rate at once, without waiting for an answer, may have the last bytes \
      sent at the new rate. One that opens a port right after another has closed it, and sets no rate, \
      may find the one that the other has set, as on a real port.
      """)

  @Option(help: ArgumentHelp("Name of the first port, made as a symbolic link.", valueName: "path"))
  var a: String?
  @Option(help: ArgumentHelp("Name of the second port.", valueName: "path"))
  var b: String?
  @OptionGroup(title: "The line")
  var line: LineOptions
  @Flag(
    help: """
      Send at the rate that each port is set to, and garble where the two differ; --baud is then the \
      rate of a port that nobody has open, and of a program that sets none.
      """)
  var followTermios = false
  @Option(
    help: ArgumentHelp(
      "With --follow-termios: garble what is faster than this, as a poor adapter does.",
      valueName: "rate"))
  var highestBaud: UInt32?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Cut the line for --cut-for seconds, this long after the first byte.", valueName: "seconds"))
  var cutAfter: Double?
  @Option(
    parsing: .unconditional, help: ArgumentHelp("How long the cut lasts.", valueName: "seconds"))
  var cutFor: Double?
  @Option(help: "Seed of the faults; drawn and printed if not given.")
  var seed: UInt64?
  @Flag(help: "Print one JSON object a line: `ready`, then `statistics`.")
  var json = false

  /// What the buffers of a line suit that follows its terminals; Linux names no higher rate.
  private static let followedBaudRateLimit: UInt32 = 4_000_000

  func validate() throws {
    guard line.baud.bitsPerSecond > 0 || !followTermios else {
      throw ValidationError("--follow-termios needs a --baud for ports that nobody has open.")
    }
    guard highestBaud == nil || followTermios else {
      throw ValidationError("--highest-baud goes with --follow-termios.")
    }
    guard highestBaud ?? 1 > 0 else { throw ValidationError("--highest-baud takes at least 1.") }
    guard (cutAfter == nil) == (cutFor == nil) else {
      throw ValidationError("--cut-after and --cut-for go together.")
    }
    guard cutAfter ?? 0 >= 0, cutFor ?? 0 >= 0 else {
      throw ValidationError("--cut-after and --cut-for are not negative.")
    }
  }

  func run() throws {
    let report = LoopbackReport(json: json)
    do throws(LoopbackError) {
      try run(reportingTo: report)
    } catch {
      let (sentence, exitCode) = describe(error)
      report.fail(sentence, exitCode)
      throw exitCode
    }
  }

  private func run(reportingTo report: LoopbackReport) throws(LoopbackError) {
    let signals: SignalWatcher
    do throws(Errno) {
      signals = try SignalWatcher()
    } catch {
      throw .system(.wait, nil, error)
    }
    let configuration = loopbackConfiguration()
    var loopback = try Loopback(configuration)
    report.ready(loopback, configuration)
    try loopback.run(until: signals.descriptor)
    report.statistics(loopback)
    // Taken, the signal does not end the program by itself: this is the ordinary end.
    _ = try? signals.next()
  }

  private func loopbackConfiguration() -> LoopbackConfiguration {
    var configuration = LoopbackConfiguration()
    configuration.line = line.configuration(
      baudRateLimit: followTermios ? Self.followedBaudRateLimit : 0)
    configuration.isHalfDuplex = line.halfDuplex
    configuration.followsTermios = followTermios
    if let highestBaud { configuration.highestBaudRate = highestBaud }
    configuration.seed = seed ?? .random(in: 0...999_999_999)
    configuration.linkA = a.map { FilePath($0) }
    configuration.linkB = b.map { FilePath($0) }
    if let cutAfter, let cutFor {
      configuration.cut = .init(
        afterNanoseconds: nanoseconds(seconds: cutAfter),
        forNanoseconds: nanoseconds(seconds: cutFor))
    }
    return configuration
  }
}

/// A time of 0 or more for the line's clock; more than a century becomes a century.
func nanoseconds(seconds: Double) -> UInt64 {
  UInt64(min(seconds, 3e9) * 1e9)
}

private func describe(_ error: LoopbackError) -> (sentence: String, exitCode: ExitCode) {
  switch error {
  case .line(let error): ("\(rule(brokenBy: error))", ExitCode(64))
  case .sameName(let path): ("--a and --b both name \(path); give two names", ExitCode(64))
  case .nameTaken(let path):
    (
      "\(path) exists and is not a link of a loopback; remove it or choose another name",
      ExitCode(73)
    )
  case .nameInUse(let path, let terminal):
    (
      "\(path) already links to \(terminal), which exists: another loopback may be running; end it, "
        + "remove the link, or choose another name",
      ExitCode(75)
    )
  case .system(.makeLink, let path?, let error):
    ("cannot make the link \(path): \(error); choose another name", ExitCode(73))
  case .system(let operation, let path, let error):
    ("cannot \(verb(of: operation))\(path.map { " of \($0)" } ?? ""): \(error)", ExitCode(74))
  }
}

private func verb(of operation: LoopbackError.Operation) -> String {
  switch operation {
  case .makeTerminal: "make a pseudo-terminal"
  case .makeLink: "make a link"
  case .watchClients: "watch the clients"
  case .read: "read what a client wrote"
  case .readRate: "read the rate"
  case .write: "write to a client"
  case .reset: "reset the terminal"
  case .wait: "wait"
  }
}

/// The rule of the line's options that is broken.
func rule(brokenBy error: LineConfigurationError) -> String {
  switch error {
  case .rateOutOfRange(.bitError): "--bit-error-rate is a chance from 0 through 1"
  case .rateOutOfRange(.drop): "--drop-rate is a chance from 0 through 1"
  case .rateOutOfRange(.insert): "--insert-rate is a chance from 0 through 1"
  case .rateOutOfRange(.duplicate): "--duplicate-rate is a chance from 0 through 1"
  case .rateOutOfRange(.burst): "the rate of --burst is a chance from 0 through 1"
  case .burstTooShort: "the length of --burst is 1 byte or more"
  case .bufferOutOfRange:
    "--fifo holds from 1 through \(LineConfiguration.bufferByteCountLimit) bytes"
  case .delayTooLong: "--latency-ms, --jitter-ms and --batch-ms together are at most 10 minutes"
  case .tooMuchInFlight: "at this rate the delays would keep too many bytes in flight; lower one"
  }
}

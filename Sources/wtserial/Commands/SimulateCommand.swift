import ArgumentParser
import Checkpoints
import LineModel
import LinkLayer
import Runtime
import Streaming
import SystemPackage

/// The command `wtserial simulate MODEL`.
struct SimulateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "simulate",
    abstract: "Run a transfer over a modelled line in virtual time.",
    discussion: """
      Sends MODEL, or random bytes, to a receiver that checks every digest and stores nothing, over \
      a line with a rate and faults, and tells how long it would take. Sender, receiver and line are \
      those of `send`, `receive` and `loopback`; only the time is virtual, and the processors take \
      none of it. The same options and the same seed give the same result on any machine.

        wtserial simulate model.pt --baud 921600 --bit-error-rate 1e-5 --latency-ms 1
        wtserial simulate --bytes 100000 --window 1 --trace
        wtserial simulate --sweep --window 8 --json

      Goodput is the share of the line's rate, ten bits a byte, that went to contents: handshake, \
      records, frames, parity and waiting all count against it, up to the receiver's word that the \
      model is verified.

      --trace prints a line for each frame that an end hands out: when, in milliseconds; where it \
      goes, > from the sender, < from the receiver; its kind and its sequence number as in \
      Protocol.md; the bytes of its payload; the errors that its parity puts right in each codeword, \
      - without parity; its bytes on the line.

      --sweep runs a table instead: bit error rates from 0 to 1e-3 on lines of \
      9600, 115200 and 921600 baud with latencies up to 16 ms, in place of --baud, --latency-ms and \
      --bit-error-rate. Without MODEL and --bytes, as much is sent as each line carries in 30 s.

      Half-duplex needs --window 1: with a window both ends talk at once. At most 32 kB are on their \
      way, whatever the window is.
      """)

  @Argument(help: "The file to send.", completion: .file())
  var model: String?
  @Option(help: ArgumentHelp("Send so many random bytes instead of MODEL.", valueName: "n"))
  var bytes: Int?
  @OptionGroup var contents: ContentOptions
  @OptionGroup(title: "The line")
  var line: LineOptions
  @Option(
    help: ArgumentHelp(
      "Memory of the receiver, in frames of --mtu bytes; with 1 it answers each frame before the next.",
      valueName: "frames"))
  var window = 32
  @Option(
    help: ArgumentHelp(
      "The largest frame that the receiver accepts, in bytes; a host takes \(HostLink.mtu).",
      valueName: "bytes"))
  var mtu = SimulatedTransfer.Settings().mtu
  @Option(help: "Parity in the frames: auto, where it pays, or off.")
  var errorCorrection = ErrorCorrection.auto
  @Option(help: "Seed of the faults and of random bytes.")
  var seed: UInt64 = 1
  @Flag(help: "Print a line for each frame before the result.")
  var trace = false
  @Flag(help: "Print a table over error rates, rates and latencies.")
  var sweep = false
  @Flag(help: "One JSON object on standard output; with --sweep one for each cell, a line each.")
  var json = false

  private static let bytesRange = 1...1 << 30
  private static let windowRange = 1...1024

  func validate() throws {
    guard model == nil || bytes == nil else {
      throw ValidationError("Give MODEL or --bytes, not both.")
    }
    guard model != nil || bytes != nil || sweep else {
      throw ValidationError("Give MODEL or --bytes.")
    }
    // It would end all the same, after hours of virtual time that tell nothing.
    guard !line.halfDuplex || window == 1 else {
      throw ValidationError("--half-duplex needs --window 1: else both ends talk at once.")
    }
    guard line.baud.bitsPerSecond > 0 else {
      throw ValidationError("--baud takes a rate: where bytes take no time, none is measured.")
    }
    if let bytes { try require(bytes, in: Self.bytesRange, "--bytes") }
    try require(window, in: Self.windowRange, "--window")
    try require(mtu, in: LinkConfiguration.mtuMinimum...Int(UInt16.max), "--mtu")
    guard !trace || !json && !sweep else {
      throw ValidationError("--trace goes with neither --json nor --sweep.")
    }
    do throws(LineConfigurationError) {
      for settings in allSettings { try settings.line.validate() }
    } catch {
      throw ValidationError("\(rule(brokenBy: error)).")
    }
  }

  private func require(_ value: Int, in range: ClosedRange<Int>, _ option: String) throws {
    guard range.contains(value) else {
      throw ValidationError("\(option) takes \(range.lowerBound) to \(range.upperBound).")
    }
  }

  func run() throws {
    let console = Console(isJSON: json, isQuiet: false, port: nil, model: model, verb: .send)
    var failure: Failure?
    try console.reportingErrors {
      let checkpoint = try model.map { try Checkpoint(opening: FilePath($0)) }
      if sweep { try runSweep(checkpoint, console) } else { failure = try runOnce(checkpoint) }
    }
    guard let failure else { return }
    console.explain(failure)
    throw failure.exitCode
  }

  /// Prints what comes of it; returns why the model was not verified.
  private func runOnce(_ checkpoint: Checkpoint?) throws -> Failure? {
    let settings = self.settings
    let show: ((TracedFrame) -> Void)? = trace ? { print(SimulationReport.row(for: $0)) } : nil
    let transfer = try simulate(settings, checkpoint, trace: show)
    let report = SimulationReport(transfer, settings, source(settings), contents)
    if trace { print() }
    print(json ? report.json : report.summary)
    return report.failure
  }

  /// What has been done is shown meanwhile: in JSON by each line, else beside the table.
  private func runSweep(_ checkpoint: Checkpoint?, _ console: Console) throws {
    var table = SweepTable()
    let cells = allSettings
    defer { console.progressDisplay.erase() }
    for (index, settings) in cells.enumerated() {
      if !json { console.show(cell: index, of: cells.count, SweepTable.name(of: settings)) }
      let transfer = try simulate(settings, checkpoint, trace: nil)
      if json {
        let report = SimulationReport(transfer, settings, source(settings), contents)
        console.write(report.json + "\n", to: .results)
      } else {
        table.append(transfer, settings)
      }
    }
    if !json { console.result(table.text) }
  }

  private func simulate(
    _ settings: SimulatedTransfer.Settings, _ checkpoint: Checkpoint?,
    trace: ((TracedFrame) -> Void)?
  ) throws -> SimulatedTransfer {
    if let checkpoint, let model {
      let name = FilePath(model).lastComponent?.string ?? model
      return try SimulatedTransfer(
        settings, checkpoint, named: name, contents.policy(for: checkpoint), trace: trace)
    }
    let random = try Checkpoint(randomByteCount: byteCount(settings), seed: seed)
    return try SimulatedTransfer(
      settings, random, named: "random", SendPolicy(.plain(PlainPolicy(compression: .none))),
      trace: trace)
  }

  private func source(_ settings: SimulatedTransfer.Settings) -> SimulationReport.Source {
    if let model { .model(model) } else { .bytes(byteCount(settings)) }
  }

  private func byteCount(_ settings: SimulatedTransfer.Settings) -> Int {
    bytes ?? Int(settings.line.baudRate) / 10 * 30
  }

  private var settings: SimulatedTransfer.Settings {
    var settings = SimulatedTransfer.Settings()
    settings.line = line.configuration()
    settings.isHalfDuplex = line.halfDuplex
    settings.seed = seed
    settings.mtu = mtu
    settings.window = window
    settings.usesCorrection = errorCorrection == .auto
    return settings
  }

  /// The settings of each run: one, or those of the sweep's cells.
  private var allSettings: [SimulatedTransfer.Settings] {
    sweep ? SweepTable.cells(of: settings) : [settings]
  }
}

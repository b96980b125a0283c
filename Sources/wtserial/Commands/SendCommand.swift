import ArgumentParser
import Checkpoints
import LinkLayer
import Runtime
import SerialDriver
import Streaming
import SystemPackage
import Tensors

/// The command `wtserial send PORT MODEL`.
struct SendCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "send",
    abstract: "Send a model over a serial port.",
    discussion: """
      MODEL is a PyTorch checkpoint (.pt, .pth), a .safetensors file, or any other file, which \
      arrives as it is. Nothing in a checkpoint is ever executed. The command ends when the \
      receiver has checked every digest and stored the model.

        wtserial send /dev/ttyUSB0 model.pt
        wtserial send /dev/ttyUSB0 model.pt --baud 921600 --precision int8

      The model goes coarse first and finer from byte to byte: the receiver has one that works long \
      before the end. `wtserial plan` shows when.
      """)

  @Argument(help: PortOptions.help)
  var port: String
  @Argument(help: "The file to send.", completion: .file())
  var model: String
  @OptionGroup var line: PortOptions
  @Option(
    help: ArgumentHelp(
      """
      Restart the board by DTR and RTS first: none (the default), dtr (Arduino), rts, esp, or a \
      sequence such as 'D0|R1|W0.1|R0': D and R set DTR and RTS, U0,1 both, W waits so many seconds.
      """, valueName: "sequence"))
  var reset: ResetChoice?
  @OptionGroup var link: LinkOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var contents: ContentOptions
  @Option(help: ArgumentHelp("Seconds to look for a receiver.", valueName: "seconds"))
  var timeout = 10
  @Option(
    help: ArgumentHelp(
      "Write a page about the transfer when it has ended, well or not.", valueName: "file.html"),
    completion: .file())
  var report: String?

  func validate() throws {
    guard timeout > 0 else { throw ValidationError("--timeout takes at least 1 second.") }
    if line.rtscts, reset?.sequence.setsRTS == true {
      throw ValidationError("--rtscts has RTS for itself: give a --reset that leaves it alone.")
    }
    if let report, PlanCommand.isSameFile(report, model) {
      throw ValidationError("--report would replace the model itself, \(model).")
    }
  }

  func run() throws {
    let console = Console(output, port: port, model: model, verb: .send)
    try console.reportingErrors {
      guard let report else { return _ = try send(console) { console.tell($0) } }
      let page = try TransferReport(FilePath(report))
      do {
        let result = try send(console) { news in
          page.note(news)
          console.tell(news)
        }
        try page.finish(result, model: name, console)
      } catch let error as OutputError {
        throw error
      } catch {
        let failure = Failure(error, port: console.place, model: model)
        do throws(OutputError) {
          try page.finish(failure, model: name, console)
        } catch {
          // Why there is no model at the receiver matters more.
          console.notice(Failure(error).sentence)
        }
        throw failure
      }
    }
  }

  /// What the receiver's user reads.
  private var name: String { FilePath(model).lastComponent?.string ?? model }

  private func send(
    _ console: Console, tell: @escaping (TransferNews) -> Void
  ) throws -> TransferResult {
    let checkpoint = try Checkpoint(opening: FilePath(model))
    let policy = try contents.policy(for: checkpoint)
    let session = try SendSession(checkpoint, named: name, policy, tell: tell)
    let signals = try SignalWatcher()
    let opened = try line.opener(for: port).open(signals: signals) { console.tell($0) }
    if let reset { try opened.port.perform(reset.sequence, signals: signals) }
    var configuration = LinkConfiguration(
      role: .initiator, nonce: .random(in: 0 ... .max), baudRate: opened.port.baudRate)
    configuration.openLimit = .seconds(Int64(timeout))
    let memory = opened.port.rateMemory
    link.configure(&configuration)
    configuration.rates = try line.rates(of: opened.port, memory, console)
    console.began(model: name, baudRate: opened.port.baudRate, timeout: timeout)
    var loop = TransferLoop(port: FollowedPort(opened), signals: signals)
    defer {
      if session.failedBaudRate < .max { memory.note(failedBaudRate: session.failedBaudRate) }
    }
    do {
      let result = try session.run(over: HostLink.make(configuration), &loop)
      console.sent(result)
      return result
    } catch {
      var failure = SessionFailure(
        error, session.statistics, line: line, timeout: timeout, verb: .send)
      failure.offered = session.plan.manifest
      throw failure
    }
  }
}

import ArgumentParser
import Checkpoints
import Glibc
import LinkLayer
import Runtime
import SerialDriver
import SerialPorts
import Streaming
import SystemPackage
import Tensors

/// The command `wtserial send PORT MODEL`.
struct SendCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "send",
    abstract: "Send a model over a serial port, or over several at once.",
    usage: """
      wtserial send PORT MODEL [options]
      wtserial send MODEL --to PORT [--to PORT …] [options]
      wtserial send [MODEL] --to @FILE [options]
      """,
    discussion: """
      MODEL is a PyTorch checkpoint (.pt, .pth), a .safetensors file, or any other file, which \
      arrives as it is. Nothing in a checkpoint is ever executed. The command ends when the \
      receiver has checked every digest and stored the model.

        wtserial send /dev/ttyUSB0 model.pt
        wtserial send /dev/ttyUSB0 model.pt --baud 921600 --precision int8
        wtserial send model.pt --to /dev/ttyUSB0 --to /dev/ttyUSB1

      The model goes coarse first and finer from byte to byte: the receiver has one that works long \
      before the end. `wtserial plan` shows when.
      """)

  @Argument(help: PortOptions.help, completion: .file())
  var port: String?
  @Argument(help: "The file to send.", completion: .file())
  var model: String?
  @Option(
    help: ArgumentHelp(
      """
      Send to several boards at once, MODEL alone going before: may be repeated, each a port, or \
      @FILE for a list of boards in TOML, which may name their models, too.
      """, valueName: "port"), completion: .file())
  var to: [String] = []
  @Option(
    help: ArgumentHelp(
      "With --to: try so many times again where the line was lost, the port is busy or not there, or no "
        + "receiver answers.",
      valueName: "times"))
  var retry: Int?
  @OptionGroup var line: PortOptions
  @Option(
    help: ArgumentHelp(
      """
      Restart the board by DTR and RTS first: none, dtr (Arduino), rts, esp, or a sequence such as \
      'D0|R1|W0.1|R0': D and R set DTR and RTS, U0,1 both, W waits so many seconds. (default: none)
      """, valueName: "sequence"), completion: .list(ResetSequence.names),
    transform: ResetChoice.init(parsing:))
  var reset: ResetChoice?
  @OptionGroup var link: LinkOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var contents: ContentOptions
  @Option(
    help: ArgumentHelp(
      "Seconds to look for a receiver. (default: \(Self.timeoutByDefault))", valueName: "seconds"))
  var timeout: Int?
  @Option(
    help: ArgumentHelp(
      "Write a page about the transfer when it has ended, well or not.", valueName: "file.html"),
    completion: .file())
  var report: String?

  @OptionGroup var earlier: EarlierOptions

  static let timeoutByDefault = 10

  func validate() throws {
    guard timeout ?? 1 > 0 else { throw ValidationError("--timeout takes at least 1 second.") }
    if line.rtscts, reset?.sequence.setsRTS == true {
      throw ValidationError("--rtscts has RTS for itself: give a --reset that leaves it alone.")
    }
    guard retry ?? 0 >= 0 else { throw ValidationError("--retry takes 0 or more.") }
    guard !earlier.follow || to.isEmpty && report == nil else {
      throw ValidationError("--follow goes with one PORT, and without --report.")
    }
    if to.isEmpty {
      guard port != nil, model != nil else {
        throw ValidationError("Give PORT and MODEL, or MODEL and --to PORT for each board.")
      }
      if let port, let model {
        try refuseSwapped(
          port: port, file: model, called: "MODEL", command: "wtserial send \(model) \(port)")
      }
      guard retry == nil else { throw ValidationError("--retry goes with --to.") }
      if let report, let model, PlanCommand.isSameFile(report, model) {
        throw ValidationError("--report would replace the model itself, \(model).")
      }
    } else {
      guard report == nil else {
        throw ValidationError("--report is about one transfer, and does not go with --to.")
      }
      guard model == nil else {
        throw ValidationError("Give PORT before MODEL, or --to, not both.")
      }
      guard port != nil || to.allSatisfy({ $0.hasPrefix("@") }) else {
        throw ValidationError("Give MODEL before --to PORT.")
      }
      // With --to the only word is the model.
      if let model = port, to.count == 1, let port = to.first, !port.hasPrefix("@") {
        try refuseSwapped(
          port: port, file: model, called: "MODEL", command: "wtserial send \(port) --to \(model)")
      }
    }
  }

  func run() throws {
    if !to.isEmpty { return try sendToAll() }
    guard let port, let model else { return }
    let console = Console(output, port: port, model: model, verb: .send)
    console.hasWaited = line.wait != nil
    try console.reportingErrors {
      if earlier.follow { return try follow(model, over: port, console) }
      guard let report else {
        return _ = try send(model, over: port, console) { console.tell($0) }
      }
      let page = try TransferReport(FilePath(report))
      let name = name(of: model)
      do {
        let result = try send(model, over: port, console) { news in
          page.note(news)
          console.tell(news)
        }
        try page.finish(result, model: name, console)
      } catch let error as OutputError {
        throw error
      } catch {
        let failure = console.failure(of: error)
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
  private func name(of model: String) -> String { FilePath(model).lastComponent?.string ?? model }

  private func send(
    _ model: String, over port: String, _ console: Console,
    tell: @escaping (TransferNews) -> Void
  ) throws -> TransferResult {
    let session = try session(FilePath(model), named: name(of: model), tell: tell)
    let result = try transfer.run(
      session, of: name(of: model), over: port, SignalWatcher(), console)
    earlier.keep(FilePath(model), session)
    return result
  }

  private var transfer: PortTransfer {
    PortTransfer(line: line, link: link, reset: reset, timeout: timeout ?? Self.timeoutByDefault)
  }

  private func session(
    _ path: FilePath, named name: String, tell: @escaping (TransferNews) -> Void
  ) throws -> SendSession {
    let checkpoint = try Checkpoint(opening: path)
    try earlier.check(against: checkpoint)
    let policy = try contents.policy(for: checkpoint)
    let session = try SendSession(checkpoint, named: name, policy, tell: tell)
    earlier.configure(session)
    return session
  }

  /// Sends each new version of a model, until a signal comes.
  private func follow(_ model: String, over port: String, _ console: Console) throws {
    let versions = ModelVersions(of: FilePath(model))
    let name = name(of: model)
    try transfer.connect(
      over: port, SignalWatcher(), console,
      began: { console.began(model: name, baudRate: $0, timeout: timeout ?? Self.timeoutByDefault) }
    ) { makeLink, loop in
      var isWaiting = false
      while true {
        guard let path = versions.next() else {
          if !isWaiting, unsafe access(model, F_OK) != 0 {
            console.notice("there is no \(model) yet; waiting for it")
          }
          isWaiting = true
          do {
            try loop.pause(milliseconds: 50)
          } catch is TransferLoop.Interruption {
            throw Failure("interrupted; \(name) is followed no longer", .interrupted)
          }
          continue
        }
        do {
          let session = try session(path, named: name) { console.tell($0) }
          _ = try transfer.run(session, over: makeLink(), &loop, console)
          earlier.keep(path, session)
        } catch {
          let failure = console.failure(of: error)
          guard Self.mayPass(failure) else { throw error }
          console.notice("\(failure.sentence); following \(name) on")
          // A version that is no model is followed by one that is; another one may get through next time.
          if failure.exitCode != .badModel { versions.putBack() }
          try loop.pause(milliseconds: 1000)
        }
      }
    }
  }

  /// Whether the next version, or the next time, may end otherwise.
  private static func mayPass(_ failure: Failure) -> Bool {
    [.tryAgain, .unavailable, .badModel, .notVerified].contains(failure.exitCode)
  }

  // MARK: - Several boards

  private func sendToAll() throws {
    output.startLog()
    var boards: [Board] = []
    let console = Console(
      isJSON: output.json, isQuiet: output.quiet, port: nil, model: nil, verb: .send)
    try console.reportingErrors { boards = try self.boards() }
    try RackTransfer(boards, link, output, earlier, retryLimit: retry ?? 0).run()
  }

  private func boards() throws -> [Board] {
    // With --to the only word is the model.
    let model = port
    let settings = BoardSettings(
      baud: line.baud, rtscts: line.rtscts ? true : nil, reset: reset, wait: line.wait,
      timeout: timeout, contents: contents,
      origins: ["baud", "rtscts", "reset"].reduce(into: [:]) { $0[$1] = Settings.origin(of: $1) })
    var boards: [Board] = []
    for target in to {
      if target.hasPrefix("@") {
        let file = try RackFile(reading: FilePath(String(target.dropFirst())))
        boards += try file.boards(model: model, settings)
      } else if let model {
        boards.append(Board(name: target, port: target, model: model, settings: settings))
      }
    }
    for (index, board) in boards.enumerated() {
      let others = boards[..<index]
      if others.contains(where: { $0.port == board.port || $0.name == board.name }) {
        throw Failure("--to names \(board.name) twice; each board gets its model once", .usage)
      }
      if board.settings.rtscts == true, board.settings.reset?.sequence.setsRTS == true {
        throw Failure(
          "\(board.name): rtscts has RTS for itself; give a reset that leaves it alone",
          .badConfiguration)
      }
    }
    try BoardPort.refuseSharing(boards, among: PortList.ports())
    guard boards.count <= RackTransfer.boardCountLimit else {
      throw Failure(
        "\(boards.count) boards are more than one command sends to, which is "
          + "\(RackTransfer.boardCountLimit); start another for the rest", .usage)
    }
    return boards
  }
}

import ArgumentParser
import Checkpoints
import Runtime
import Streaming
import SystemPackage

/// How a receiver is reached that is asked something.
struct QueryOptions: ParsableArguments {
  @OptionGroup var line: PortOptions
  @OptionGroup var link: LinkOptions
  @OptionGroup var output: OutputOptions
  @Option(help: ArgumentHelp("Seconds to look for a receiver.", valueName: "seconds"))
  var timeout = SendCommand.timeoutByDefault

  func validate() throws {
    guard timeout > 0 else { throw ValidationError("--timeout takes at least 1 second.") }
  }

  /// Runs what a command does with the receiver at a port, and tells the errors of it.
  func run(
    over port: String, model: String? = nil, verb: Console.Verb = .inspect,
    _ body: (Console) throws -> Void
  ) throws {
    let console = Console(output, port: port, model: model, verb: verb)
    console.hasWaited = line.wait != nil
    try console.reportingErrors { try body(console) }
  }

  func ask(
    _ query: QuerySession.Query, over port: String, _ console: Console
  ) throws -> QuerySession.Answer {
    try PortTransfer(line: line, link: link, timeout: timeout).ask(query, over: port, console)
  }
}

/// The command `wtserial info PORT`.
struct InfoCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "info",
    abstract: "Show which models a receiver holds.",
    discussion: """
      Of each slot: the model, its digest and size, whether it is in use; and how much has come of a \
      transfer that has not ended. A running `wtserial receive` answers, and a board that can.

        wtserial info /dev/ttyUSB0
      """)

  @Argument(help: PortOptions.help, completion: .file())
  var port: String
  @OptionGroup var options: QueryOptions

  func run() throws {
    try options.run(over: port) { console in
      guard case .listed(let info, let listing) = try options.ask(.list, over: port, console) else {
        return
      }
      HoldingsReport(info, listing).show(on: console)
    }
  }
}

/// The command `wtserial verify PORT MODEL`.
struct VerifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Compare a model with the one that a receiver holds, and send nothing.",
    discussion: """
      Both ends compute SHA-256 of the tensors. Where they differ, the exit code is 79, and the \
      tensors are named, if the receiver can tell them. A model that was sent with other options than \
      the default ones, as --precision, is compared with the same.

        wtserial verify /dev/ttyUSB0 model.pt
      """)

  @Argument(help: PortOptions.help, completion: .file())
  var port: String
  @Argument(help: "The file to compare with.", completion: .file())
  var model: String
  @OptionGroup var options: QueryOptions
  @OptionGroup var contents: ContentOptions

  func validate() throws {
    try refuseSwapped(
      port: port, file: model, called: "MODEL", command: "wtserial verify \(model) \(port)")
  }

  func run() throws {
    try options.run(over: port, model: model) { console in
      let checkpoint = try Checkpoint(opening: FilePath(model))
      let policy = try contents.policy(for: checkpoint)
      switch try options.ask(.verify(checkpoint, policy), over: port, console) {
      case .same(let digest, let isInUse):
        console.emit(.done) {
          $0.digest = digest.hex
          $0.state = isInUse ? "in use" : "stored"
        }
        console.result(
          isInUse
            ? "same: the receiver holds this model"
            : "same: the receiver holds this model, and uses another one or none; `wtserial activate` "
              + "changes that")
      case .different(let names): throw Self.failure(names, console.place)
      case .listed, .inUse: break
      }
    }
  }

  private static func failure(_ names: [String]?, _ place: String) -> Failure {
    guard let names else {
      return Failure(
        "the model that the receiver on \(place) holds is another one, or none; send it",
        .notVerified)
    }
    guard !names.isEmpty else {
      return Failure(
        "the receiver on \(place) holds all of these tensors, in a model that is another one; send "
          + "this one", .notVerified)
    }
    let shown = names.prefix(8).joined(separator: ", ") + (names.count > 8 ? ", …" : "")
    return Failure(
      "\(countText(names.count, "tensor")) of the model \(names.count == 1 ? "is" : "are") not at "
        + "the receiver on \(place): \(shown); send it", .notVerified)
  }
}

/// The command `wtserial activate PORT [DIGEST]`.
struct ActivateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "activate",
    abstract: "Have a board use a model that it holds.",
    discussion: """
      For a model that was sent with --no-activate. `wtserial info` shows what is there.

        wtserial activate /dev/ttyUSB0
      """)

  @Argument(help: PortOptions.help, completion: .file())
  var port: String
  @Argument(
    help: "The beginning of the model's digest; the only one that is not in use without it.")
  var digest = ""
  @OptionGroup var options: QueryOptions

  func validate() throws {
    guard digest.lowercased().allSatisfy({ "0123456789abcdef".contains($0) }) else {
      throw ValidationError("A digest has hexadecimal digits, as `wtserial info` shows them.")
    }
  }

  func run() throws {
    try options.run(over: port) { console in
      let query = QuerySession.Query.activate(prefix: digest.lowercased())
      console.tellInUse(try options.ask(query, over: port, console))
    }
  }
}

/// The command `wtserial rollback PORT`.
struct RollbackCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rollback",
    abstract: "Have a board use the model that it used before.",
    discussion: """
        wtserial rollback /dev/ttyUSB0
      """)

  @Argument(help: PortOptions.help, completion: .file())
  var port: String
  @OptionGroup var options: QueryOptions

  func run() throws {
    try options.run(over: port) { console in
      console.tellInUse(try options.ask(.rollBack, over: port, console))
    }
  }
}

extension Console {
  fileprivate func tellInUse(_ answer: QuerySession.Answer) {
    guard case .inUse(let digest) = answer else { return }
    emit(.done) { $0.digest = digest.hex }
    result("in use: \(digest.hex)")
  }
}

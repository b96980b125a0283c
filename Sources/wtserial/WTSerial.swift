import ArgumentParser
import Glibc

@main
struct WTSerial: ParsableCommand {
  static let version = "0.1.0"
  static let configuration = CommandConfiguration(
    commandName: "wtserial",
    abstract: "Stream the weights of a neural network over a serial line.",
    discussion: """
      Exit codes: 0 done, 64 usage, 65 bad model file, 66 no such file, 69 port or peer not there, \
      70 our bug, 73 output cannot be written, 74 I/O error, 75 line lost or port busy (try again), \
      76 the peer does not speak the protocol, 77 no permission, 78 the port does not run at this \
      rate, a setting or a file of boards makes no sense, or ModemManager is in the way, \
      79 verification failed, 80 some of several boards failed, 130 interrupted.
      """,
    version: builtCommit.map { "\(version) (\($0))" } ?? version,
    subcommands: [
      SendCommand.self, ReceiveCommand.self, PortsCommand.self, DoctorCommand.self,
      InfoCommand.self, VerifyCommand.self, PullCommand.self, ActivateCommand.self,
      RollbackCommand.self, DeviceCommand.self,
      LoopbackCommand.self,
      SimulateCommand.self, InspectCommand.self, PlanCommand.self,
    ])

  static var commandNames: [String] {
    configuration.subcommands.compactMap { $0.configuration.commandName }
  }

  static func main() {
    var words = Array(CommandLine.arguments.dropFirst())
    do {
      try UsageMessage.refuseUnknownCommand(in: words)
      words = try completed(words)
      var command = try parseAsRoot(words)
      try command.run()
    } catch {
      let width = StandardOutput.errors.columns
      guard let message = UsageMessage(error, of: words, width: width) else {
        exit(withError: error)
      }
      StandardOutput.errors.write(message.text)
      Glibc.exit(exitCode(for: error).rawValue)
    }
  }

  /// The command line with what is set elsewhere.
  private static func completed(_ words: [String]) throws -> [String] {
    // Help is to be had whatever is wrong with the settings.
    let isHelp = words.contains { ["--help", "-h"].contains($0) || $0.hasPrefix("--help-") }
    guard let command = words.first, commandNames.contains(command), !isHelp else { return words }
    let console = Console(
      isJSON: words.contains("--json"), isQuiet: false, port: nil, model: nil, verb: .inspect)
    var completed = words
    try console.reportingErrors {
      completed = try Settings(for: command).completing(words)
    }
    if !isQuiet(completed) {
      for variable in UnknownVariable.all { console.explain(variable.sentence) }
    }
    return completed
  }

  private static func isQuiet(_ words: [String]) -> Bool {
    words.contains {
      $0 == "--quiet" || $0.hasPrefix("-") && !$0.hasPrefix("--") && $0.contains("q")
    }
  }
}

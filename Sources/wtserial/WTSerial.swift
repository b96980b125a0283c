import ArgumentParser

@main
struct WTSerial: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "wtserial",
    abstract: "Streams the weights of a neural network over a serial line.",
    subcommands: [LoopbackCommand.self])
}

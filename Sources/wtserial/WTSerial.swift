import ArgumentParser

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
      rate, or ModemManager is in the way, or a file of settings is wrong, 79 verification failed, \
      80 some of several boards failed, 130 interrupted.
      """,
    version: version,
    subcommands: [
      SendCommand.self, ReceiveCommand.self, PortsCommand.self, DoctorCommand.self,
      DeviceCommand.self,
      LoopbackCommand.self,
      SimulateCommand.self, InspectCommand.self, PlanCommand.self,
    ])
}

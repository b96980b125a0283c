import ArgumentParser
import NetworkPorts
import SerialDriver
import SystemPackage

/// What to say about a port behind a network, with the next step.
extension Failure {
  /// `again` is what to do once it has been put right.
  init(_ error: NetworkPortError, again: String = "run both commands again") {
    switch error {
    case .unknownHost(let address):
      self.init(
        "there is no host \(address.host) (\(address.text)); check the name, or give its address",
        .unavailable)
    case .unreachable(let address, .connectionRefused):
      self.init(
        "nothing listens at \(address.text); check that the server runs there, and the port's number",
        .unavailable)
    case .unreachable(let address, let reason):
      self.init(
        "cannot reach \(address.text): \(reason); check the network and any firewall between",
        .unavailable)
    case .noComPort(let address):
      self.init(
        "\(address.text) does not speak RFC 2217; configure the server for it, as ser2net by "
          + "`telnet(rfc2217)`, or use tcp://\(address.authority)", .badProtocol)
    case .noAnswer(let address, .setControl):
      self.init(
        "the server of \(address.text) does not confirm SET-CONTROL: the port behind it may have no "
          + "such line; \(Self.advice(on: address))", .badConfiguration)
    case .noAnswer(let address, let command):
      self.init(
        "the server of \(address.text) does not answer \(Self.name(of: command)) within "
          + "\(address.timeoutNanoseconds / 1_000_000_000) s; if it is far away, add "
          + "timeout=SECONDS to the address", .badProtocol)
    case .settingRefused(let address, let setting):
      self.init(
        "the server of \(address.text) refuses \(Self.name(of: setting)); allow it in the server's "
          + "configuration", .badConfiguration)
    case .rateRefused(let address, let requested, let actual):
      self.init(
        "\(address.text) cannot run at \(requested) baud, the server names \(actual); give --baud "
          + "\(actual), at both ends", .badConfiguration)
    case .noModemLines(let address):
      self.init(
        "\(address.text) has no modem lines, for the connection is raw; use rfc2217://, or no --reset",
        .badConfiguration)
    case .disconnected(let address, words: nil):
      self.init(
        "the connection to \(address.text) is lost; check that the server runs, then \(again)",
        .tryAgain)
    case .disconnected(let address, words: ""):
      self.init(
        "the server of \(address.text) closes the connection at once; check that its port is there "
          + "and that nobody else uses it, then \(again)", .tryAgain)
    case .disconnected(let address, let words?):
      let words = words.split(whereSeparator: \.isNewline).joined(separator: " ")
      self.init(
        "the server of \(address.text) turns the connection away: \(words); see to that and "
          + again, .tryAgain)
    case .system(let address, let reason):
      self.init("cannot use \(address.text): \(reason); check the network", .ioError)
    case .interrupted: self.init("interrupted", .interrupted)
    }
  }

  /// What is wrong with an address that a user has given.
  init(_ flaw: NetworkAddress.Flaw, in text: String) {
    let reason =
      switch flaw {
      case .noPort: "it names no TCP port"
      case .badPort(let port): "'\(port)' is no TCP port"
      case .noHost: "it names no host"
      case .unknownOption(let option): "there is no option '\(option)'"
      case .badTimeout(let value): "'\(value)' is no number of seconds"
      case .unexpectedPath(let path): "'\(path)' does not belong there"
      }
    self.init(
      "\(text) is not the address of a port: \(reason); give tcp://HOST:PORT, or "
        + "rfc2217://HOST:PORT with ?ign_set_control&timeout=SECONDS where needed", .usage)
  }

  private static func advice(on address: NetworkAddress) -> String {
    address.ignoresSetControl
      ? "do without it"
      : "do without it, or add ign_set_control to the address if the server only does not say so"
  }

  private static func name(of command: ComPortCommand) -> String {
    switch command {
    case .setBaudRate: "SET-BAUDRATE"
    case .setDataSize: "SET-DATASIZE"
    case .setParity: "SET-PARITY"
    case .setStopSize: "SET-STOPSIZE"
    case .setControl: "SET-CONTROL"
    case .suspend: "FLOWCONTROL-SUSPEND"
    case .resume: "FLOWCONTROL-RESUME"
    case .setLineStateMask: "SET-LINESTATE-MASK"
    case .setModemStateMask: "SET-MODEMSTATE-MASK"
    case .purgeData: "PURGE-DATA"
    }
  }

  private static func name(of setting: NetworkPortError.Setting) -> String {
    switch setting {
    case .dataSize: "8 data bits"
    case .parity: "no parity"
    case .stopSize: "1 stop bit"
    case .flowControl: "this flow control"
    case .modemLine(.dtr): "to set DTR"
    case .modemLine(.rts): "to set RTS"
    case .binary: "to hand on every byte (Telnet's BINARY)"
    }
  }
}

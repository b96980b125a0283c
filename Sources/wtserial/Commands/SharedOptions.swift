import ArgumentParser
import SerialDriver

/// How the port is to be run.
struct PortOptions: ParsableArguments {
  @Option(help: "The rate of the line, in bits a second; any that the adapter can make.")
  var baud: UInt32 = 115_200
  // XON and XOFF are no option: the bytes 0x11 and 0x13 occur in frames.
  @Flag(help: "Flow control by RTS and CTS.")
  var rtscts = false

  func validate() throws {
    guard baud > 0 else { throw ValidationError("--baud takes a positive rate.") }
  }

  var settings: PortSettings {
    PortSettings(baudRate: baud, flowControl: rtscts ? .rtsCts : .none)
  }
}

/// What is shown, and how.
struct OutputOptions: ParsableArguments {
  @Flag(help: "One JSON object a line on standard output instead of progress.")
  var json = false
  @Flag(name: .shortAndLong, help: "Show nothing but errors.")
  var quiet = false
}

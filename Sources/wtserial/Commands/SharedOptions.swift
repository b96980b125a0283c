import ArgumentParser
import SerialDriver

/// How the port is to be run.
struct PortOptions: ParsableArguments {
  @Option(help: "The rate of the line, in bits a second; any that the adapter can make.")
  var baud: UInt32 = 115_200
  @Flag(help: "Flow control by RTS and CTS.")
  var rtscts = false
  @Flag(help: "Flow control by XON and XOFF; only for lines that would not work otherwise.")
  var xonxoff = false

  func validate() throws {
    guard baud > 0 else { throw ValidationError("--baud takes a positive rate.") }
    if rtscts && xonxoff { throw ValidationError("Give --rtscts or --xonxoff, not both.") }
    // The frames hold any byte but zero: two of them would stop the line for good.
    if xonxoff { throw ValidationError("--xonxoff cannot carry frames; use --rtscts or none.") }
  }

  var settings: PortSettings {
    PortSettings(baudRate: baud, flowControl: rtscts ? .hardware : .none)
  }
}

/// What is shown, and how.
struct OutputOptions: ParsableArguments {
  @Flag(help: "One JSON object a line on standard output instead of progress.")
  var json = false
  @Flag(name: .shortAndLong, help: "Show nothing but errors.")
  var quiet = false
}

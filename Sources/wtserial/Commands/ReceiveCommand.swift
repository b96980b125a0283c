import ArgumentParser
import LinkLayer
import Runtime
import SerialDriver
import Streaming
import SystemPackage

/// The command `wtserial receive PORT OUT`.
struct ReceiveCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "receive",
    abstract: "Receive a model over a serial port into a file.",
    discussion: """
      OUT is written as safetensors; a file that is no checkpoint arrives as it is. It appears \
      under its name only when every digest has been checked; until then it grows as OUT.partial.

        wtserial receive /dev/ttyUSB1 out.safetensors
      """)

  @Argument(help: "The serial port: a device, a by-id link or a pseudo-terminal.")
  var port: String
  @Argument(help: "The file to write.", completion: .file())
  var out: String
  @OptionGroup var line: PortOptions
  @OptionGroup var link: LinkOptions
  @OptionGroup var output: OutputOptions
  @Option(help: ArgumentHelp("The largest frame to accept, in bytes.", valueName: "bytes"))
  var mtu = HostLink.mtu
  @Option(
    help: ArgumentHelp("Seconds to wait for a sender; without it, for ever.", valueName: "seconds"))
  var timeout: Int?

  func validate() throws {
    guard (LinkConfiguration.mtuMinimum...Int(UInt16.max)).contains(mtu) else {
      throw ValidationError("--mtu takes \(LinkConfiguration.mtuMinimum) to \(UInt16.max).")
    }
    if let timeout, timeout <= 0 { throw ValidationError("--timeout takes at least 1 second.") }
  }

  func run() throws {
    let console = Console(output, port: port, verb: .receive)
    try console.reportingErrors { try receive(console) }
  }

  private func receive(_ console: Console) throws {
    let signals = try SignalWatcher()
    let session = try ReceiveSession(into: FilePath(out), timeout: timeout) { console.tell($0) }
    let port = try SerialPort(opening: FilePath(port), line.settings)
    var configuration = LinkConfiguration(
      role: .responder, nonce: .random(in: 0 ... .max), baudRate: port.baudRate)
    link.configure(&configuration)
    configuration.rates = try line.rates(of: port, RateMemory(port: port.path))
    let info = ReceiverInfo(
      compressions: Compression.allCases, byteCountLimit: nil,
      name: Array("wtserial \(WTSerial.version)".utf8))
    console.listening(baudRate: port.baudRate)
    var loop = TransferLoop(port: port, signals: signals)
    do {
      let result = try session.run(
        over: HostLink.make(configuration, mtu: mtu, receiveByteCount: link.window * mtu), info,
        &loop)
      console.received(result, path: out)
    } catch {
      var failure = SessionFailure(
        error, session.statistics, line: line, timeout: timeout ?? 0, verb: .receive)
      if session.tensorCount > 0 {
        failure.rescued = (session.tensorCount, session.partialPath)
      }
      throw failure
    }
  }
}

import ArgumentParser
import LinkLayer
import Runtime
import Streaming
import SystemPackage

/// The command `wtserial pull PORT OUT`.
struct PullCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pull",
    abstract: "Fetch the model that a receiver holds into a file.",
    discussion: """
      OUT is written as safetensors, bit by bit what the receiver holds, and every digest is checked. \
      What OUT holds already is not sent again, and a pull that was interrupted goes on where it was. \
      A running `wtserial receive` gives the model, and a board that can.

        wtserial pull /dev/ttyUSB0 model.safetensors
      """)

  @Argument(help: PortOptions.help, completion: .file())
  var port: String
  @Argument(help: "The file to write.", completion: .file())
  var out: String
  @Option(
    help: ArgumentHelp(
      "The model of this digest, as `wtserial info` shows it; without it, the one in use.",
      valueName: "digest"))
  var digest: String?
  @OptionGroup var options: QueryOptions

  func validate() throws {
    try refuseSwapped(port: port, file: out, called: "OUT", command: "wtserial pull \(out) \(port)")
    guard let digest else { return }
    guard digest.utf8.count == 2 * Digest.byteCount, Digest(hex: digest) != nil else {
      throw ValidationError("--digest takes 64 hexadecimal digits, as `wtserial info` shows them.")
    }
  }

  func run() throws {
    try options.run(over: port, verb: .receive) { try pull($0) }
  }

  private func pull(_ console: Console) throws {
    let (line, link, timeout) = (options.line, options.link, options.timeout)
    let session = try ReceiveSession(
      into: FilePath(out), timeout: nil, snapshots: SnapshotPolicy(isWanted: false)
    ) { console.tell($0) }
    let info = ReceiverInfo(
      compressions: Compression.allCases, byteCountLimit: nil,
      name: Array("wtserial \(WTSerial.version)".utf8))
    try PortTransfer(line: line, link: link, timeout: timeout).connect(
      over: port, SignalWatcher(), console,
      began: { console.asking(baudRate: $0, timeout: timeout) }
    ) { makeLink, loop in
      do {
        let digest = digest.flatMap { Digest(hex: $0) }
        console.received(try session.fetch(digest, over: makeLink(), info, &loop), path: out)
      } catch {
        var failure = SessionFailure(
          error, session.statistics, line: line, timeout: timeout, verb: .pull)
        failure.soundsLikeTelnet = loop.soundsLikeTelnet
        failure.isResumable = session.isResumable
        throw failure
      }
    }
  }
}

extension Digest {
  /// Reads hexadecimal digits; nil where they are none, or not of a digest.
  init?(hex: String) {
    var bytes: [UInt8] = []
    var rest = hex[...]
    while !rest.isEmpty {
      guard let byte = UInt8(rest.prefix(2), radix: 16) else { return nil }
      bytes.append(byte)
      rest = rest.dropFirst(2)
    }
    self.init(bytes)
  }
}

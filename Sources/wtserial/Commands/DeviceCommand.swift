import ArgumentParser
import Checkpoints
import LinkLayer
import Runtime
import SerialDriver
import Streaming
import SystemPackage

/// The command `wtserial device PORT`.
struct DeviceCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "device",
    abstract: "Be a microcontroller that runs a model: the firmware without a board.",
    discussion: """
      What a board's firmware does, on a port of this machine: it takes the sample model in frames of \
      a few hundred bytes, keeps seven planes of its weights, tries it on images after each milestone \
      with integers alone, and tells the sender how many it recognizes. It goes on waiting for models \
      until it is ended.

        wtserial device /tmp/b
        wtserial device /tmp/b --flash board.flash
      """)

  @Argument(help: PortOptions.help, completion: .file())
  var port: String
  @OptionGroup var line: FixedPortOptions
  @OptionGroup var output: OutputOptions
  @Option(help: ArgumentHelp("The largest frame to accept, in bytes.", valueName: "bytes"))
  var mtu = 256
  @Option(
    help: ArgumentHelp(
      """
      Keep models in this file as in flash: erased to ones, programmed to zeros. It is made if it is \
      not there. Without it a model lasts as long as the command.
      """, valueName: "file"), completion: .file())
  var flash: String?
  @Flag(help: "Write weights to the flash as they come, as a device with little memory does.")
  var inFlash = false
  @Option(
    help: ArgumentHelp(
      "Images to try after a milestone; in the end it is all 360. (default: 60)",
      valueName: "count"))
  var samples: Int?
  @Option(
    help: ArgumentHelp(
      "Go back to the model before where one recognizes fewer of the images.",
      valueName: "percent"))
  var least = 0
  @Option(
    help: ArgumentHelp(
      "Take models like this one, of the same names, types and shapes; none is tried.",
      valueName: "model"), completion: .file())
  var like: String?
  @Option(
    help: ArgumentHelp(
      "Write the weights in the end as they lie in memory or flash.", valueName: "file"),
    completion: .file())
  var image: String?
  @Flag(help: "End when a model has come.")
  var once = false

  func validate() throws {
    guard (LinkConfiguration.mtuMinimum...Int(UInt16.max)).contains(mtu) else {
      throw ValidationError("--mtu takes \(LinkConfiguration.mtuMinimum) to \(UInt16.max).")
    }
    if let samples, !(0...DeviceSession.sampleCountLimit).contains(samples) {
      throw ValidationError("--samples takes 0 to \(DeviceSession.sampleCountLimit).")
    }
    guard (0...100).contains(least) else { throw ValidationError("--least takes 0 to 100.") }
    if inFlash, flash == nil {
      throw ValidationError("--in-flash needs a --flash to write to.")
    }
    if like != nil, samples != nil {
      throw ValidationError("--samples goes without --like: such a model is tried on no images.")
    }
  }

  func run() throws {
    let console = Console(output, port: port, model: like, verb: .device)
    console.hasWaited = line.wait != nil
    try console.reportingErrors { try run(console) }
  }

  private func run(_ console: Console) throws {
    var configuration = DeviceConfiguration()
    configuration.model = try like.map { try checkpoint($0) }
    configuration.mtu = mtu
    configuration.flash = flash.map { FilePath($0) }
    configuration.isInFlash = inFlash
    configuration.sampleCount = samples ?? configuration.sampleCount
    configuration.leastPercentage = least
    configuration.endsWithModel = once
    // A place that cannot be written to is to be known now.
    var file = try image.map { try ImageFile($0) }
    let signals = try SignalWatcher()
    let baudRate = line.baud
    let session = try DeviceSession(configuration, baudRate: baudRate) { [configuration] news in
      console.tell(news, configuration, baudRate: baudRate)
    }
    let opened = try line.opener(for: port).open(signals: signals) { console.tell($0) }
    line.noteFlowControl(of: opened.port, console)
    console.powerUp(configuration)
    var loop = TransferLoop(port: FollowedPort(opened), signals: signals)
    do {
      try session.run(&loop)
    } catch {
      try file.take()?.finish(session.image)
      guard error is TransferLoop.Interruption else { throw error }
      let isKept = flash != nil && session.isReceiving
      let next =
        isKept
        ? "; started again, it goes on with the model that was coming"
        : session.isReceiving ? "; the model that was coming has to be sent again" : ""
      throw Failure("interrupted\(next)", .interrupted)
    }
    try file.take()?.finish(session.image)
  }

  /// The file of `--like`: tensors, of which a table can be made.
  private func checkpoint(_ path: String) throws -> Checkpoint {
    let checkpoint = try Checkpoint(opening: FilePath(path))
    guard checkpoint.format != .opaque, !checkpoint.tensors.isEmpty else {
      throw Failure(
        "\(path) has no tensors; give --like a PyTorch checkpoint or a .safetensors file", .badModel
      )
    }
    return checkpoint
  }
}

/// Where the image goes.
private struct ImageFile: ~Copyable {
  private var file: OutputFile

  init(_ path: String) throws(OutputError) {
    file = try OutputFile(FilePath(path))
  }

  /// Writes an image, if there is one.
  consuming func finish(_ image: [UInt8]?) throws(OutputError) {
    guard let image else { return }
    try file.write(image, at: 0)
    try file.finish()
  }
}

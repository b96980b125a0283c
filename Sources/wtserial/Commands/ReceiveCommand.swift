import ArgumentParser
import LinkLayer
import Runtime
import SerialDriver
import Streaming
import SystemPackage
import Tensors

/// The command `wtserial receive PORT OUT`.
struct ReceiveCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "receive",
    abstract: "Receive a model over a serial port into a file.",
    discussion: """
      OUT is written as safetensors; a file that is no checkpoint arrives as it is. The model grows \
      as OUT.partial. At each milestone a copy appears as OUT: complete, loadable, and as good as what \
      has come; its metadata tell what is known of each tensor. In the end OUT is the model, and every \
      digest has been checked.

        wtserial receive /dev/ttyUSB1 out.safetensors
        wtserial receive /dev/ttyUSB1 out.safetensors --on-milestone ./try-model
      """)

  @Argument(help: PortOptions.help, completion: .file())
  var port: String
  @Argument(help: "The file to write.", completion: .file())
  var out: String
  @OptionGroup var line: PortOptions
  @OptionGroup var link: LinkOptions
  @OptionGroup var output: OutputOptions
  @Option(help: ArgumentHelp("The largest frame to accept, in bytes.", valueName: "bytes"))
  var mtu = HostLink.mtu
  @Option(
    help: ArgumentHelp(
      "Run this with OUT as its argument whenever OUT has become better, one at a time.",
      valueName: "command"))
  var onMilestone: String?
  @Option(help: "What floats of a model that is not complete are written as: f32, f16 or bf16.")
  var dtype: PartialDType?
  @Flag(help: "Write OUT when it is complete, and nothing before.")
  var onlyComplete = false
  @Flag(help: "Stay when a model has come: take the next one, and tell or give what there is.")
  var stay = false
  @Option(
    help: ArgumentHelp("Seconds to wait for a sender. (default: for ever)", valueName: "seconds"))
  var timeout: Int?

  func validate() throws {
    guard (LinkConfiguration.mtuMinimum...Int(UInt16.max)).contains(mtu) else {
      throw ValidationError("--mtu takes \(LinkConfiguration.mtuMinimum) to \(UInt16.max).")
    }
    if onlyComplete, dtype != nil {
      throw ValidationError("--dtype is for what --only-complete leaves out: give one of them.")
    }
    if let timeout, timeout <= 0 { throw ValidationError("--timeout takes at least 1 second.") }
    try refuseSwapped(
      port: port, file: out, called: "OUT", command: "wtserial receive \(out) \(port)")
  }

  func run() throws {
    let console = Console(output, port: port, verb: .receive)
    console.hasWaited = line.wait != nil
    try console.reportingErrors { try receive(console) }
  }

  private func receive(_ console: Console) throws {
    let signals = try SignalWatcher()
    // Before the port: where nothing can be written, no sender needs to be waited for.
    var first: Reception? = try reception(console)
    let opened = try line.opener(for: port).open(signals: signals) { console.tell($0) }
    line.noteFlowControl(of: opened.port, console)
    var configuration = LinkConfiguration(
      role: .responder, nonce: .random(in: 0 ... .max), baudRate: opened.port.baudRate)
    link.configure(&configuration)
    configuration.rates = try line.rates(of: opened.port, opened.port.rateMemory, console)
    console.listening(baudRate: opened.port.baudRate)
    var loop = TransferLoop(port: FollowedPort(opened), signals: signals)
    // Each is gone before the next one comes, for they write the same files.
    while try !receive(with: first.take() ?? reception(console), configuration, &loop, console)
      || stay
    {
      configuration.nonce = .random(in: 0 ... .max)
    }
  }

  /// What receives one model, and what is told of it.
  private struct Reception {
    let session: ReceiveSession
    let hook: MilestoneHook?
  }

  private func reception(_ console: Console) throws -> Reception {
    let snapshots = SnapshotPolicy(isWanted: !onlyComplete, dtype: dtype?.dtype)
    let hook = try onMilestone.map {
      try MilestoneHook(
        $0, out: out, notice: console.notice, pass: console.hasProgressLine ? console.pass : nil)
    }
    let session = try ReceiveSession(into: FilePath(out), timeout: timeout, snapshots: snapshots) {
      news in
      console.tell(news)
      hook?.note(news)
    }
    return Reception(session: session, hook: hook)
  }

  /// Receives a model, or answers one who only asks; true for a model.
  private func receive(
    with reception: Reception, _ configuration: LinkConfiguration, _ loop: inout TransferLoop,
    _ console: Console
  ) throws -> Bool {
    let (session, hook) = (reception.session, reception.hook)
    let info = ReceiverInfo(
      compressions: Compression.allCases, byteCountLimit: nil,
      name: Array("wtserial \(WTSerial.version)".utf8))
    let link = HostLink.make(configuration, mtu: mtu, receiveByteCount: link.window * mtu)
    do {
      guard let result = try session.run(over: link, info, &loop) else { return false }
      console.received(result, path: out)
      hook?.finish(.complete)
      return true
    } catch {
      hook?.finish(nil)
      var failure = failure(error, session)
      failure.isStaying = stay
      // Whoever stays has seen senders that come and go, and another one goes on.
      guard stay, SessionFailure.isOfPeer(error) else { throw failure }
      console.notice(console.failure(of: failure).sentence)
      return false
    }
  }

  private func failure(_ error: any Error, _ session: ReceiveSession) -> SessionFailure {
    var failure = SessionFailure(
      error, session.statistics, line: line, timeout: timeout ?? 0, verb: .receive)
    failure.isResumable = session.isResumable
    if session.tensorCount > 0 || session.tier != nil {
      failure.rescued = .init(
        tensorCount: session.tensorCount, tier: session.tier,
        path: session.hasSnapshot ? FilePath(out) : session.partialPath,
        isModel: session.hasSnapshot)
    }
    return failure
  }
}

/// The types of `--dtype`.
enum PartialDType: String, CaseIterable, ExpressibleByArgument {
  case f32, f16, bf16

  var dtype: DType {
    switch self {
    case .f32: .f32
    case .f16: .f16
    case .bf16: .bf16
    }
  }
}

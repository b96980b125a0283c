import ArgumentParser
import LinkLayer
import Runtime
import Streaming
import SystemPackage

/// Where a command's words go: results to standard output, progress and errors to standard error,
/// or one JSON object a line to standard output.
///
/// On a terminal the progress is one line that changes, below whatever else is said; elsewhere a line
/// now and then.
final class Console {
  enum Verb {
    case send, receive, pull, device, inspect, ports, doctor
  }

  let isJSON: Bool
  let isQuiet: Bool
  let port: String?
  /// Where `port` was set, if not on the command line: a variable, or file and line.
  private let portOrigin: String?
  /// Where the device is at the moment, once it has been found.
  private(set) var device: FilePath?
  /// The device where it has been found, else what it is looked for by.
  var place: String { device?.string ?? port ?? "" }
  private let model: String?
  private let verb: Verb
  // Where several boards are sent to: the name of this one, and what they share.
  let board: String?
  let screen: RackScreen?
  let start: Instant
  var progressDisplay: ProgressDisplay
  /// Whether a port that is not there was waited for.
  var hasWaited = false
  /// Whether --wait is worth naming.
  private var offersWait: Bool {
    switch verb {
    case .send, .receive, .pull, .device, .inspect: !hasWaited
    case .ports, .doctor: false
    }
  }
  // What the last findings were about.
  var lastTitle: String?

  /// For a command that works on this port and this model, as far as it has them.
  convenience init(_ options: OutputOptions, port: String, model: String? = nil, verb: Verb) {
    options.startLog()
    self.init(
      isJSON: options.json, isQuiet: options.quiet, isLogging: options.verbose > 0, port: port,
      model: model, verb: verb)
  }

  /// For one of several boards.
  convenience init(_ board: Board, on screen: RackScreen) {
    self.init(
      isJSON: screen.isJSON, isQuiet: screen.isQuiet, port: board.port, model: board.model,
      verb: .send, board: board, screen: screen)
    hasWaited = board.settings.wait != nil
  }

  init(
    isJSON: Bool, isQuiet: Bool, isLogging: Bool = false, port: String?, model: String?, verb: Verb,
    board: Board? = nil, screen: RackScreen? = nil
  ) {
    progressDisplay = ProgressDisplay(isLogging: isLogging)
    self.board = board?.name
    portOrigin = board == nil ? Settings.portOrigin : board?.portOrigin
    self.screen = screen
    start = screen?.start ?? MonotonicClock.now
    self.isJSON = isJSON
    self.isQuiet = isQuiet
    self.port = port
    self.model = model
    self.verb = verb
  }

  // MARK: - What the commands say

  func began(model: String, baudRate: UInt32, timeout: Int) {
    emit(.waiting) {
      $0.model = model
      $0.baud = Int(baudRate)
    }
    say("\(model): looking for a receiver on \(place) at \(baudRate) baud …")
  }

  func asking(baudRate: UInt32, timeout: Int) {
    emit(.waiting) { $0.baud = Int(baudRate) }
    say("looking for a receiver on \(place) at \(baudRate) baud …")
  }

  func listening(baudRate: UInt32) {
    emit(.waiting) { $0.baud = Int(baudRate) }
    say("waiting for a sender on \(place) at \(baudRate) baud …")
  }

  func tell(_ news: TransferNews) {
    switch news {
    case .connected(let peer, let info): connected(peer, info)
    case .began(let manifest): began(manifest)
    case .reached(let milestone, let byteCount, let isStored):
      reached(milestone, at: byteCount, isStored)
    case .rateChanged(let baudRate): rateChanged(baudRate)
    case .interrupted: notice("the peer has fallen silent; looking for it …")
    case .resumed: notice("the peer is back; going on where it was")
    case .improved: break
    case .measured(let metric): measured(metric)
    case .notStored(let error):
      notice(
        "\(error.path): \(error.errno): the model so far is not stored; nothing is lost, and the "
          + "transfer goes on")
    case .goesOn(let byteCount):
      emit(.resuming) { $0.bytes = byteCount }
      say("\(byteText(byteCount)) of it are there already; going on behind them")
    case .startsOver(let byteCount):
      notice(
        "\(byteText(byteCount)) of another transfer are given up: this is another model, or it comes "
          + "otherwise")
    case .gave(let result):
      say("\(byteText(result.manifest.byteCount)) given to one who asked; waiting on …")
    case .notGiven(let error):
      let reason = SessionFailure(error, LinkStatistics(), baudRate: 0, timeout: 0, verb: .send)
      notice("somebody asked for the model: \(reason.failure(port: place, model: nil).sentence)")
    case .baseIsAnother:
      notice("the receiver holds another model than that of --base; the model goes without it")
    case .giverFound(let info): say("connected to \(printableText(info.name))")
    case .kept(let takeover): kept(takeover)
    case .notKept(let error):
      notice(
        "\(error.path): \(error.errno): what comes is not kept for another session; the transfer "
          + "goes on")
    case .progress(let progress): show(progress)
    case .substituted(let substitution): notice(substitution.sentence)
    case .notQuantized(let indices):
      let text =
        "\(countText(indices.count, "tensor")) sent exactly: values such as NaN or infinity"
      notice(text)
    }
  }

  func tell(_ news: PortNews) {
    switch news {
    case .awaited: notice("\(port ?? "") is not there yet; waiting for it …")
    case .resolved(let address): say("\(port ?? "") is \(address)")
    case .opened(let path):
      device = path
      if path.string != port { say("\(port ?? "") is \(path)") }
    case .gone(let path): notice("\(path) has gone; waiting for the device …")
    case .back(let path):
      device = path
      notice("the device is back as \(path); going on")
    case .disconnected: notice("the connection to \(place) is lost; connecting again …")
    case .rateRefused(let baudRate): notice("the server does not set \(baudRate) baud")
    case .reconnected: notice("\(place) is back; going on")
    }
  }

  private func began(_ manifest: Manifest) {
    let name = String(decoding: manifest.name, as: UTF8.self)
    emit(.began) {
      $0.model = name
      $0.tensors = manifest.entries.count
      $0.tensor_bytes = manifest.byteCount
      $0.total_bytes = manifest.expectedByteCount
    }
    let tensors = countText(manifest.entries.count, "tensor")
    let size = byteText(manifest.byteCount)
    let stream = byteText(manifest.expectedByteCount)
    say("\(printableText(manifest.name)): \(tensors), \(size), as about \(stream)")
  }

  private func kept(_ takeover: Manifest.Takeover) {
    emit(.kept) {
      $0.tensors = takeover.keptCount
      $0.tensor_bytes = takeover.keptByteCount
      $0.differences = takeover.differenceCount
    }
    say(takeover.sentence)
  }

  func reached(_ milestone: Milestone, at byteCount: Int? = nil, _ isStored: Bool = false) {
    emit(.milestone) {
      $0.bytes = byteCount
      $0.milestone = "\(milestone.name)"
      $0.snr_db = milestone.signalToNoise
      $0.stored = verb == .receive ? isStored : nil
    }
    // What follows says so too, and better.
    guard milestone.tier != .complete else { return }
    say("reached \(tierText(milestone))\(isStored ? ", stored" : "")")
  }

  func tierText(_ milestone: Milestone) -> String {
    guard milestone.tier != .small else { return "small tensors" }
    let ratio = milestone.signalToNoise.map { ", signal to noise \($0) dB" } ?? ""
    return "\(milestone.name)\(ratio)"
  }

  func measured(_ metric: Metric) {
    let name = String(decoding: metric.name, as: UTF8.self)
    let unit = String(decoding: metric.unit, as: UTF8.self)
    emit(.metric) {
      $0.metric = name
      $0.value = Double(decimalText(metric))
      $0.unit = unit.isEmpty ? nil : unit
      $0.milestone = metric.tier.map { "\(Milestone($0).name)" }
    }
    let tier = metric.tier.map { " with \(tierText(Milestone($0)))" } ?? ""
    let value = "\(decimalText(metric)) \(printableText(metric.unit))"
    say("\(printableText(metric.name)) \(value)\(tier)")
  }

  private func rateChanged(_ baudRate: UInt32) {
    let text = "the line runs at \(baudRate) baud now"
    emit(.notice) {
      $0.message = text
      $0.baud = Int(baudRate)
    }
    say(text)
  }

  func notice(_ text: String) {
    emit(.notice) { $0.message = text }
    guard let board else { return say(text) }
    guard !isQuiet, !isJSON else { return }
    write("\(prefix(board, text))\(text)\n", to: .errors)
  }

  /// Runs a command's work; an error becomes a sentence and an exit code.
  func reportingErrors(_ body: () throws -> Void) throws {
    do {
      try body()
    } catch let diagnosis as Diagnosis {
      throw diagnosis.exitCode
    } catch {
      let failure = failure(of: error)
      tell(failure)
      throw failure.exitCode
    }
  }

  /// The sentence for an error.
  func failure(of error: any Error) -> Failure {
    if error is TransferLoop.Interruption { return .interrupted(verb, isUnderWay: false) }
    let failure = Failure(error, port: place, model: model, offersWait: offersWait)
    guard let portOrigin, Failure.isAboutPort(error) else { return failure }
    return Failure("\(failure.sentence) (the port is from \(portOrigin))", failure.exitCode)
  }

  /// Tells why a command ends without its result.
  func tell(_ failure: Failure) {
    progressDisplay.erase()
    emit(.error) {
      $0.message = failure.sentence
      $0.exit_code = failure.exitCode.rawValue
    }
    // That all are interrupted is said once.
    if board != nil, failure.exitCode == .interrupted { return }
    let name = board.map { prefix($0, failure.sentence) } ?? ""
    write("wtserial: \(name)\(failure.sentence)\n", to: .errors)
  }

  /// The name of a board in front of what is said of it; none where it is PORT, which that names, too.
  private func prefix(_ board: String, _ text: String) -> String {
    board == port && text.contains(printableText(board)) ? "" : "\(printableText(board)): "
  }

  /// Says why something ended without an error of this command; its JSON has said so already.
  func explain(_ failure: Failure) { explain(failure.sentence) }

  /// Says something to whoever reads standard error, which no program has to.
  func explain(_ sentence: String) {
    write("wtserial: \(sentence)\n", to: .errors)
  }

  // MARK: - Inside

  private func connected(_ peer: PeerLimits, _ info: ReceiverInfo?) {
    let name = info.map { printableText($0.name) }
    emit(.connected) {
      $0.peer = name
      $0.mtu = peer.mtu
    }
    // Who fetches hears the name later.
    guard verb != .pull || name != nil else { return }
    say("connected to \(name ?? "somebody"), frames of up to \(peer.mtu) bytes")
  }

  func emit(_ name: Event.Name, _ fill: (inout Event) -> Void) {
    guard isJSON else { return }
    let elapsed = Double((MonotonicClock.now - start).microseconds) / 1e6
    var event = Event(event: name, time: elapsed)
    event.port = port
    event.board = board
    event.device = device?.string
    fill(&event)
    write(jsonText(event) + "\n", to: .results)
  }

  /// Writes an object that is no event of a transfer, given the seconds since the command began.
  func emitRecord(_ record: (Double) -> some Encodable) {
    guard isJSON else { return }
    let elapsed = Double((MonotonicClock.now - start).microseconds) / 1e6
    write(jsonText(record(elapsed)) + "\n", to: .results)
  }

  func write(_ text: String, to output: StandardOutput) {
    if let screen { screen.write(text, to: output) } else { output.write(text) }
  }
}

/// The number that a metric is.
func decimalText(_ metric: Metric) -> String {
  var digits = String(metric.value.magnitude)
  while digits.count <= metric.digits { digits = "0" + digits }
  if metric.digits > 0 {
    digits.insert(".", at: digits.index(digits.endIndex, offsetBy: -metric.digits))
  }
  return (metric.value < 0 ? "-" : "") + digits
}

extension Manifest.Takeover {
  /// What is there already, for people.
  var sentence: String {
    let tensors = { (count: Int) in countText(count, "tensor") }
    let kept = "\(tensors(keptCount)), \(byteText(keptByteCount)), \(keptCount == 1 ? "is" : "are")"
    let differing = "\(tensors(differenceCount)) \(differenceCount == 1 ? "goes" : "go")"
    return switch (keptCount, differenceCount) {
    case (_, 0): "\(kept) there already"
    case (0, _): "\(differing) as differences from the model that is there"
    default: "\(kept) there already; \(differing) as differences from the model that is there"
    }
  }
}

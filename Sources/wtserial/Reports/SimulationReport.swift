import LineModel
import LinkLayer
import Runtime
import Transfer

/// What `simulate` says of a transfer.
struct SimulationReport {
  /// What was sent.
  enum Source {
    case model(String)
    case bytes(Int)
  }

  private let transfer: SimulatedTransfer
  private let settings: SimulatedTransfer.Settings
  private let source: Source
  private let contents: ContentOptions
  /// Why the model was not verified; nil where it was.
  let failure: Failure?

  init(
    _ transfer: SimulatedTransfer, _ settings: SimulatedTransfer.Settings, _ source: Source,
    _ contents: ContentOptions
  ) {
    self.transfer = transfer
    self.settings = settings
    self.source = source
    self.contents = contents
    failure = Self.failure(of: transfer, settings)
  }

  private static func failure(
    of transfer: SimulatedTransfer, _ settings: SimulatedTransfer.Settings
  ) -> Failure? {
    switch transfer.ending {
    case .verified where transfer.wrongByteCount > 0:
      return Failure("wrong bytes were delivered and verified; please report it", .software)
    case .verified: return nil
    case .unfinished:
      return Failure(
        "the transfer had not ended after \(durationText(seconds(transfer.end))) of virtual time; "
          + "the line carries next to nothing", .tryAgain)
    case .failed(SessionError.ended(.linkClosed(.noAnswer))):
      return Failure(
        "the line carries no frame unharmed in 10 s of virtual time, the wait of `send`; try a "
          + "higher --baud or fewer faults", .unavailable)
    case .failed(let error):
      let failure = SessionFailure(
        error, transfer.sender, baudRate: settings.line.baudRate, timeout: 10, verb: .send)
      return failure.failure(port: "the simulated port", model: nil)
    }
  }

  static func seconds(_ nanoseconds: UInt64) -> Double { Double(nanoseconds) / 1e9 }

  // MARK: - For people

  /// What was asked for, how it went, and when what was reached.
  var summary: String {
    [heading, result, counters, milestones].joined(separator: "\n\n")
  }

  private var heading: String {
    let line = settings.line
    var parts = ["\(line.baudRate) baud"]
    if settings.isHalfDuplex { parts.append("half duplex") }
    parts += [
      "latency \(milliseconds(line.latencyNanoseconds))", "bit error rate \(line.bitErrorRate)",
      "window \(settings.window)", "MTU \(settings.mtu)",
      "error correction \(settings.usesCorrection ? "auto" : "off")", "seed \(settings.seed)",
    ]
    return "\(sourceText): \(parts.joined(separator: ", "))"
  }

  private var sourceText: String {
    switch source {
    case .model(let name): printableText(name)
    case .bytes(let count): countText(count, "random byte")
    }
  }

  private func milliseconds(_ nanoseconds: UInt64) -> String {
    "\(fixedText(Double(nanoseconds) / 1e6, digits: 1)) ms"
  }

  private var result: String {
    let seconds = fixedText(Self.seconds(transfer.end), digits: 3)
    guard transfer.ending == .verified else { return "not verified, ended after \(seconds) s" }
    let share = transfer.goodputShare(baudRate: settings.line.baudRate)
    let percent = fixedText(share * 100, digits: 1)
    return "verified after \(seconds) s, goodput \(percent) % of the line"
  }

  private var counters: String {
    let (sender, receiver) = (transfer.sender, transfer.receiver)
    return aligned(
      [
        ["payload bytes", "\(transfer.payloadByteCount)", ""],
        ["wire bytes", "\(sender.wireBytesSent)", "and \(receiver.wireBytesSent) back"],
        ["frames", "\(sender.framesSent)", "and \(receiver.framesSent) back"],
        ["retransmissions", "\(sender.retransmissions)", "of data frames"],
        ["timeouts", "\(sender.timeouts)", ""],
        [
          "corrected bytes", "\(receiver.bytesCorrected)",
          "in \(countText(Int(clamping: receiver.framesCorrected), "frame"))",
        ],
        ["wrong bytes", "\(transfer.wrongByteCount)", "delivered"],
      ], rightAligned: [1])
  }

  private var milestones: String {
    let rows = transfer.milestones.map {
      [$0.name, fixedText(Self.seconds($0.time), digits: 3), "\($0.byteCount)"]
    }
    return aligned([["reached", "seconds", "payload bytes"]] + rows, rightAligned: [1, 2])
  }

  /// A frame in columns, as --help explains them.
  static func row(for frame: TracedFrame) -> String {
    let time = fixedText(Double(frame.time) / 1e6, digits: 3)
    let parity = frame.correctableByteCount.map { "\($0)" } ?? "-"
    let kind = frame.kind + String(repeating: " ", count: max(0, 7 - frame.kind.count))
    return padded(time, 12) + (frame.isFromSender ? " > " : " < ") + kind
      + padded("\(frame.sequence)", 5) + padded("\(frame.payloadByteCount)", 6)
      + padded(parity, 3) + padded("\(frame.wireByteCount)", 6)
  }

  private static func padded(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(0, width - text.count)) + text
  }

  // MARK: - For programs

  /// All of it as one object.
  var json: String { jsonText(SimulationRecord(transfer, settings, source, contents, failure)) }
}

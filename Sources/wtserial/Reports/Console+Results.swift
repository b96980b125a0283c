import Glibc
import LinkLayer
import Runtime
import Streaming
import SystemPackage

/// Progress and results.
extension Console {
  func show(_ progress: TransferProgress) {
    guard let line = progressDisplay.note(progress, isJSON: isJSON) else { return }
    emit(.progress) { $0.take(line) }
    guard !isQuiet, !isJSON else { return }
    if let board, let screen { return screen.show(line, of: board) }
    progressDisplay.show(line)
  }

  /// Tells which of several runs is under way.
  func show(cell index: Int, of count: Int, _ name: String) {
    let isDue = progressDisplay.isDue(after: MonotonicClock.now - start)
    // A terminal has to tell of the one that takes long, and there are few.
    guard isDue || progressDisplay.isTerminal else { return }
    let text = "\(index) of \(count) done; \(name) …"
    progressDisplay.show(text) { String(text.prefix($0)) }
  }

  func sent(_ result: TransferResult) {
    done(result) { _ in }
    summarize(
      result,
      result.isUnchanged
        ? "the receiver holds this model already"
        : "the receiver has verified and stored the model")
  }

  func received(_ result: TransferResult, path: String) {
    done(result) { $0.out = path }
    summarize(
      result,
      result.isUnchanged
        ? "\(path) is this model already" : "verified and stored as \(path)")
  }

  private func done(_ result: TransferResult, _ add: (inout Event) -> Void) {
    let line = ProgressLine(progress: result.progress)
    emit(.done) {
      $0.take(line)
      $0.tensors = result.manifest.entries.count
      $0.digest = result.digest.hex
      $0.unchanged = result.isUnchanged ? true : nil
      $0.seconds = Double(result.progress.elapsed.microseconds) / 1e6
      add(&$0)
    }
  }

  private func summarize(_ result: TransferResult, _ end: String) {
    progressDisplay.erase()
    guard !isQuiet, !isJSON else { return }
    let line = ProgressLine(progress: result.progress)
    let seconds = Double(result.progress.elapsed.microseconds) / 1e6
    var text = "\(byteText(result.manifest.byteCount)) as "
    text += "\(byteText(result.progress.byteCount)) in \(durationText(seconds)), "
    text += "\(byteText(Int(line.goodput)))/s"
    if line.lineShare <= 1.05 {
      text += " (\(Int((line.lineShare * 100).rounded())) % of the line)"
    }
    let resent = Int(clamping: result.progress.statistics.retransmissions)
    text += ", \(countText(resent, "frame")) resent\n"
    if result.isUnchanged { text = "\(byteText(result.manifest.byteCount)), nothing was sent\n" }
    if let board { return write("\(printableText(board)): done: \(text)", to: .results) }
    write(text, to: .errors)
    let place = device.flatMap { $0.string == port ? nil : " (at \($0))" } ?? ""
    write("done: \(end)\(place)\n", to: .results)
  }

  /// Tells a result, on standard output.
  func result(_ text: String) {
    progressDisplay.erase()
    guard !isQuiet, !isJSON else { return }
    write(text + "\n", to: .results)
  }

  func say(_ text: String) {
    guard !isQuiet, !isJSON, board == nil else { return }
    progressDisplay.erase()
    write(text + "\n", to: .errors)
  }

  /// Whether there is a line of progress that other programs' words would get into.
  var hasProgressLine: Bool { progressDisplay.isTerminal && !isQuiet && !isJSON }

  /// Writes lines of another program where diagnostics go, in place of the progress.
  func pass(_ lines: String) {
    progressDisplay.erase()
    write(lines, to: .errors)
  }

  /// The width of the terminal that results go to, nil where they go elsewhere.
  var resultWidth: Int? {
    StandardOutput.results.isTerminal ? StandardOutput.results.columns : nil
  }
}

extension Event {
  /// The figures of a progress line.
  fileprivate mutating func take(_ line: ProgressLine) {
    let progress = line.progress
    bytes = progress.byteCount
    total_bytes = progress.byteTotal
    milestone = progress.tier.map { "\(Milestone($0).name)" }
    wire_bytes_sent = progress.statistics.wireBytesSent
    wire_bytes_received = progress.statistics.wireBytesReceived
    retransmissions = progress.statistics.retransmissions
    busy_repeats = progress.statistics.busyRepeats
    corrupt_frames = progress.statistics.framesCorrupt
    goodput = line.goodput
    line_share = line.lineShare
    baud = Int(progress.baudRate)
  }
}

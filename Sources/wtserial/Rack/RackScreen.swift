import Glibc
import LinkLayer
import Runtime
import Synchronization

/// What several boards share: the terminal, on which each has a row, and the two outputs.
///
/// Its users are the threads of the boards; each text is written whole.
final class RackScreen: Sendable {
  // A log wants a line of each board now and then, and not a page a second.
  private static let logInterval = Interval.seconds(10)
  private static let nameWidthLimit = 24

  let isJSON: Bool
  let isQuiet: Bool
  let start = MonotonicClock.now
  private let isTerminal: Bool
  private let names: [String]
  private let nameWidth: Int

  private struct State {
    var lines: [String: ProgressLine] = [:]
    var ended: Set<String> = []
    // Rows that are on the terminal now, above the cursor.
    var rowCount = 0
    var loggedAt = MonotonicClock.now
  }

  private let state = Mutex(State())

  init(_ options: OutputOptions, _ boards: [Board]) {
    isJSON = options.json
    isQuiet = options.quiet
    // Lines of the log would tear the rows.
    isTerminal = options.verbose == 0 && StandardOutput.errors.isTerminal
    names = boards.map(\.name)
    nameWidth = min(names.map { printableText($0).count }.max() ?? 0, Self.nameWidthLimit)
  }

  /// Notes how far a board is.
  func show(_ line: ProgressLine, of board: String) {
    state.withLock { $0.lines[board] = line }
  }

  /// Notes that a board needs no row any more.
  func end(_ board: String) {
    state.withLock { _ = $0.ended.insert(board) }
  }

  /// Writes a text of whole lines, above the rows.
  func write(_ text: String, to output: StandardOutput) {
    state.withLock { state in
      erase(&state)
      output.write(text)
    }
  }

  /// Draws the rows anew, or writes them to a log when it is time to; to be called ten times a second.
  func draw() {
    guard !isJSON, !isQuiet else { return }
    state.withLock { state in
      guard isTerminal else { return log(&state) }
      let (rows, columns) = Self.terminalSize
      let running = names.filter { !state.ended.contains($0) }
      // What scrolls away cannot be erased.
      let shown = running.prefix(max(rows - 2, 1))
      erase(&state)
      var text = ""
      for name in shown {
        let width = max(columns - nameWidth - 3, 10)
        text += "\(padded(name))  \(state.lines[name]?.text(width: width) ?? "waiting")\n"
      }
      state.rowCount = shown.count
      if shown.count < running.count {
        text += "and \(running.count - shown.count) more\n"
        state.rowCount += 1
      }
      StandardOutput.errors.write(text)
    }
  }

  /// Takes the rows away.
  func close() {
    state.withLock { erase(&$0) }
  }

  private func log(_ state: inout State) {
    let now = MonotonicClock.now
    guard now - state.loggedAt >= Self.logInterval else { return }
    state.loggedAt = now
    var text = ""
    for name in names where !state.ended.contains(name) {
      // Boards may be waited for overnight.
      guard let line = state.lines[name] else { continue }
      text += "\(padded(name))  \(line.figures)\n"
    }
    StandardOutput.errors.write(text)
  }

  private func erase(_ state: inout State) {
    guard state.rowCount > 0 else { return }
    StandardOutput.errors.write("\u{1B}[\(state.rowCount)A\r\u{1B}[J")
    state.rowCount = 0
  }

  /// The name in its column; what paths differ in is at their end.
  private func padded(_ name: String) -> String {
    var text = printableText(name)
    if text.count > nameWidth { text = "…" + text.suffix(nameWidth - 1) }
    return text + String(repeating: " ", count: nameWidth - text.count)
  }

  private static var terminalSize: (rows: Int, columns: Int) {
    var size = winsize()
    let isKnown = unsafe ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0
    return isKnown && size.ws_col > 0 && size.ws_row > 0
      ? (Int(size.ws_row), Int(size.ws_col)) : (24, 80)
  }
}

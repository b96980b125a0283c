import Glibc
import LinkLayer
import Runtime

/// Where progress is shown, and how often: one line of a terminal that changes, or lines of a log.
///
/// On a terminal the cursor waits at the beginning of the line. When the terminal becomes narrower, it
/// may wrap what stands there, or cut it; either way the cursor is still where the line begins, and
/// all that there is of it is behind.
struct ProgressDisplay {
  // Clears from the cursor to the end of the screen: a line that has been wrapped since is several.
  private static let clear = "\u{1B}[J"
  // A log gets a line for each tenth of the time so far, within limits.
  private static let logInterval = Interval.seconds(2)...Interval.seconds(60)

  /// Whether there is a terminal that can go back in a line.
  let isTerminal: Bool
  private var isShown = false
  private var remaining = RemainingTime()
  private var nextAt: Instant?

  /// With `isLogging` other lines go there too, which would tear one that changes.
  init(isLogging: Bool) {
    isTerminal = !isLogging && StandardOutput.errors.isTerminal && !Self.isDumb
  }

  /// Takes in how far the transfer is; the line to show, if it is time for one.
  mutating func note(_ progress: TransferProgress, isJSON: Bool) -> ProgressLine? {
    remaining.note(progress)
    guard isDue(after: progress.elapsed, isJSON: isJSON) else { return nil }
    return ProgressLine(progress: progress, remainingSeconds: remaining.seconds)
  }

  /// Whether it is time to show how far something is that has taken so long.
  mutating func isDue(after elapsed: Interval, isJSON: Bool = false) -> Bool {
    let now = MonotonicClock.now
    if let nextAt, now < nextAt { return false }
    // On a terminal ten times a second; a program wants one a second.
    let interval: Interval =
      isJSON ? .seconds(1) : isTerminal ? .milliseconds(100) : Self.logInterval(elapsed)
    nextAt = now + interval
    return true
  }

  /// Shows a line in place of the last one.
  mutating func show(_ line: ProgressLine) { show(line.figures, line.text) }

  /// Shows a line in place of the last one: all of it in a log, and on a terminal what `cut` makes of so
  /// many columns.
  mutating func show(_ line: String, _ cut: (_ width: Int) -> String) {
    guard isTerminal else { return StandardOutput.errors.write(line + "\n") }
    // The last column stays free: many a terminal wraps when it is written to.
    let text = cut(StandardOutput.errors.columns - 1)
    StandardOutput.errors.write("\r\(text)\(Self.clear)\r")
    isShown = true
  }

  /// Takes the line away, since something else is to be said there.
  mutating func erase() {
    guard isShown else { return }
    StandardOutput.errors.write("\r\(Self.clear)")
    isShown = false
  }

  private static func logInterval(_ elapsed: Interval) -> Interval {
    let tenth = Interval(microseconds: elapsed.microseconds / 10)
    return min(max(tenth, logInterval.lowerBound), logInterval.upperBound)
  }

  private static var isDumb: Bool {
    guard let name = unsafe getenv("TERM") else { return false }
    return unsafe String(cString: name) == "dumb"
  }
}

internal import LinkLayer

/// Since when a session is open, and when there is something to tell of its progress.
struct ProgressPace {
  private static let interval = Interval.milliseconds(100)

  private var openedAt = MonotonicClock.now
  private var toldAt = MonotonicClock.now
  private var baudRate: UInt32 = 0

  /// Takes the rate at which the line begins as known.
  mutating func begin(baudRate: UInt32) { self.baudRate = baudRate }

  /// A session is opened.
  mutating func open() { openedAt = MonotonicClock.now }

  /// The time since then.
  var elapsed: Interval { MonotonicClock.now - openedAt }

  /// The line's rate, if it is another one than when it was asked for before.
  mutating func changedRate(_ baudRate: UInt32) -> UInt32? {
    guard baudRate != self.baudRate else { return nil }
    self.baudRate = baudRate
    return baudRate
  }

  /// Whether enough time has passed to tell how far the session is: ten times a second at most.
  mutating func isDue() -> Bool {
    let now = MonotonicClock.now
    guard now - toldAt >= Self.interval else { return false }
    toldAt = now
    return true
  }
}

/// A data frame that went out: which one, and when its last byte has left.
struct Departure: Equatable, Sendable {
  var stamp: Stamp
  var end: Instant
}

/// The last few data frames that went out, in order.
struct DepartureLog: Sendable {
  private var entries: InlineArray<8, Departure> = .init(
    repeating: Departure(stamp: Stamp(0), end: Instant(microseconds: 0)))
  // 0 <= next < entries.count
  private var next = 0

  /// When the last byte of the last one has left.
  private(set) var end = Instant(microseconds: 0)

  mutating func append(_ departure: Departure) {
    entries[next] = departure
    next = next + 1 < entries.count ? next + 1 : 0
    end = departure.end
  }

  /// The last of them that had left by `time`; nil where none of these few had.
  func last(before time: Instant) -> Departure? {
    var last: Departure?
    for index in entries.indices where entries[index].end < time {
      if last.map({ $0.end < entries[index].end }) ?? true { last = entries[index] }
    }
    // What the log starts with is no frame.
    return last.flatMap { $0.end > Instant(microseconds: 0) ? $0 : nil }
  }
}

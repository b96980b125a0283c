/// A point in time, in microseconds since a moment that the caller chose; never read from a clock here.
public struct Instant: Comparable, Sendable {
  /// Microseconds since the caller's epoch.
  public let microseconds: Int64

  /// Creates the instant that lies this long after the caller's epoch.
  public init(microseconds: Int64) { self.microseconds = microseconds }

  /// Whether `left` is the smaller.
  public static func < (left: Instant, right: Instant) -> Bool {
    left.microseconds < right.microseconds
  }

  /// The instant that lies an interval later.
  public static func + (instant: Instant, interval: Interval) -> Instant {
    Instant(microseconds: instant.microseconds + interval.microseconds)
  }

  /// The instant that lies an interval earlier.
  public static func - (instant: Instant, interval: Interval) -> Instant {
    Instant(microseconds: instant.microseconds - interval.microseconds)
  }

  /// The time from `right` to `left`; negative where `right` is the later.
  public static func - (left: Instant, right: Instant) -> Interval {
    Interval(microseconds: left.microseconds - right.microseconds)
  }
}

/// A length of time in microseconds.
///
/// Not `Swift.Duration`, whose 128 bits cost 2.3 KB on a Cortex-M0.
public struct Interval: Comparable, Sendable {
  /// The length.
  public let microseconds: Int64

  /// Creates an interval from its length.
  public init(microseconds: Int64) { self.microseconds = microseconds }

  /// Creates an interval of whole milliseconds.
  public static func milliseconds(_ count: Int64) -> Interval {
    Interval(microseconds: count * 1000)
  }

  /// Creates an interval of whole seconds.
  public static func seconds(_ count: Int64) -> Interval { milliseconds(count * 1000) }

  /// Whether `left` is the smaller.
  public static func < (left: Interval, right: Interval) -> Bool {
    left.microseconds < right.microseconds
  }

  /// The two intervals one after the other.
  public static func + (left: Interval, right: Interval) -> Interval {
    Interval(microseconds: left.microseconds + right.microseconds)
  }
}

extension Interval {
  /// What is left of `left` after `right`.
  public static func - (left: Interval, right: Interval) -> Interval {
    Interval(microseconds: left.microseconds - right.microseconds)
  }
}

/// How long bytes take on the wire: ten bits each (8N1).
public struct LineRate: Equatable, Sendable {
  // Of 1024 bytes: a shift then stands for the 64-bit division that a Cortex-M0 would call.
  private let microsecondsPerKibibyte: UInt64

  /// A line of `baud` symbols a second; 0 stands for a line that takes no time.
  public init(baud: UInt32) {
    guard baud > 0 else {
      microsecondsPerKibibyte = 0
      return
    }
    microsecondsPerKibibyte = 10 * 1024 * 1_000_000 / UInt64(baud)
  }

  /// The time that `byteCount` bytes take, rounded down to a microsecond.
  public func wireTime(byteCount: Int) -> Interval {
    // In Swift a shift binds closer than a product.
    Interval(microseconds: Int64((UInt64(byteCount) * microsecondsPerKibibyte) >> 10))
  }

  /// How many bytes the line carries in an interval, at most `limit`.
  func byteCount(in interval: Interval, limit: Int) -> Int {
    guard wireTime(byteCount: limit) > interval else { return limit }
    var count = 0
    var step = 1
    while step < limit { step <<= 1 }
    // Bisection instead of a division: this runs once per segment.
    while step > 0 {
      if count + step <= limit, wireTime(byteCount: count + step) <= interval { count += step }
      step >>= 1
    }
    return count
  }
}

import Glibc
package import LinkLayer

/// The only clock: time since the machine started, which no one sets.
///
/// See clock_gettime(2).
package enum MonotonicClock {
  /// The time now.
  package static var now: Instant {
    Instant(microseconds: Int64(nanoseconds / 1000))
  }

  /// The time now in nanoseconds.
  package static var nanoseconds: UInt64 {
    var time = timespec()
    unsafe clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }
}

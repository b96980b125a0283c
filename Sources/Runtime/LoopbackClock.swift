import Glibc

/// The time that has passed since the clock was made, in nanoseconds; never runs backwards.
struct LoopbackClock {
  private let start = monotonicNanoseconds()

  var now: UInt64 { monotonicNanoseconds() - start }
}

private func monotonicNanoseconds() -> UInt64 {
  var time = timespec()
  // Cannot fail: the clock exists and the pointer is good (clock_gettime(2)).
  unsafe clock_gettime(CLOCK_MONOTONIC, &time)
  return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

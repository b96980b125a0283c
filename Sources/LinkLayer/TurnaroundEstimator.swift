/// Estimates how long the peer takes to answer, the time on the wire left out, and from it the
/// retransmission timeout.
///
/// RFC 6298 with the known part removed: the wire times of frame and answer are computed, so only
/// latency and reaction are left to measure. Sampled by Karn's rule: never from a frame sent twice.
struct TurnaroundEstimator: Sendable {
  // RFC 6298 (2.4): a floor, or a quiet line resends before a late answer can arrive. At first two
  // ticks of a desktop's scheduler and one poll of a USB adapter; an answer that is late after all
  // doubles it, and every sample lets it shrink.
  static let marginInitial = Interval.milliseconds(20)
  static let marginMinimum = Interval.milliseconds(2)
  static let marginMaximum = Interval.seconds(1)
  // RFC 6298 (2.1) starts at one second for the Internet; a serial line has no hops.
  static let initialTimeout = Interval.milliseconds(300)
  // RFC 6298 (2.5) allows a ceiling; a link that has healed is to be noticed.
  static let timeoutMaximum = Interval.seconds(2)

  // Both nil until the first sample, in microseconds.
  private(set) var smoothed: Int64?
  private var variation: Int64 = 0
  private var backoff: Int64 = 0
  private var margin = Self.marginInitial.microseconds

  /// How long to wait for an answer beyond the times on the wire.
  var timeout: Interval {
    let base: Int64
    if let smoothed {
      base = smoothed + max(4 * variation, margin)
    } else {
      base = Self.initialTimeout.microseconds
    }
    return min(Interval(microseconds: base << backoff), Self.timeoutMaximum)
  }

  /// RFC 6298 (2.2), (2.3).
  mutating func sample(_ turnaround: Interval) {
    let sample = max(turnaround.microseconds, 0)
    backoff = 0
    margin = max(margin - margin >> 4, Self.marginMinimum.microseconds)
    guard let smoothed else {
      self.smoothed = sample
      variation = sample / 2
      return
    }
    let error = sample - smoothed
    variation += (abs(error) - variation) / 4
    self.smoothed = smoothed + error / 8
  }

  /// RFC 6298 (5.5): doubles the timeout after one that ran out.
  mutating func backOff() { backoff = min(backoff + 1, 6) }

  /// An answer came late, to a frame that was given up: the timeout was too short.
  mutating func noteTooShort() {
    margin = min(margin * 2, Self.marginMaximum.microseconds)
  }

  /// The peer reports damage, or a frame that was sent again is answered: what was lost was lost to
  /// noise.
  ///
  /// Where the peer is slower than the timeout instead, each frame would go out twice and none could
  /// ever be sampled (Karn). It is answered twice then, and `noteTooShort` makes up for it.
  mutating func endBackOff() { backoff = 0 }
}

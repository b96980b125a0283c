internal import LinkLayer

/// Estimates how long the rest of a transfer takes: at first by what its line should carry, and more
/// with every second by what it does.
///
/// What was long ago fades: a line that gets worse, or a receiver that stays busy, is noticed within a
/// part of the time that has passed. Bytes and seconds fade alike, so that a rate is a mean over time,
/// and a pause counts as what it is.
package struct RemainingTime: Sendable {
  // Of the line's rate, ten bits a byte: what the stream gets on a good line (Tests/Throughput).
  static let lineShareExpected = 0.95
  // What is expected counts for as much as so many seconds of what is measured, and as many bytes:
  // on a slow line answers come seconds after what they answer, and at first seem to be too few.
  static let priorSecondsMinimum = 2.0
  static let priorByteCountMinimum = 8192.0
  // Evidence fades to 1/e in about a third of the time so far, and no faster than this.
  static let memorySecondsMinimum = 15.0
  static let memoryShare = 1.0 / 3

  // The evidence: bytes that got through in so many seconds.
  private var byteCount = 0.0
  private var elapsed = 0.0
  private var last: TransferProgress?

  /// Nothing is known yet.
  package init() {}

  /// Takes in how far the transfer is now.
  package mutating func note(_ progress: TransferProgress) {
    defer { last = progress }
    // At another rate, or with a receiver that was reset, what was measured holds no more.
    guard let last, last.baudRate == progress.baudRate, last.elapsed <= progress.elapsed,
      last.byteCount <= progress.byteCount
    else { return expect(baudRate: progress.baudRate) }
    let passed = Self.seconds(progress.elapsed - last.elapsed)
    let memory = max(
      Self.memorySecondsMinimum, Self.seconds(progress.elapsed) * Self.memoryShare)
    let kept = memory / (memory + passed)
    byteCount = byteCount * kept + Double(progress.byteCount - last.byteCount)
    elapsed = elapsed * kept + passed
  }

  /// Seconds to go; nil before anything is known, and while nothing has come for so long that it
  /// could be any number.
  package var seconds: Double? {
    guard let last, byteCount > 0 else { return nil }
    let rest = Double(max(last.byteTotal - last.byteCount, 0))
    let seconds = rest * elapsed / byteCount
    return seconds < 1e7 ? seconds : nil
  }

  private mutating func expect(baudRate: UInt32) {
    let rate = max(Double(baudRate) / 10 * Self.lineShareExpected, 1)
    elapsed = max(Self.priorSecondsMinimum, Self.priorByteCountMinimum / rate)
    byteCount = rate * elapsed
  }

  private static func seconds(_ interval: Interval) -> Double {
    Double(interval.microseconds) / 1e6
  }
}

/// What the wire does to each byte, in this order: a burst replaces it, noise flips data bits, the
/// byte is dropped or doubled, and a byte that nobody sent follows it.
///
/// Each fault has a generator of its own: with the same seed, drops hit the same bytes whether or
/// not bits flip too.
struct FaultInjector {
  /// The fate of one byte; `inserted` comes after it.
  struct Outcome {
    var byte: UInt8
    var copyCount = 1
    var inserted: UInt8?
  }

  private var flips: FaultProcess
  private var drops: FaultProcess
  private var inserts: FaultProcess
  private var duplicates: FaultProcess
  private var burstStarts: FaultProcess
  private var burstLengths: FaultProcess
  private var garbage: SeededGenerator
  private var burstByteCount: UInt64 = 0
  /// Bytes that no fault will touch: every process has already skipped them.
  private var quietByteCount: UInt64 = 0

  init(_ configuration: LineConfiguration, seed: UInt64) {
    var root = SeededGenerator(seed: seed)
    flips = FaultProcess(rate: configuration.bitErrorRate, generator: root.split())
    drops = FaultProcess(rate: configuration.dropRate, generator: root.split())
    inserts = FaultProcess(rate: configuration.insertRate, generator: root.split())
    duplicates = FaultProcess(rate: configuration.duplicateRate, generator: root.split())
    burstStarts = FaultProcess(rate: configuration.burst?.rate ?? 0, generator: root.split())
    burstLengths = FaultProcess(
      rate: 1 / (configuration.burst?.meanByteCount ?? 1), generator: root.split())
    garbage = root.split()
    drawQuiet()
  }

  /// Sends one byte through the noise and counts what happened to it.
  mutating func strike(_ byte: UInt8, counting statistics: inout LineStatistics) -> Outcome {
    var outcome = Outcome(byte: byte)
    guard quietByteCount == 0 else {
      quietByteCount -= 1
      return outcome
    }
    defer { drawQuiet() }
    if isInBurst() {
      outcome.byte = garbage.nextByte()
      statistics.bytesGarbled += 1
    }
    outcome.byte ^= flippedBits(counting: &statistics)
    if drops.strikes() {
      outcome.copyCount = 0
      statistics.bytesDropped += 1
    }
    if duplicates.strikes(), outcome.copyCount > 0 {
      outcome.copyCount = 2
      statistics.bytesDuplicated += 1
    }
    if inserts.strikes() {
      outcome.inserted = garbage.nextByte()
      statistics.bytesInserted += 1
    }
    return outcome
  }

  /// Lets all processes skip to the byte that the first of them will hit.
  private mutating func drawQuiet() {
    guard burstByteCount == 0 else { return }
    quietByteCount = min(
      flips.gap / 8, min(drops.gap, inserts.gap), min(duplicates.gap, burstStarts.gap))
    flips.skip(8 * quietByteCount)
    drops.skip(quietByteCount)
    inserts.skip(quietByteCount)
    duplicates.skip(quietByteCount)
    burstStarts.skip(quietByteCount)
  }

  /// Moves the two states of Gilbert and Elliott on by a byte: in the bad one every byte is garbage,
  /// and it is left after each byte with the chance 1 / mean length.
  private mutating func isInBurst() -> Bool {
    if burstByteCount == 0 {
      guard burstStarts.strikes() else { return false }
      burstByteCount = burstLengths.drawGap() + 1
    }
    burstByteCount -= 1
    return true
  }

  private mutating func flippedBits(counting statistics: inout LineStatistics) -> UInt8 {
    var mask: UInt8 = 0
    var bitIndex: UInt64 = 0
    while let misses = flips.strike(within: 8 - bitIndex) {
      bitIndex += misses
      mask |= 1 << UInt8(bitIndex)
      bitIndex += 1
      statistics.bitsFlipped += 1
    }
    return mask
  }
}

import Testing

@testable import LineModel

@Suite struct LineFaultTests {
  static let count = 1 << 18

  /// Whether `hits` of `trials` at `rate` is within five standard deviations: a right line misses
  /// once in a million seeds, and the seed is fixed.
  private func isPlausible(_ hits: UInt64, of trials: Int, rate: Double) -> Bool {
    let mean = Double(trials) * rate
    let deviation = (mean * (1 - rate)).squareRoot()
    return (Double(hits) - mean).magnitude <= 5 * deviation + 1e-9
  }

  @Test(arguments: [1e-6, 1e-4, 0.01, 0.3, 1.0])
  func bitsFlipAtTheirRate(rate: Double) throws {
    var line = try faulty { $0.bitErrorRate = rate }
    let sent = sample(Self.count)
    let received = line.carry(sent).bytes
    let flipped = zip(sent, received).reduce(0) { $0 + ($1.0 ^ $1.1).nonzeroBitCount }
    #expect(received.count == sent.count)
    #expect(UInt64(flipped) == line.statistics.bitsFlipped)
    #expect(isPlausible(line.statistics.bitsFlipped, of: 8 * Self.count, rate: rate))
  }

  @Test func eachDataBitIsHitAlike() throws {
    var line = try faulty { $0.bitErrorRate = 0.01 }
    let received = line.carry([UInt8](repeating: 0, count: Self.count)).bytes
    for bit in 0..<8 as Range<UInt8> {
      let hits = received.count { $0 & (1 << bit) != 0 }
      #expect(isPlausible(UInt64(hits), of: Self.count, rate: 0.01))
    }
  }

  @Test(arguments: [1e-5, 0.01, 0.5])
  func bytesAreDroppedInsertedAndDoubledAtTheirRates(rate: Double) throws {
    var line = try faulty {
      $0.dropRate = rate
      $0.insertRate = rate
      $0.duplicateRate = rate
    }
    let received = line.carry(sample(Self.count)).bytes
    let statistics = line.statistics
    #expect(isPlausible(statistics.bytesDropped, of: Self.count, rate: rate))
    #expect(isPlausible(statistics.bytesInserted, of: Self.count, rate: rate))
    #expect(isPlausible(statistics.bytesDuplicated, of: Self.count, rate: rate * (1 - rate)))
    #expect(UInt64(received.count) == statistics.bytesReceived)
    #expect(
      statistics.bytesReceived + statistics.bytesDropped
        == statistics.bytesSent + statistics.bytesInserted + statistics.bytesDuplicated)
  }

  @Test func burstsHaveTheirRateAndLength() throws {
    var line = try faulty { $0.burst = .init(rate: 0.01, meanByteCount: 20) }
    let sent = sample(Self.count)
    let received = line.carry(sent).bytes
    // 99 bytes of peace to 20 of garbage, of which a 256th is right by chance. Some 2,200 bursts make
    // the share right within 2.5 % (one standard deviation of the renewal process).
    let share = 20 / (99.0 + 20)
    let garbled = Double(line.statistics.bytesGarbled)
    #expect((garbled / Double(Self.count) / share - 1).magnitude < 0.125)
    let wrong = zip(sent, received).count { $0 != $1 }
    #expect((Double(wrong) / garbled - 255.0 / 256).magnitude < 0.01)
  }

  @Test func theSameSeedReplaysTheSameFaults() throws {
    func run(seed: UInt64) throws -> ([UInt8], LineStatistics) {
      var configuration = LineConfiguration()
      configuration.bitErrorRate = 1e-3
      configuration.dropRate = 1e-3
      configuration.jitterNanoseconds = 1_000_000
      configuration.burst = .init(rate: 1e-4, meanByteCount: 5)
      var line = try LineDirection(configuration, seed: seed)
      return (line.carry(sample(50_000)).bytes, line.statistics)
    }
    let first = try run(seed: 7)
    let again = try run(seed: 7)
    let other = try run(seed: 8)
    #expect(first == again)
    #expect(first.0 != other.0)
  }

  @Test func aFaultDoesNotMoveTheOthers() throws {
    var drops = try faulty { $0.dropRate = 0.01 }
    var both = try faulty {
      $0.dropRate = 0.01
      $0.insertRate = 0.2
    }
    _ = drops.carry(sample(10_000))
    _ = both.carry(sample(10_000))
    #expect(drops.statistics.bytesDropped == both.statistics.bytesDropped)
  }

  @Test func theGeneratorIsSplitMix64() {
    // The first numbers of seed 1234567, as published with the reference implementation.
    var generator = SeededGenerator(seed: 1_234_567)
    #expect(generator.next() == 6_457_827_717_110_365_317)
    #expect(generator.next() == 3_203_168_211_198_807_973)
    #expect(generator.next() == 9_817_491_932_198_370_423)
  }

  @Test func logarithmsAreThoseOfTheMathematicalTables() {
    let table: [(Double, Double)] = [
      (1, 0), (2, 0.693_147_180_559_945_3), (10, 2.302_585_092_994_046),
      (0.5, -0.693_147_180_559_945_3), (1e-10, -23.025_850_929_940_457),
      (1.4999, 0.405_398_439_219_176_73), (0x1p-53, -36.736_800_569_677_1),
    ]
    for (number, logarithm) in table {
      #expect(
        (naturalLogarithm(number) - logarithm).magnitude <= 1e-14 * max(1, logarithm.magnitude))
    }
    #expect(logarithmOfComplement(1e-18) == -1e-18)
    #expect((logarithmOfComplement(0.25) + 0.287_682_072_451_780_9).magnitude < 1e-15)
  }
}

import Foundation
import LineModel
import Testing

@testable import LinkLayer

struct SegmentSizerTests {
  /// What a payload of n bytes brings for its time, on a line that damages each byte with the chance
  /// p: n / (n + h) · (1 − p)^(n + 8).
  private func worth(_ size: Int, cost: Int, _ chance: Double) -> Double {
    Double(size) / Double(size + cost) * pow(1 - chance, Double(size + 8))
  }

  private func best(limit: Int = 4096, cost: Int, _ chance: Double) -> (size: Int, worth: Double) {
    let sizes = stride(from: 16, through: limit, by: 16)
    let best = sizes.max { worth($0, cost: cost, chance) < worth($1, cost: cost, chance) } ?? 16
    return (best, worth(best, cost: cost, chance))
  }

  /// A sizer and the line that its frames go over.
  private struct Line {
    var sizer = SegmentSizer()
    var generator: SeededGenerator
    var sizes: [Int] = []
    var delivered = 0
    var carried = 0
    var failures = 0

    init(seed: UInt64) { generator = SeededGenerator(seed: seed) }

    mutating func run(_ count: Int, cost: Int, chance: Double, limit: Int = 4096) {
      for _ in 0..<count {
        let size = sizer.payloadByteCount(limit: limit, costByteCount: cost, failures: failures)
        sizes.append(size)
        carried += size + cost
        if Double.random(in: 0..<1, using: &generator) < pow(1 - chance, Double(size + 8)) {
          delivered += size
          failures = 0
          sizer.noteDelivered(frameCount: 1, byteCount: size + 8)
        } else {
          failures += 1
          sizer.noteLost(frameCount: 1, byteCount: size + 8)
        }
      }
    }
  }

  @Test(arguments: [8, 16, 40, 200, 1000], [1e-5, 1e-4, 3e-4, 1e-3, 3e-3, 8e-3])
  func reachesNearlyTheBest(cost: Int, chance: Double) {
    var shares: [Double] = []
    for seed in 0..<8 as Range<UInt64> {
      var line = Line(seed: seed)
      line.run(300, cost: cost, chance: chance)
      (line.delivered, line.carried) = (0, 0)
      line.run(2000, cost: cost, chance: chance)
      shares.append(Double(line.delivered) / Double(line.carried))
    }
    let mean = shares.reduce(0, +) / Double(shares.count)
    let (size, worth) = best(cost: cost, chance)
    #expect(mean >= 0.97 * worth, "\(mean) of \(worth) at \(size)")
  }

  @Test(arguments: [8, 40, 200], [3e-4, 1e-3, 8e-3])
  func sizesStayNearTheBestOne(cost: Int, chance: Double) {
    let size = best(cost: cost, chance).size
    var counts = (all: 0, near: 0, far: 0)
    for seed in 0..<8 as Range<UInt64> {
      var line = Line(seed: seed)
      line.run(2300, cost: cost, chance: chance)
      for found in line.sizes[300...] {
        counts.all += 1
        if found * 2 >= size, found <= size * 2 { counts.near += 1 }
        if found * 4 < size || found > size * 4 { counts.far += 1 }
      }
    }
    #expect(counts.near * 10 >= counts.all * 9, "\(counts) around \(size)")
    #expect(counts.far * 100 <= counts.all, "\(counts) around \(size)")
  }

  @Test(arguments: 0..<20 as Range<UInt64>)
  func lineThatGetsWorseIsNoticedWithinAFewDozenFrames(seed: UInt64) {
    var line = Line(seed: seed)
    line.run(2000, cost: 16, chance: 1e-5)
    let size = best(cost: 16, 8e-3).size
    var count = 0
    repeat {
      line.run(1, cost: 16, chance: 8e-3)
      count += 1
    } while (line.sizes.last ?? 0) > 3 * size && count < 1000
    #expect(count <= 40)
  }

  /// Sizes grow as what passes does, so most of the frames that it takes are short.
  ///
  /// A loss in the meantime, which one run in eight has, begins it anew.
  @Test func lineThatGetsBetterIsNoticedWithinAFewDozenFrames() {
    let size = best(cost: 16, 1e-5).size
    var counts: [Int] = []
    for seed in 0..<40 as Range<UInt64> {
      var line = Line(seed: seed)
      line.run(2000, cost: 16, chance: 8e-3)
      var count = 0
      repeat {
        line.run(1, cost: 16, chance: 1e-5)
        count += 1
      } while (line.sizes.last ?? 0) * 3 < size && count < 1000
      counts.append(count)
    }
    counts.sort()
    #expect(counts[counts.count / 2] <= 110, "\(counts)")
    #expect((counts.last ?? 0) <= 400, "\(counts)")
  }

  /// Little is lost with the first frame; on a clean line sizes double to a kibibyte, and grow on as
  /// the root of what has passed: 4080 bytes from (4080 / 16)² bytes on, for a cost of 16.
  @Test func cleanLineSoonGetsTheLimit() {
    var line = Line(seed: 1)
    line.run(48, cost: 16, chance: 0, limit: 4080)
    let sizes = line.sizes
    #expect(sizes.prefix(3) == [256, 528, 1024])
    var passed = 0
    for (size, next) in zip(sizes, sizes.dropFirst()) {
      passed += size
      #expect(next >= size, "\(sizes)")
      #expect((next == 4080) == (passed >= 255 * 255), "\(passed) \(sizes)")
    }
    #expect(sizes.last == 4080)
  }

  @Test func sizesAreWholeBlocksWithinTheLimits() {
    var sizer = SegmentSizer()
    for round in 0..<2000 {
      for limit in [16, 32, 1008, 32752] {
        for failures in [0, 1, 2, 7, 99, 10_000] {
          for cost in [8, 4112] {
            let size = sizer.payloadByteCount(
              limit: limit, costByteCount: cost, failures: failures)
            #expect(size >= 16 && size <= limit && size % 16 == 0)
          }
        }
      }
      if round % 3 == 0 { sizer.noteDelivered(frameCount: 1, byteCount: 65535) }
      if round % 100 == 0 {
        sizer.restart(expectingBytesPerLoss: [1, 1000, .max][round / 100 % 3], from: 1008)
      }
      sizer.noteLost(frameCount: round % 5, byteCount: round % 5 * (round % 40_000))
    }
  }

  @Test func everyFourthFailureInARowHalvesTheSize() {
    var sizer = SegmentSizer()
    for _ in 0..<20 { sizer.noteDelivered(frameCount: 1, byteCount: 1000) }
    let sizes = (0..<16).map { failures in
      sizer.payloadByteCount(limit: 1024, costByteCount: 16, failures: failures)
    }
    let expected = [1024, 512, 256, 128].flatMap { Array(repeating: $0, count: 4) }
    #expect(sizes == expected)
  }

  @Test func lossesAreForgotten() {
    var sizer = SegmentSizer()
    for _ in 0..<50 { sizer.noteLost(frameCount: 1, byteCount: 1000) }
    #expect(sizer.payloadByteCount(limit: 1024, costByteCount: 16, failures: 0) < 256)
    for _ in 0..<1000 { sizer.noteDelivered(frameCount: 1, byteCount: 1000) }
    #expect(sizer.payloadByteCount(limit: 1024, costByteCount: 16, failures: 0) == 1024)
  }

  /// What was expected before anything is known is a bound, not an estimate.
  @Test func restartGrowsFromTheSizeGivenUpToWhatIsExpected() {
    var sizer = SegmentSizer()
    for _ in 0..<20 { sizer.noteLost(frameCount: 1, byteCount: 500) }
    sizer.restart(expectingBytesPerLoss: 100_000, from: 512)
    #expect(sizer.bytesPerLoss == nil)
    #expect(sizer.payloadByteCount(limit: 4096, costByteCount: 16, failures: 0) == 512)
    sizer.noteDelivered(frameCount: 1, byteCount: 520)
    #expect(sizer.payloadByteCount(limit: 4096, costByteCount: 16, failures: 0) == 1040)
    for _ in 0..<3 { sizer.noteDelivered(frameCount: 1, byteCount: 1000) }
    // √(16²/4 + 16 · 100000) − 8 is 1257, less what has passed in the meantime: no more than that.
    let size = sizer.payloadByteCount(limit: 4096, costByteCount: 16, failures: 0)
    #expect((1200...1296).contains(size))
  }

  @Test func squareRootsAreExact() {
    for root in stride(from: 1, through: 65535, by: 37) as StrideThrough<UInt32> {
      #expect(SegmentSizer.squareRoot(root * root) == root)
      #expect(SegmentSizer.squareRoot(root * root - 1) == root - 1)
    }
    #expect(SegmentSizer.squareRoot(.max) == 65535)
  }
}

import Foundation
import Testing

@testable import LinkLayer

struct SegmentSizerTests {
  /// What a payload of n bytes brings for its time, on a line that damages each byte with the chance
  /// p: n / (n + h) · (1 − p)^(n + 8).
  private func worth(_ size: Int, cost: Int, _ chance: Double) -> Double {
    Double(size) / Double(size + cost) * pow(1 - chance, Double(size + 8))
  }

  /// Feeds the sizer with frames of the size that it chose, losing as many as the line would.
  private func settled(
    cost: Int, chance: Double, limit: Int = 4096
  ) -> (sizes: [Int], best: Double) {
    var sizer = SegmentSizer()
    var sizes: [Int] = []
    var due = 0.0
    for round in 0..<4000 {
      let size = sizer.payloadByteCount(limit: limit, costByteCount: cost, attempt: 0)
      // Losses are spread evenly: the mean is what counts here.
      due += 1 - pow(1 - chance, Double(size + 8))
      if due >= 1 {
        due -= 1
        sizer.noteLost(byteCount: size + 8)
      } else {
        sizer.noteDelivered(byteCount: size + 8)
      }
      if round >= 2000 { sizes.append(size) }
    }
    let all = stride(from: 16, through: limit, by: 16)
    return (sizes, all.map { worth($0, cost: cost, chance) }.max() ?? 0)
  }

  @Test(arguments: [16, 40, 200], [1e-5, 1e-4, 1e-3, 8e-3])
  func reachesNearlyTheBest(cost: Int, chance: Double) {
    let (sizes, best) = settled(cost: cost, chance: chance)
    let mean = sizes.reduce(0) { $0 + worth($1, cost: cost, chance) } / Double(sizes.count)
    #expect(mean >= 0.95 * best, "\(mean) of \(best), last \(sizes.last ?? 0)")
  }

  @Test func cleanLineGetsTheLimit() {
    let sizer = SegmentSizer()
    #expect(sizer.payloadByteCount(limit: 1008, costByteCount: 16, attempt: 0) == 1008)
  }

  @Test func sizesAreWholeBlocksWithinTheLimits() {
    var sizer = SegmentSizer()
    for round in 0..<2000 {
      for limit in [16, 32, 1008, 32752] {
        for attempt in [0, 1, 2, 7, 99, 10_000] {
          let size = sizer.payloadByteCount(limit: limit, costByteCount: 4112, attempt: attempt)
          #expect(size >= 16 && size <= limit && size % 16 == 0)
        }
      }
      if round % 3 == 0 { sizer.noteDelivered(byteCount: 65535) }
      sizer.noteLost(byteCount: round % 40_000)
    }
  }

  @Test func everySecondFailureHalvesTheSize() {
    let sizer = SegmentSizer()
    let sizes = (0..<8).map { sizer.payloadByteCount(limit: 1024, costByteCount: 16, attempt: $0) }
    #expect(sizes == [1024, 1024, 512, 512, 256, 256, 128, 128])
  }

  @Test func lossesAreForgotten() {
    var sizer = SegmentSizer()
    for _ in 0..<50 { sizer.noteLost(byteCount: 1000) }
    #expect(sizer.payloadByteCount(limit: 1024, costByteCount: 16, attempt: 0) < 256)
    for _ in 0..<1000 { sizer.noteDelivered(byteCount: 1000) }
    #expect(sizer.payloadByteCount(limit: 1024, costByteCount: 16, attempt: 0) == 1024)
  }

  @Test func squareRootsAreExact() {
    for root in stride(from: 1, through: 65535, by: 37) as StrideThrough<UInt32> {
      #expect(SegmentSizer.squareRoot(root * root) == root)
      #expect(SegmentSizer.squareRoot(root * root - 1) == root - 1)
    }
    #expect(SegmentSizer.squareRoot(.max) == 65535)
  }
}

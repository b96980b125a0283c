import Foundation
import LineModel
import LinkLayer
import LinkSimulator
import Testing

/// How near links get to the best that their kind can do, in virtual time.
struct LinkGoodputTests {
  /// What a frame of n bytes takes on the wire: header, checksum, delimiter, and the stuffing of random
  /// bytes, a code for each 435 beyond the first.
  private static func wireByteCount(_ payload: Int) -> Double {
    Double(payload) + 8 + Double(payload + 6) / 435
  }

  private static func chanceOfDamage(_ bitErrorRate: Double) -> Double {
    1 - pow(1 - bitErrorRate, 8)
  }

  private static func best(mtu: Int, _ share: (_ payload: Int) -> Double) -> Double {
    stride(from: 16, through: (mtu - 6) & ~15, by: 16).map(share).max() ?? 0
  }

  /// The best that any stop-and-wait can do whose exchanges stand alone: of n bytes, with an answer of 8
  /// and the latency both ways, max n · (1 − p)^(f + 8) / (f + 8 + 2 · latency) in byte times.
  static func stopAndWaitBound(_ scenario: LinkScenario) -> Double {
    let damage = chanceOfDamage(scenario.line.bitErrorRate)
    let latency =
      2 * Double(scenario.line.latencyNanoseconds) / 1e9 * Double(scenario.line.baudRate) / 10
    return best(mtu: scenario.mtu) { payload in
      let frame = wireByteCount(payload)
      return Double(payload) * pow(1 - damage, frame + 8) / (frame + 8 + latency)
    }
  }

  /// The best that any selective repeat can do without correction: max n · (1 − p)^f / f.
  static func selectiveRepeatBound(_ scenario: LinkScenario) -> Double {
    let damage = chanceOfDamage(scenario.line.bitErrorRate)
    return best(mtu: scenario.mtu) { payload in
      let frame = wireByteCount(payload)
      return Double(payload) * pow(1 - damage, frame) / frame
    }
  }

  /// The mean over seeds of the share of the line's rate.
  private func meanShare(
    _ scenario: LinkScenario, seeds: Range<UInt64> = 0..<3
  ) throws -> Double {
    var sum = 0.0
    for seed in seeds {
      var scenario = scenario
      scenario.seed = seed
      let run = try LinkRun(scenario)
      #expect(run.isPrefixOfSent && run.delivered.count == scenario.byteCount, "\(scenario)")
      sum += run.goodput(scenario)
    }
    return sum / Double(seeds.count)
  }

  private func scenario(
    window: Int, _ bitErrorRate: Double, latencyMilliseconds: UInt64 = 1
  ) -> LinkScenario {
    var scenario = LinkScenario()
    scenario.line.baudRate = 115_200
    scenario.line.bitErrorRate = bitErrorRate
    scenario.line.latencyNanoseconds = latencyMilliseconds * 1_000_000
    scenario.window = window
    scenario.usesCorrection = false
    scenario.byteCount = 150_000
    return scenario
  }

  @Test(arguments: [0, 1e-5, 1e-4, 3e-4, 1e-3], [1, 16] as [UInt64])
  func stopAndWaitIsNearItsBound(bitErrorRate: Double, latency: UInt64) throws {
    let scenario = scenario(window: 1, bitErrorRate, latencyMilliseconds: latency)
    let (share, bound) = (try meanShare(scenario), Self.stopAndWaitBound(scenario))
    #expect(share >= 0.95 * bound, "\(share) of \(bound)")
    #expect(share <= 1.06 * bound, "the bound holds but for luck: \(share) of \(bound)")
  }

  @Test(arguments: [0, 1e-5, 1e-4, 3e-4, 1e-3], [1, 16] as [UInt64])
  func selectiveRepeatIsNearItsBound(bitErrorRate: Double, latency: UInt64) throws {
    let scenario = scenario(window: 32, bitErrorRate, latencyMilliseconds: latency)
    let (share, bound) = (try meanShare(scenario), Self.selectiveRepeatBound(scenario))
    #expect(share >= 0.95 * bound, "\(share) of \(bound)")
    #expect(share <= 1.06 * bound, "the bound holds but for luck: \(share) of \(bound)")
  }

  @Test(arguments: [(1e-4, 0.94), (3e-4, 0.90), (1e-3, 0.84)])
  func correctionPassesTheLimitOfRepeating(bitErrorRate: Double, share: Double) throws {
    var scenario = scenario(window: 32, bitErrorRate)
    scenario.usesCorrection = true
    let found = try meanShare(scenario)
    #expect(found >= share)
    #expect(found > 1.1 * Self.selectiveRepeatBound(scenario))
  }

  @Test func correctionCostsNothingOnACleanLine() throws {
    var scenario = scenario(window: 32, 0)
    let without = try meanShare(scenario)
    scenario.usesCorrection = true
    #expect(try meanShare(scenario) == without)
    #expect(without >= 0.98)
  }
}

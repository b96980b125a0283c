import Foundation
import Framing
import LineModel
import Testing

@testable import LinkLayer

/// When frames get parity, and how much of it.
struct CorrectionControlTests {
  /// The chance of so many errors where `mean` are to be expected (Poisson).
  private func poisson(_ count: Int, mean: Double) -> Double {
    (0..<count).reduce(exp(-mean)) { $0 * mean / Double($1 + 1) }
  }

  /// The share of the line that reaches the stream with frames of the best size, where a byte is
  /// damaged with the chance `damage`, and one of `hard` of them beyond repair.
  private func best(
    _ strength: CorrectionStrength?, damage: Double, hard: Double, limit: Int, cost: Int
  ) -> Double {
    stride(from: 16, through: limit, by: 16).reduce(0) { best, size in
      let frame = size + FrameHeader.overheadByteCount
      guard let strength else {
        let arrives = pow(1 - damage, Double(frame + 2))
        return max(best, Double(size) / Double(size + cost) * arrives)
      }
      let count = strength.codewordCount(frameByteCount: frame)
      let parity = strength.parityByteCount(frameByteCount: frame)
      let mean = damage * Double(frame + parity) / Double(count)
      let mends = (0...Int(strength.rawValue)).reduce(0) { $0 + poisson($1, mean: mean) }
      let arrives = pow(mends, Double(count)) * pow(1 - damage * hard, Double(frame + parity))
      return max(best, Double(size) / Double(size + cost + parity) * arrives)
    }
  }

  // MARK: - Strength

  /// From one strength to the next where the additional errors alone are more likely than what they
  /// cost: two bytes of 255 for each, half of it since a frame lost is sent again and no more.
  @Test func strengthFollowsFromTheTailsOfPoisson() {
    let strengths = CorrectionStrength.allCases
    for (weaker, stronger) in zip(strengths, strengths.dropFirst()) {
      let additional = Int(weaker.rawValue) + 1...Int(stronger.rawValue)
      let price = Double(2 * additional.count) / 255
      // The least mean at which it pays.
      var mean = 0.0
      while additional.reduce(0, { $0 + poisson($1, mean: mean) }) < price { mean += 0.0005 }
      let (below, above) = (255 / (mean * 0.97), 255 / (mean * 1.03))
      #expect(chosen(bytesPerSymbol: below) == weaker, "\(mean) errors in a codeword")
      #expect(chosen(bytesPerSymbol: above) == stronger, "\(mean) errors in a codeword")
    }
    #expect(chosen(bytesPerSymbol: 1e9) == .one)
    #expect(chosen(bytesPerSymbol: 1) == .eight)
  }

  private func chosen(bytesPerSymbol: Double) -> CorrectionStrength {
    CorrectionControl.best(
      bytesPerSymbol: UInt32(bytesPerSymbol.rounded()), limit: 1008, keeping: nil)
  }

  /// Whatever is chosen costs next to nothing against the best one.
  @Test(arguments: [3e-5, 1e-4, 3e-4, 8e-4, 2.4e-3, 4e-3, 8e-3, 1.5e-2])
  func chosenStrengthIsNearlyTheBest(damage: Double) {
    let found = best(
      chosen(bytesPerSymbol: 1 / damage), damage: damage, hard: 1 / 64, limit: 1008, cost: 8)
    let most =
      CorrectionStrength.allCases
      .map { best($0, damage: damage, hard: 1 / 64, limit: 1008, cost: 8) }.max() ?? 1
    #expect(found >= 0.99 * most, "\(found) of \(most)")
  }

  @Test func lineThatIsJustAtAThresholdKeepsItsStrength() {
    for current in CorrectionStrength.allCases {
      for mean in stride(from: 0.02, through: 4, by: 0.02) {
        let bytes = UInt32(255 / mean)
        let up = CorrectionControl.best(bytesPerSymbol: bytes, limit: 1008, keeping: nil)
        let kept = CorrectionControl.best(bytesPerSymbol: bytes, limit: 1008, keeping: current)
        #expect(kept >= up, "only downwards it is kept")
        #expect(kept <= max(current, up))
        let better = CorrectionControl.best(
          bytesPerSymbol: bytes * 4 / 3 + 2, limit: 1008, keeping: nil)
        #expect(kept == up || kept > better || kept == better)
      }
    }
  }

  @Test func reckoningStaysWithinItsNumbers() {
    let numbers: [UInt32] = [0, 1, 2, 255, 1 << 10, 1 << 16, 1 << 22, 1 << 31, .max]
    for bytesPerLoss in numbers {
      for limit in [16, 1008, 32752] as [UInt32] {
        for cost in [8, 4112] as [UInt32] {
          _ = CorrectionControl.waste(bytesPerLoss: bytesPerLoss, limit: limit, cost: cost)
          _ = CorrectionControl.best(bytesPerSymbol: bytesPerLoss, limit: limit, keeping: .four)
          var control = CorrectionControl()
          for round in 0..<20 {
            let isSwitched = control.review(bytesPerLoss: bytesPerLoss, limit: limit, cost: cost)
            if isSwitched { _ = control.expectedBytesPerLoss(before: bytesPerLoss) }
            control.noteLost(frameCount: 1, byteCount: round * 3000)
            control.noteDelivered(
              byteCount: 40_000, corrected: CorrectionCount(bytes: UInt16.max, frames: UInt16.max))
          }
        }
      }
    }
  }

  // MARK: - On and off

  /// Control and sizer of an end, and the line that frames go over.
  private struct Line {
    var control = CorrectionControl()
    var sizer = SegmentSizer()
    var generator: SeededGenerator
    let limit: Int
    let cost: Int
    var failures = 0
    var delivered = 0
    var carried = 0
    var switchCount = 0
    var strengthCount = 0

    init(seed: UInt64, limit: Int = 1008, cost: Int = 8) {
      generator = SeededGenerator(seed: seed)
      (self.limit, self.cost) = (limit, cost)
    }

    /// A byte is damaged with the chance `damage`, one of 64 of them beyond repair, and lost with the
    /// chance `drop`.
    mutating func run(_ count: Int, damage: Double, drop: Double = 0) {
      for _ in 0..<count { send(damage, drop) }
    }

    private mutating func send(_ damage: Double, _ drop: Double) {
      let parity = control.strength?.parityByteCount ?? 0
      let most = limit - 4 * parity
      let size = sizer.payloadByteCount(
        limit: most, costByteCount: cost + parity, failures: failures)
      let frame = size + FrameHeader.overheadByteCount
      let total = frame + (control.strength?.parityByteCount(frameByteCount: frame) ?? 0)
      carried += total - frame + size + cost
      var (errors, isHard) = ([Int](repeating: 0, count: 9), false)
      let codewords = control.strength?.codewordCount(frameByteCount: frame) ?? 1
      var index = misses(drop + damage)
      while index < total + 2 {
        let draw = Double.random(in: 0..<drop + damage, using: &generator)
        if draw < drop + damage / 64 { isHard = true } else { errors[index % codewords] += 1 }
        index += 1 + misses(drop + damage)
      }
      let worst = errors.max() ?? 0
      let was = control.strength
      if !isHard, worst <= control.strength.map({ Int($0.rawValue) }) ?? 0 {
        failures = 0
        delivered += size
        var corrected = CorrectionCount()
        let sum = errors.reduce(0, +)
        if sum > 0 { corrected.note(byteCount: sum) }
        sizer.noteDelivered(frameCount: 1, byteCount: size + 8)
        control.noteDelivered(byteCount: size + 8, corrected: corrected)
        review(size, most)
      } else {
        failures += 1
        sizer.noteLost(frameCount: 1, byteCount: size + 8)
        control.noteLost(frameCount: 1, byteCount: size + 8)
      }
      if (was == nil) != (control.strength == nil) { switchCount += 1 }
      if was != control.strength { strengthCount += 1 }
    }

    /// Bytes before the next that is hit.
    private mutating func misses(_ chance: Double) -> Int {
      guard chance > 0 else { return .max / 2 }
      return Int(min(log(Double.random(in: 1e-18..<1, using: &generator)) / log(1 - chance), 1e9))
    }

    private mutating func review(_ size: Int, _ most: Int) {
      let before = sizer.bytesPerLoss
      let isSwitched = control.review(
        bytesPerLoss: before, limit: UInt32(most), cost: UInt32(cost))
      guard isSwitched, let before else { return }
      sizer.restart(
        expectingBytesPerLoss: control.expectedBytesPerLoss(before: before), from: size)
    }

    mutating func forgetCounts() {
      (delivered, carried, switchCount, strengthCount) = (0, 0, 0, 0)
    }
  }

  @Test(arguments: [8, 40], [1e-4, 3e-4, 1e-3, 3e-3, 8e-3])
  func noisyLineGetsParityAndReachesNearlyTheBest(cost: Int, damage: Double) {
    var shares: [Double] = []
    for seed in 0..<6 as Range<UInt64> {
      var line = Line(seed: seed, cost: cost)
      line.run(300, damage: damage)
      line.forgetCounts()
      line.run(400, damage: damage)
      #expect(line.control.strength != nil, "seed \(seed)")
      shares.append(Double(line.delivered) / Double(line.carried))
    }
    let mean = shares.reduce(0, +) / Double(shares.count)
    let strengths: [CorrectionStrength?] = CorrectionStrength.allCases
    let most =
      (strengths + [nil])
      .map { best($0, damage: damage, hard: 1 / 64, limit: 1008, cost: cost) }.max() ?? 1
    #expect(mean >= 0.96 * most, "\(mean) of \(most)")
  }

  @Test(arguments: [0, 1e-7])
  func lineThatIsCleanOrNearlySoGetsNone(damage: Double) {
    for seed in 0..<6 as Range<UInt64> {
      var line = Line(seed: seed)
      line.run(1000, damage: damage)
      #expect(line.control.strength == nil)
    }
  }

  @Test func lineThatBecomesCleanLosesItsParity() {
    for seed in 0..<6 as Range<UInt64> {
      var line = Line(seed: seed)
      line.run(500, damage: 1e-3)
      #expect(line.control.strength != nil)
      var count = 0
      while line.control.strength != nil, count < 2000 {
        line.run(1, damage: 0)
        count += 1
      }
      #expect(count < 600, "seed \(seed)")
      line.forgetCounts()
      line.run(500, damage: 0)
      #expect(line.switchCount == 0)
      // And gets it back.
      count = 0
      while line.control.strength == nil, count < 2000 {
        line.run(1, damage: 1e-3)
        count += 1
      }
      #expect(count < 60, "seed \(seed)")
    }
  }

  /// Parity mends no lost byte: once tried, it is hardly ever tried again at the next loss.
  @Test(arguments: [1e-5, 3e-5])
  func lineThatOnlyDropsBytesDoesWithoutParity(drop: Double) {
    var switchCount = 0
    for seed in 0..<6 as Range<UInt64> {
      var line = Line(seed: seed)
      line.run(1500, damage: 0, drop: drop)
      #expect(line.control.strength == nil, "seed \(seed)")
      switchCount += line.switchCount
    }
    #expect(switchCount <= 16, "on and off in each run, and in one or two once more")
  }

  /// Where many are lost, going without would not gain an eighth: the least parity may stay.
  @Test(arguments: [1e-4, 1e-3, 3e-3])
  func lineThatDropsManyBytesHasTheLeastParityAtMost(drop: Double) {
    var shares: [Double] = []
    for seed in 0..<6 as Range<UInt64> {
      var line = Line(seed: seed)
      line.run(300, damage: 0, drop: drop)
      line.forgetCounts()
      line.run(600, damage: 0, drop: drop)
      #expect(line.control.strength ?? .one == .one, "seed \(seed)")
      #expect(line.switchCount <= 1, "seed \(seed)")
      shares.append(Double(line.delivered) / Double(line.carried))
    }
    let mean = shares.reduce(0, +) / Double(shares.count)
    let most = best(nil, damage: drop, hard: 1, limit: 1008, cost: 8)
    #expect(mean >= 0.94 * most, "\(mean) of \(most)")
  }

  /// At the rate where it makes no difference, and at those where strengths change.
  @Test(arguments: [1e-5, 2e-5, 5.2e-4, 1.6e-3, 3.2e-3])
  func lineInBetweenIsLeftAsItIs(damage: Double) {
    for seed in 0..<6 as Range<UInt64> {
      var line = Line(seed: seed)
      line.run(500, damage: damage)
      line.forgetCounts()
      line.run(1000, damage: damage)
      #expect(line.switchCount <= 4, "seed \(seed)")
      #expect(line.strengthCount <= 20, "seed \(seed)")
    }
  }
}

struct CorrectionCountTests {
  @Test func countsWrap() {
    var count = CorrectionCount(bytes: 65_530, frames: 65_535)
    let before = count
    count.note(byteCount: 10)
    #expect(count == CorrectionCount(bytes: 4, frames: 0))
    #expect(count - before == CorrectionCount(bytes: 10, frames: 1))
  }
}

import LineModel
import Testing

@testable import WeightCodec

struct BitModelTests {
  private static let one = 1 << 22 as UInt32

  @Test func nothingIsKnownAtFirst() {
    #expect(BitModel().probability == Self.one / 2)
  }

  @Test func firstDecisionsCountMost() {
    var model = BitModel()
    model.update(true)
    #expect(model.probability > Self.one * 3 / 4)
    model.update(true)
    #expect(model.probability > Self.one * 7 / 8)
    model.update(false)
    #expect(model.probability < Self.one * 7 / 8)
  }

  @Test(arguments: [true, false])
  func certaintyStaysWithinBounds(decision: Bool) {
    var model = BitModel()
    var isMonotonous = true
    for _ in 0..<20_000 {
      let before = model.probability
      model.update(decision)
      isMonotonous =
        isMonotonous && model.probability < Self.one
        && (decision ? model.probability >= before : model.probability <= before)
    }
    #expect(isMonotonous)
    let parts = Probability(model).parts
    #expect(parts == (decision ? (1 << 15) - 8 : 8), "no decision costs more than 12 bits")
    // And it is not stuck.
    for _ in 0..<2000 { model.update(!decision) }
    #expect((model.probability > Self.one / 2) == !decision)
  }

  @Test(arguments: [0.01, 0.1, 0.3, 0.5, 0.8, 0.99])
  func estimateConvergesToTheShareOfYes(share: Double) {
    var generator = SeededGenerator(seed: 11)
    var model = BitModel()
    var sum = 0.0
    var isBounded = true
    for index in 0..<12_000 {
      model.update(Double.random(in: 0..<1, using: &generator) < share)
      isBounded = isBounded && model.probability < Self.one
      if index >= 2000 { sum += Double(model.probability) / Double(Self.one) }
    }
    #expect(isBounded)
    let deviation = (share * (1 - share) / 10_000).squareRoot()
    #expect(abs(sum / 10_000 - share) < 4 * deviation + 0.001)
  }

  @Test func meanOfTwoModelsIsBetweenThem() {
    var (first, second) = (BitModel(), BitModel())
    for _ in 0..<20 { first.update(true) }
    for _ in 0..<5 { second.update(false) }
    let mean = Probability(first, second).parts
    #expect(mean < Probability(first).parts && mean > Probability(second).parts)
    #expect(Probability(first, first).parts == Probability(first).parts)
  }
}

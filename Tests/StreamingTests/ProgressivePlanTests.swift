import Tensors
import Testing

@testable import Streaming
@testable import WeightCodec

/// A model in planes: what goes out when.
struct ProgressivePlanTests {
  private let model: SurveyedModel

  init() throws { model = try .sample() }

  @Test(arguments: PassOrder.allCases)
  func everyTensorWithContentEndsExact(_ order: PassOrder) {
    let plan = model.plan(order)
    let progress = model.progress(plan)
    #expect(Set(progress.keys) == [0, 1, 2, 3, 4, 5, 8, 9])
    #expect(progress.values.allSatisfy { $0.isExact })
    #expect(plan.milestones.last == Milestone(.complete))
    #expect(plan.position(of: .complete) == plan.steps.count - 1)
  }

  @Test func smallTensorsAndMasksGoFirst() throws {
    let plan = model.plan()
    let small = try #require(plan.position(of: .small))
    #expect(Set(plan.steps[..<small].compactMap(\.tensorIndex)) == [1, 3, 8])
    // Coarsely: the rest of their bits comes behind all planes.
    let fine = try #require(plan.position(of: .fine))
    let rest = plan.steps[fine...].compactMap(\.tensorIndex)
    #expect(rest.contains(1) && rest.contains(3))
    for step in plan.steps[small..<fine] {
      #expect(step.tensorIndex.map { [0, 2, 9].contains($0) } ?? true)
    }
  }

  @Test func countersAndIntegersGoLast() throws {
    let plan = model.plan()
    let fine = try #require(plan.position(of: .fine))
    for index in [4, 5] {
      let places = plan.steps.indices.filter { plan.steps[$0].tensorIndex == index }
      #expect(places.count == 1 && places.allSatisfy { $0 > fine })
    }
  }

  @Test func gainsNeverRiseBetweenSmallAndFine() throws {
    let plan = model.plan()
    let small = try #require(plan.position(of: .small))
    let fine = try #require(plan.position(of: .fine))
    let body = plan.steps[small..<fine].filter { $0.tensorIndex != nil }
    #expect(body.count > 20)
    #expect(body.allSatisfy { $0.gain > 0 || $0.relativeError == 0 })
    for (step, next) in zip(body, body.dropFirst()) { #expect(next.gain <= step.gain) }
    for index in [0, 2] {
      let errors = body.filter { $0.tensorIndex == index }.map(\.relativeError)
      #expect(errors == errors.sorted(by: >))
      #expect((errors.last ?? 1) < 1e-4)
    }
  }

  @Test func weightMakesATensorGoEarlier() throws {
    func firstPlace(_ weight: Double) throws -> Int? {
      let entries = (0..<3).map { entry(TensorName("w\($0)"), .f32, [40, 40]) }
      let model = try SurveyedModel(entries, weights: [0: 1, 1: 1, 2: weight])
      return model.plan().tensorIndices.firstIndex(of: 2)
    }
    #expect(try firstPlace(100) == 0)
    #expect(try firstPlace(0.001) ?? 0 > 2)
    // Even what matters not at all comes in the end.
    #expect(try firstPlace(0) != nil)
  }

  @Test func planesOfAllTensorsComeTogether() throws {
    let plan = model.plan(.planes)
    var planes: [Int: Int] = [:]
    var current = 0
    for step in plan.steps {
      guard case .pass(.significance, let index) = step.action else { continue }
      planes[index, default: 0] += 1
      #expect(planes[index] ?? 0 >= current)
      current = planes[index] ?? 0
    }
    #expect(current > 6)
  }

  @Test func magnitudesGoTheLargestFirst() throws {
    // Scales grow with the index, and so the last tensor's first plane has the highest threshold.
    let entries = (0..<4).map { entry(TensorName("w\($0)"), .f32, [40, 40]) }
    let plan = try SurveyedModel(entries).plan(.magnitude)
    #expect(plan.tensorIndices.first == 3)
    let beginnings = (0..<4).compactMap { plan.tensorIndices.firstIndex(of: $0) }
    #expect(beginnings == beginnings.sorted(by: >))
  }

  @Test func fileOrderIsThatOfTheFile() {
    let plan = model.plan(.file)
    #expect(plan.tensorIndices == plan.tensorIndices.sorted())
    #expect(plan.milestones == [Milestone(.complete)])
  }

  @Test(arguments: [1, 3, 7], PassOrder.allCases)
  func cutPlansEndWithTheirPlanes(_ limit: Int, _ order: PassOrder) throws {
    let plan = model.plan(order, planeLimit: limit)
    let progress = model.progress(plan)
    for index in [0, 2] {
      let tensor = try #require(progress[index])
      #expect(tensor.planeCount == limit && tensor.isRefined && tensor.mantissaBits == nil)
    }
    // What is small or counts is exact all the same.
    for index in [1, 3, 4, 5, 8] { #expect(progress[index]?.isExact == true) }
    let complete = try #require(plan.milestones.last)
    #expect(complete.tier == .complete)
    // 6 dB a plane, and zeros cost the first ones some.
    let decibels = try #require(complete.signalToNoise)
    #expect(decibels >= 6 * limit - 6 && decibels <= 6 * limit + 6)
    #expect(plan.byteCount < model.plan(order).byteCount)
  }

  @Test func tiedTensorsGoOnceAndEmptyOnesNever() {
    for order in PassOrder.allCases {
      #expect(!model.plan(order).tensorIndices.contains { $0 == 6 || $0 == 7 })
    }
  }

  @Test func milestonesStandBehindTheLastTensorOfTheirPlane() throws {
    let plan = model.plan()
    var progress: [Int: Int] = [0: 0, 2: 0, 9: 0]
    var refined: [Int: Int] = progress
    for (place, step) in plan.steps.enumerated() {
      switch step.action {
      case .pass(.significance, let index):
        progress[index, default: 0] += 1
        if progress[index] == 1 { refined[index] = 1 }
      case .pass(.refinement, let index): refined[index] = progress[index]
      case .milestone(let milestone):
        guard case .planes(let count) = milestone.tier else { continue }
        #expect(refined.values.min() == count)
        // Without the step before it was not reached.
        guard case .pass(_, let index) = plan.steps[place - 1].action else {
          Issue.record("a milestone follows a pass")
          continue
        }
        #expect(refined[index] == count)
      case .pass, .content: break
      }
    }
    let tiers = plan.milestones.map(\.tier)
    #expect(tiers.prefix(8) == [.small] + (1...7).map { .planes($0) })
    #expect(tiers.suffix(2) == [.fine, .complete] && tiers.count == 10)
    let decibels = plan.milestones.compactMap(\.signalToNoise)
    #expect(decibels == decibels.sorted() && decibels.count == 9)
  }

  @Test func embeddingsGoFirstToAFewBits() throws {
    let model = try SurveyedModel([
      entry("layer.weight", .f32, [64, 64]), entry("embed.weight", .f32, [512, 64]),
      entry("bias", .f32, [64]),
    ])
    let plan = model.plan()
    let small = try #require(plan.position(of: .small))
    var byteCount = 0.0
    for step in plan.steps[small...].dropFirst() {
      guard step.tensorIndex == 1 else { break }
      byteCount += step.byteCount
    }
    #expect(byteCount >= 1.2 * 512 * 64 / 8)
    let progress = model.progress(plan)
    #expect(progress.count == 3 && progress.values.allSatisfy { $0.isExact })
  }

  @Test(arguments: PassOrder.allCases)
  func modelWithoutTensorsIsCompleteAtOnce(_ order: PassOrder) throws {
    let plan = try SurveyedModel([]).plan(order)
    #expect(plan.milestones == [Milestone(.complete)] && plan.steps.count == 1)
  }

  @Test func offerSaysWhatIsExpected() {
    let plan = model.plan()
    let sum = plan.steps.reduce(0) { $0 + $1.byteCount }
    #expect(plan.byteCount > sum && plan.byteCount < sum + 400)
    #expect(plan.manifest.expectedByteCount == Int(plan.byteCount.rounded()))
  }
}

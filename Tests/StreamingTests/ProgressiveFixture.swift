import LineModel
import Tensors
import Testing

@testable import Streaming
@testable import WeightCodec

/// A model with values, as its planner sees it.
struct SurveyedModel {
  var manifest: Manifest
  var facts: [Int: TensorFacts] = [:]

  /// Draws values around zero for each tensor, of another scale each.
  init(_ entries: [Manifest.Entry?], weights: [Int: Double] = [:]) throws {
    manifest = Manifest(
      kind: .tensors, codec: .flat, name: [], entries: entries.compactMap { $0 })
    for (index, entry) in manifest.entries.enumerated() where entry.hasContent {
      guard let grid = TensorGrid(entry.tensor) else {
        let size = Double(entry.tensor.byteCount) / 2
        facts[index] = TensorFacts(
          .whole(.pass(.bytes(asDifferences: false), tensorIndex: index), byteCount: size))
        continue
      }
      var generator = SeededGenerator(seed: UInt64(index))
      var bytes: [UInt8] = []
      for _ in 0..<grid.elementCount {
        let value = (0..<4).reduce(0.0) { sum, _ in
          sum + Double.random(in: -1...1, using: &generator) * Double(1 << index)
        }
        let bits = FloatBits.bits(value, entry.tensor.dtype)
        for place in 0..<grid.format.byteCount {
          bytes.append(UInt8(truncatingIfNeeded: bits >> UInt64(8 * place)))
        }
      }
      let survey = unsafe TensorSurvey(bytes.span.bytes, grid)
      facts[index] = TensorFacts(.planes(survey, PassScales()), weight: weights[index])
    }
  }

  func plan(_ order: PassOrder = .value, planeLimit: Int? = nil) -> TransferPlan {
    TransferPlan(manifest, facts, ProgressivePolicy(order: order, planeLimit: planeLimit))
  }

  /// Whether passes of each tensor come in an order that the coder takes, and what they lead to.
  func progress(_ plan: TransferPlan) -> [Int: TensorProgress] {
    var progress: [Int: TensorProgress] = [:]
    for step in plan.steps {
      guard case .pass(let pass, let index) = step.action else { continue }
      let grid = TensorGrid(manifest.entries[index].tensor)
      var tensor = progress[index] ?? TensorProgress()
      #expect(tensor.allows(pass, grid), "\(pass) of tensor \(index)")
      if !tensor.hasHeader, case .planes(let survey, _) = facts[index]?.way {
        tensor.begin(topLevel: survey.head.topLevel)
      }
      tensor.note(pass, grid)
      progress[index] = tensor
    }
    return progress
  }

  /// Two layers with biases, a counter, a table of integers, tied weights and an empty tensor.
  static func sample() throws -> SurveyedModel {
    try SurveyedModel([
      entry("layer.1.weight", .f32, [48, 64]), entry("layer.1.bias", .f32, [48]),
      entry("layer.2.weight", .bf16, [64, 48]), entry("norm.weight", .f32, [64]),
      entry("norm.count", .i64, []), entry("positions", .i64, [600]),
      entry("tied", .f32, [48, 64], sharedWith: 0), entry("empty", .f32, [0, 4]),
      entry("mask", .bool, [16]), entry("zeros", .f32, [48, 64]),
    ])
  }
}

extension TransferPlan {
  /// The tensors of the steps, in order.
  var tensorIndices: [Int] { steps.compactMap(\.tensorIndex) }

  func position(of tier: Milestone.Tier) -> Int? {
    steps.firstIndex { step in
      if case .milestone(let milestone) = step.action { milestone.tier == tier } else { false }
    }
  }
}

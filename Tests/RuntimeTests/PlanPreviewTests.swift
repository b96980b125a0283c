import Checkpoints
import Streaming
import SystemPackage
import Tensors
import Testing
import WeightCodec

@testable import Runtime

/// Plans without a line.
struct PlanPreviewTests {
  private let folder: TemporaryFolder
  private let checkpoint: Checkpoint

  init() throws {
    folder = try TemporaryFolder()
    checkpoint = try folder.makeCheckpoint([
      weightTensor("first", [40, 50]), weightTensor("bias", [60], seed: 2),
      sampleTensor("count", .i64, []), weightTensor("second", [50, 40], seed: 4, scale: 7),
    ])
  }

  private func preview(
    _ policy: SendPolicy, of checkpoint: Checkpoint? = nil
  ) throws -> (ModelPlan, () -> PlanPreview) {
    let source = ModelSource(checkpoint ?? self.checkpoint, policy)
    let model = try ModelPlan(source, named: "in", policy)
    return (model, { PlanPreview(source, model) })
  }

  @Test(arguments: [
    planes(), planes(.planes), planes(limit: 4), plain(), plain(.channel(bits: 5), .none),
  ])
  func modelAfterAnyNumberOfBytesCanBeOpened(_ policy: SendPolicy) throws {
    let (model, make) = try preview(policy)
    let out = folder.file("out")
    let total = Int(model.plan.byteCount) + 200
    for limit in [0, 1, model.plan.manifestByteCount + 1]
      + stride(from: 200, to: total, by: total / 12)
    {
      var preview = make()
      try preview.write(after: limit, to: out, SnapshotPolicy())
      #expect(preview.byteCount <= max(limit, model.plan.manifestByteCount))
      let found = try Checkpoint(opening: out)
      #expect(found.tensors.map(\.descriptor) == checkpoint.tensors.map(\.descriptor))
    }
  }

  @Test func endOfTheStreamIsTheModel() throws {
    for policy in [planes(), plain(), plain(.exact, .none)] {
      var preview = try preview(policy).1()
      try preview.write(after: .max, to: folder.file("out"), SnapshotPolicy())
      try expectEqual(checkpoint, Checkpoint(opening: folder.file("out")))
    }
  }

  @Test(arguments: [planes(), planes(.magnitude), planes(cast: .bf16)])
  func errorAtAMilestoneIsWhatThePlanForetells(_ policy: SendPolicy) throws {
    let (model, make) = try preview(policy)
    var measured = make()
    _ = try measured.measure()
    var original: [Int: [Double]] = [:]
    let large = try [checkpoint.index(of: "first"), checkpoint.index(of: "second")]
    for index in large { original[index] = try sourceValues(policy, index) }
    var relative = Dictionary(uniqueKeysWithValues: large.map { ($0, 1.0) })
    var reached = measured.milestones[...]
    for step in model.plan.steps {
      guard case .milestone(let milestone) = step.action else {
        if let index = step.tensorIndex, relative[index] != nil {
          relative[index] = step.relativeError
        }
        continue
      }
      let first = reached.popFirst()
      let place = try #require(first)
      #expect(place.milestone == milestone)
      var preview = make()
      try preview.write(after: place.byteCount, to: folder.file("out"), SnapshotPolicy())
      let found = try Checkpoint(opening: folder.file("out"))
      for index in large {
        let values = try #require(original[index])
        let energy = values.reduce(0) { $0 + $1 * $1 }
        let error = zip(values, try floats(of: found, checkpoint.tensors[index].descriptor.name))
          .reduce(0.0) { sum, pair in
            let difference = pair.0 - Double(pair.1)
            return sum + difference * difference
          }
        let expected = try #require(relative[index])
        #expect(
          abs(error / energy - expected) <= 0.1 * expected, "tensor \(index) at \(milestone.name)")
      }
    }
    #expect(reached.isEmpty)
  }

  /// The values that the stream is about: cast, where they are.
  private func sourceValues(_ policy: SendPolicy, _ index: Int) throws -> [Double] {
    try floats(of: checkpoint, index).map { value in
      guard let cast = policy.cast else { return Double(value) }
      return FloatBits.value(FloatBits.bits(Double(value), cast), cast)
    }
  }

  @Test(arguments: [planes(), planes(limit: 7), planes(.file), plain(), plain(.exact, .none)])
  func measuredStepsAddUpToTheStream(_ policy: SendPolicy) throws {
    let (model, make) = try preview(policy)
    var preview = make()
    let steps = try preview.measure()
    #expect(steps.count == model.plan.steps.count)
    let sum = steps.reduce(Double(model.plan.manifestByteCount), +)
    // Heads of records, ends of codewords and the last digest are in no step.
    #expect(abs(sum - Double(preview.byteCount)) < 200)
    #expect(preview.milestones.map(\.milestone) == model.plan.milestones)
    let counts = preview.milestones.map(\.byteCount)
    #expect(counts == counts.sorted() && counts.last ?? 0 < preview.byteCount)
    guard policy.codec != plain().codec else { return }
    // Without a compressor, which nobody foretells.
    #expect(
      abs(model.plan.byteCount - Double(preview.byteCount)) < 0.02 * Double(preview.byteCount))
  }

  @Test func tensorsThatShareTheirBytesAreFilled() throws {
    let tests = FilePath(#filePath).removingLastComponent().removingLastComponent()
    let checkpoint = try Checkpoint(opening: tests.appending("CheckpointsTests/Fixtures/odd.pt"))
    for policy in [planes(), plain()] {
      var preview = try preview(policy, of: checkpoint).1()
      try preview.write(after: .max, to: folder.file("out"), SnapshotPolicy())
      try expectEqual(checkpoint, Checkpoint(opening: folder.file("out")))
    }
  }
}

extension TransferPlan {
  fileprivate var milestones: [Milestone] {
    steps.compactMap { step in
      if case .milestone(let milestone) = step.action { milestone } else { nil }
    }
  }
}

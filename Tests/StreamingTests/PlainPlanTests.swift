import Tensors
import Testing
import WeightCodec

@testable import Streaming

/// Whole tensors, one after the other.
struct PlainPlanTests {
  private func plan(
    _ entries: [Manifest.Entry?], _ policy: PlainPolicy = PlainPolicy()
  ) -> TransferPlan {
    TransferPlan(Manifest(kind: .tensors, name: [], entries: entries.compactMap { $0 }), policy)
  }

  @Test func smallFloatsGoFirstThenLargeOnesBySizeThenTheRest() {
    let found = plan([
      entry("positions", .i64, [4096]), entry("large", .f32, [512, 64]),
      entry("medium", .f32, [64, 64]), entry("bias", .f32, [64]), entry("norm", .bf16, [4096]),
      entry("narrow", .f8e5m2, [64, 64]), entry("scalar", .f32, []),
    ])
    #expect(found.units.map(\.tensorIndex) == [3, 4, 6, 5, 2, 1, 0])
  }

  @Test func sharedAndEmptyTensorsAreNotSent() {
    let found = TransferPlan(sampleManifest(), PlainPolicy())
    #expect(found.units.map(\.tensorIndex).sorted() == [0, 1, 3])
    #expect(found.milestones == [Milestone(.complete)])
    #expect(expectedByteCount(found) == Double(sampleManifest().byteCount))
  }

  @Test func equalTensorsKeepTheOrderOfTheFile() {
    let entries = (0..<20).map { entry(TensorName("w\($0)"), .f32, [32, 32]) }
    #expect(plan(entries).units.map(\.tensorIndex) == Array(0..<20))
  }

  @Test func onlyLargeFloatsAreQuantized() {
    let policy = PlainPolicy(representation: .channel(bits: 8), compression: .none)
    let found = plan(
      [
        entry("weight", .f32, [32, 32]), entry("bias", .f32, [4096]), entry("small", .f32, [8, 8]),
        entry("codes", .i8, [64, 64]), entry("narrow", .f8e4m3fn, [64, 64]),
      ], policy)
    let representations = found.units.sorted { $0.tensorIndex < $1.tensorIndex }
      .map(\.representation)
    #expect(representations == [.channel(bits: 8), .exact, .exact, .exact, .exact])
    #expect(found.units.allSatisfy { $0.compression == .none })
    #expect(expectedByteCount(found) == (128 + 1024) + 16384 + 256 + 4096 + 4096)
  }

  @Test func emptyModelHasNoUnits() {
    #expect(plan([]).units.isEmpty)
  }

  @Test func fileOrderIsKeptWhereItIsWanted() {
    var policy = PlainPolicy()
    policy.isInFileOrder = true
    let found = plan([entry("large", .f32, [64, 64]), entry("bias", .f32, [64])], policy)
    #expect(found.units.map(\.tensorIndex) == [0, 1])
  }

  @Test func offerSaysWhatTheStreamIsExpectedToHave() {
    let found = plan([entry("large", .f32, [64, 64])], PlainPolicy(compression: .none))
    #expect(found.manifest.expectedByteCount == Int(found.byteCount.rounded()))
    #expect(found.manifestByteCount == found.manifest.encoded().count)
    #expect(found.byteCount > 16384 && found.byteCount < 16384 + 200)
  }

  /// What contents are expected to take, without their records.
  private func expectedByteCount(_ plan: TransferPlan) -> Double {
    plan.steps.reduce(0) { sum, step in
      if case .content = step.action { sum + step.byteCount - 44 } else { sum }
    }
  }
}

import Tensors
import Testing
import WeightCodec

@testable import Streaming

struct TransferPlanTests {
  private func plan(
    _ entries: [Manifest.Entry?], _ policy: PlanPolicy = PlanPolicy()
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
    let found = TransferPlan(sampleManifest(), PlanPolicy())
    #expect(found.units.map(\.tensorIndex).sorted() == [0, 1, 3])
    #expect(found.contentByteCount == sampleManifest().byteCount)
  }

  @Test func equalTensorsKeepTheOrderOfTheFile() {
    let entries = (0..<20).map { entry(TensorName("w\($0)"), .f32, [32, 32]) }
    #expect(plan(entries).units.map(\.tensorIndex) == Array(0..<20))
  }

  @Test func onlyLargeFloatsAreQuantized() {
    let policy = PlanPolicy(representation: .channel(bits: 8), compression: .none)
    let found = plan(
      [
        entry("weight", .f32, [32, 32]), entry("bias", .f32, [4096]), entry("small", .f32, [8, 8]),
        entry("codes", .i8, [64, 64]), entry("narrow", .f8e4m3fn, [64, 64]),
      ], policy)
    let representations = found.units.sorted { $0.tensorIndex < $1.tensorIndex }
      .map(\.representation)
    #expect(representations == [.channel(bits: 8), .exact, .exact, .exact, .exact])
    #expect(found.units.allSatisfy { $0.compression == .none })
    #expect(found.contentByteCount == (128 + 1024) + 16384 + 256 + 4096 + 4096)
  }

  @Test func emptyModelHasNoUnits() {
    #expect(plan([]).units.isEmpty)
  }
}

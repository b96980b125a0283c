import Checkpoints
import Foundation
import LinkLayer
import Streaming
import SystemPackage
import Tensors
import Testing
import WeightCodec

@testable import Runtime

/// The output before the model is complete.
struct SnapshotTests {
  private let folder: TemporaryFolder
  private let checkpoint: Checkpoint

  init() throws {
    folder = try TemporaryFolder()
    checkpoint = try folder.makeCheckpoint([
      weightTensor("large", [60, 50]), weightTensor("bias", [60], seed: 2),
      sampleTensor("count", .i64, []), weightTensor("second", [50, 40], seed: 4),
    ])
  }

  /// The metadata of a safetensors file.
  private func metadata(_ path: FilePath) throws -> [String: String] {
    let bytes = try Data(contentsOf: URL(filePath: path.string))
    let count = bytes.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
    let header = try JSONSerialization.jsonObject(with: bytes[8..<8 + count]) as? [String: Any]
    return header?["__metadata__"] as? [String: String] ?? [:]
  }

  @Test(arguments: [nil, .f16, .bf16, .f32] as [DType?])
  func modelAtEachMilestoneCanBeOpened(_ dtype: DType?) throws {
    let (manifest, pieces) = try modelPieces(of: checkpoint, planes())
    let out = folder.file("out")
    var names: [String] = []
    var errors: [Double] = []
    let original = try floats(of: checkpoint, "large")
    try write(manifest, out, pieces, SnapshotPolicy(dtype: dtype)) { milestone in
      names.append("\(milestone.name)")
      let model = try Checkpoint(opening: out)
      #expect(model.tensors.count == checkpoint.tensors.count)
      for other in checkpoint.tensors {
        let tensor = model.tensors[try model.index(of: other.descriptor.name)]
        let isFloat = other.descriptor.dtype == .f32
        #expect(tensor.descriptor.dtype == (isFloat ? dtype ?? .f32 : other.descriptor.dtype))
        #expect(tensor.descriptor.shape == other.descriptor.shape)
      }
      let found = try values(of: model, "large")
      errors.append(zip(original, found).reduce(0) { $0 + pow(Double($1.0) - $1.1, 2) })
      let facts = try metadata(out)
      #expect(facts["wtserial.state"] == "partial")
      let isComplete = milestone.tier == .complete
      #expect((facts["wtserial.bits.large"] == "exact") == isComplete)
      if milestone.tier == .small { #expect(facts["wtserial.bits.large"] == "nothing") }
      if case .planes(let count) = milestone.tier {
        let text = try #require(facts["wtserial.bits.large"])
        #expect(text.hasPrefix("planes ") && Int(text.dropFirst(7)) ?? 0 >= count)
      }
    }
    #expect(
      names == [
        "small", "int2", "int3", "int4", "int5", "int6", "int7", "int8", "fine", "complete",
      ])
    #expect(errors == errors.sorted(by: >))
    let last = try #require(errors.last)
    #expect(dtype == nil || dtype == .f32 ? last == 0 : last > 0)
    // In the end the file has its own types, and nothing to tell.
    try expectEqual(checkpoint, Checkpoint(opening: out))
    #expect(try metadata(out).isEmpty)
  }

  private func values(of model: Checkpoint, _ name: TensorName) throws -> [Double] {
    let tensor = model.tensors[try model.index(of: name)].descriptor
    let bytes = try model.bytes(of: name)
    let size = tensor.dtype.byteCount
    return stride(from: 0, to: bytes.count, by: size).map { start in
      let bits = bytes[start..<start + size].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      return FloatBits.value(bits, tensor.dtype)
    }
  }

  @Test(arguments: [planes(), plain(), planes(limit: 3)])
  func tensorsThatShareTheirBytesAreFilled(_ policy: SendPolicy) throws {
    let tests = FilePath(#filePath).removingLastComponent().removingLastComponent()
    let checkpoint = try Checkpoint(opening: tests.appending("CheckpointsTests/Fixtures/odd.pt"))
    let shared = try #require(checkpoint.tensors.firstIndex { $0.sharedWith != nil })
    let other = try #require(checkpoint.tensors[shared].sharedWith)
    let (manifest, pieces) = try modelPieces(of: checkpoint, policy)
    let out = folder.file("out")
    let names = [shared, other].map { checkpoint.tensors[$0].descriptor.name }
    var count = 0
    func expectSame() throws {
      let model = try Checkpoint(opening: out)
      let (first, second) = (try model.bytes(of: names[0]), try model.bytes(of: names[1]))
      #expect(first == second && first.contains { $0 != 0 })
      count += 1
    }
    try write(manifest, out, pieces) { _ in try expectSame() }
    try expectSame()
    #expect(count > 1)
  }

  @Test func nothingAppearsWhereNothingIsWanted() throws {
    let (manifest, pieces) = try modelPieces(of: checkpoint, planes())
    let out = folder.file("out")
    try write(manifest, out, pieces, SnapshotPolicy(isWanted: false)) { _ in
      #expect(!folder.exists("out") && folder.exists("out.partial"))
    }
    try expectEqual(checkpoint, Checkpoint(opening: out))
    #expect(!folder.exists("out.partial") && !folder.exists("out.snapshot"))
  }

  @Test func damagedStreamLeavesTheLastModel() throws {
    let (manifest, pieces) = try modelPieces(of: checkpoint, planes())
    let out = folder.file("out")
    let middle = try #require(
      pieces.firstIndex { if case .milestone(let m) = $0 { m.tier == .planes(3) } else { false } })
    var damaged = pieces
    guard case .coded(var bytes) = damaged[middle + 1] else { throw ModelWriterError.incomplete }
    bytes[bytes.count / 2] ^= 0x40
    damaged[middle + 1] = .coded(bytes)
    #expect(throws: ModelWriterError.self) {
      try write(manifest, out, damaged) { _ in }
    }
    let model = try Checkpoint(opening: out)
    #expect(model.tensors.map(\.descriptor) == checkpoint.tensors.map(\.descriptor))
    #expect(folder.exists("out.partial") && !folder.exists("out.snapshot"))
  }
}

struct SnapshotPaceTests {
  private func after(_ seconds: Int64) -> Instant { Instant(microseconds: seconds * 1_000_000) }

  @Test func milestonesAndTheLastWordComeAtOnceAndTicksDoNot() {
    let pace = SnapshotPace()
    #expect(pace.allows(.milestone, byteCount: 1, at: after(0)))
    #expect(pace.allows(.last, byteCount: 1, at: after(0)))
    #expect(!pace.allows(.tick, byteCount: 1, at: after(0)))
  }

  @Test func restIsNineTimesAsLongAsTheWork() {
    var pace = SnapshotPace()
    pace.note(from: after(0), to: after(10), byteCount: 1)
    for seconds in [10, 50, 99] as [Int64] {
      #expect(!pace.allows(.milestone, byteCount: 100, at: after(seconds)))
      #expect(!pace.allows(.tick, byteCount: 100, at: after(seconds)))
      #expect(pace.allows(.last, byteCount: 100, at: after(seconds)))
    }
    #expect(pace.allows(.milestone, byteCount: 100, at: after(100)))
    #expect(pace.allows(.tick, byteCount: 100, at: after(100)))
  }

  @Test func ticksAreASecondAndAQuarterOfTheStreamApartEvenIfTheyAreCheap() {
    var pace = SnapshotPace()
    pace.note(from: after(5), to: after(5), byteCount: 1000)
    #expect(pace.allows(.milestone, byteCount: 1000, at: after(5)))
    #expect(!pace.allows(.tick, byteCount: 1250, at: after(5)))
    #expect(!pace.allows(.tick, byteCount: 1249, at: after(60)))
    #expect(pace.allows(.tick, byteCount: 1250, at: after(6)))
  }

  @Test func lastWordIsNotSaidTwice() {
    var pace = SnapshotPace()
    pace.note(from: after(1), to: after(1), byteCount: 1000)
    #expect(!pace.allows(.last, byteCount: 1000, at: after(2)))
    #expect(pace.allows(.last, byteCount: 1001, at: after(2)))
  }
}

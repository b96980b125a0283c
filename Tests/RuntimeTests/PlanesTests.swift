import Checkpoints
import Streaming
import SystemPackage
import Tensors
import Testing
import WeightCodec

@testable import Runtime

/// Models in planes, from a checkpoint to a file, by every policy.
struct PlanesTests {
  private static let weights: [TensorName] = ["first", "second"]
  private let folder: TemporaryFolder
  private let checkpoint: Checkpoint

  init() throws {
    folder = try TemporaryFolder()
    var odd = try weightTensor("odd", [30, 30], seed: 3)
    // A NaN with a payload, infinities, -0 and a subnormal.
    let bits: [UInt32] = [0x7FC1_2345, 0x7F80_0000, 0xFF80_0000, 0x8000_0000, 1]
    odd.1.replaceSubrange(
      0..<20,
      with: bits.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) } })
    checkpoint = try folder.makeCheckpoint([
      weightTensor("first", [60, 50]), weightTensor("bias", [60], seed: 2), odd,
      sampleTensor("count", .i64, []), sampleTensor("table", .i16, [900], seed: 7),
      sampleTensor("flags", .bool, [9]), sampleTensor("half", .f16, [30, 31], seed: 3),
      sampleTensor("brain", .bf16, [30, 31], seed: 5), sampleTensor("empty", .f32, [0, 3]),
      weightTensor("second", [40, 20, 2], seed: 4, scale: 100),
      sampleTensor("complex", .c64, [20, 20], seed: 9),
    ])
  }

  private func received(
    _ policy: SendPolicy, for info: ReceiverInfo? = nil
  ) throws -> Checkpoint {
    let (manifest, pieces) = try modelPieces(of: checkpoint, policy, for: info)
    try write(manifest, folder.file("out"), pieces)
    return try Checkpoint(opening: folder.file("out"))
  }

  @Test(arguments: PassOrder.allCases, [[.lines], [.flat], []] as [[CodecVariant]])
  func everythingArrivesBitForBit(_ order: PassOrder, _ codecs: [CodecVariant]) throws {
    let info = ReceiverInfo(
      compressions: [.none], codecs: codecs, byteCountLimit: nil, name: [])
    let (manifest, _) = try modelPieces(of: checkpoint, planes(order), for: info)
    #expect(manifest.codec == codecs.first)
    try expectEqual(checkpoint, received(planes(order), for: info))
  }

  @Test(arguments: [1, 3, 5, 7], PassOrder.allCases)
  func cutPlanesAreAsNearAsTheyPromise(_ limit: Int, _ order: PassOrder) throws {
    let out = try received(planes(order, limit: limit))
    for name in Self.weights {
      let original = try floats(of: checkpoint, name)
      let largest = original.map(abs).max() ?? 0
      let threshold = largest.binade / Float(1 << (limit - 1))
      var zeroCount = 0
      for (value, found) in zip(original, try floats(of: out, name)) {
        #expect(abs(value - found) <= (abs(value) < threshold ? threshold : threshold / 2))
        if found == 0 { zeroCount += 1 }
      }
      // As few values as there are planes for.
      #expect(Set(try floats(of: out, name)).count < 1 << (limit + 1))
      #expect(zeroCount > 0)
    }
    // What is small, and what is no float, is exact all the same.
    for name in ["bias", "count", "table", "flags", "empty"] as [TensorName] {
      #expect(try out.bytes(of: name) == checkpoint.bytes(of: name))
    }
  }

  @Test(arguments: [DType.bf16, .f16])
  func castValuesAreTheNearestOfTheType(_ dtype: DType) throws {
    let out = try received(planes(cast: dtype))
    for name in Self.weights {
      for (value, found) in zip(try floats(of: checkpoint, name), try floats(of: out, name)) {
        let nearest = FloatBits.value(FloatBits.bits(Double(value), dtype), dtype)
        #expect(Double(found) == nearest)
      }
    }
    #expect(try out.bytes(of: "bias") == checkpoint.bytes(of: "bias"))
    // What is not finite stays what it is.
    #expect(try out.bytes(of: "odd").prefix(12) == checkpoint.bytes(of: "odd").prefix(12))
  }

  @Test(arguments: [planes(), plain(), planes(limit: 3)])
  func tensorsThatShareTheirBytesAreFilledInTheEnd(_ policy: SendPolicy) throws {
    let tests = FilePath(#filePath).removingLastComponent().removingLastComponent()
    let tied = try Checkpoint(opening: tests.appending("CheckpointsTests/Fixtures/odd.pt"))
    let (manifest, pieces) = try modelPieces(of: tied, policy)
    // Without a model before the end.
    try write(manifest, folder.file("out"), pieces)
    let out = try Checkpoint(opening: folder.file("out"))
    let shared = tied.tensors.filter { $0.sharedWith != nil }
    #expect(!shared.isEmpty)
    for tensor in shared {
      let source = tied.tensors[try #require(tensor.sharedWith)].descriptor.name
      let bytes = try out.bytes(of: tensor.descriptor.name)
      #expect(try bytes == out.bytes(of: source) && bytes.contains { $0 != 0 })
    }
  }

  @Test func castStreamIsShorterThanTheExactOne() throws {
    func size(_ policy: SendPolicy) throws -> Int {
      try modelPieces(of: checkpoint, policy).1.reduce(0) { sum, piece in
        if case .coded(let bytes) = piece { sum + bytes.count } else { sum }
      }
    }
    // Two floats of 32 bits make most of it: a bit more than half is left.
    #expect(try size(planes(cast: .bf16)) * 10 < size(planes()) * 7)
  }

  @Test(arguments: [0.25, 0.9])
  func prunedWeightsAreZero(_ share: Double) throws {
    var policy = planes()
    policy.prunedShare = share
    let out = try received(policy)
    let (original, found) = (try floats(of: checkpoint, "first"), try floats(of: out, "first"))
    let zeroCount = found.count { $0 == 0 }
    #expect(abs(Double(zeroCount) - share * 3000) < 60)
    for (value, now) in zip(original, found) { #expect(now == 0 || now == value) }
    #expect(try floats(of: out, "bias") == floats(of: checkpoint, "bias"))
  }

  @Test func cutAndPrunedTogetherAreBoth() throws {
    var policy = planes(limit: 4, cast: .bf16)
    policy.prunedShare = 0.5
    let found = try floats(of: received(policy), "first")
    #expect(found.count { $0 == 0 } >= 1400)
    #expect(Set(found).count > 4)
  }

  @Test func receiverWithoutPlanesGetsIntegersOfAsManyBits() throws {
    let info = ReceiverInfo(
      compressions: Compression.allCases, codecs: [], byteCountLimit: nil, name: [])
    let (manifest, pieces) = try modelPieces(of: checkpoint, planes(limit: 7), for: info)
    #expect(manifest.codec == nil)
    let units = pieces.compactMap { piece in
      if case .begin(let unit) = piece { unit } else { nil }
    }
    let first = try checkpoint.index(of: "first")
    #expect(units.first { $0.tensorIndex == first }?.representation == .channel(bits: 8))
    #expect(!pieces.contains { if case .coded = $0 { true } else { false } })
  }

  @Test func weightsOfAPolicyComeByNameAndPattern() {
    var policy = SendPolicy()
    #expect(policy.weight(of: "a.weight", elementCount: 100) == nil)
    policy.sensitivities = ["a.weight": 0.5, "zero": 0]
    policy.priorities = [.init(pattern: "a.*", factor: 4), .init(pattern: "*weight", factor: 3)]
    #expect(policy.weight(of: "a.weight", elementCount: 100) == 6)
    #expect(policy.weight(of: "b.weight", elementCount: 100) == 30)
    #expect(policy.weight(of: "zero", elementCount: 100) == 0)
    #expect(policy.weight(of: "other", elementCount: 100) == nil)
  }
}

import Checkpoints
import Device
import LinkLayer
import LinkSimulator
import Streaming
import SystemPackage
import Tensors
import Testing
import Transfer

@testable import Runtime

/// A device takes models from the real sender, in virtual time.
struct DeviceReceiverTests {
  @Test func theSampleModelArrivesInSevenPlanes() throws {
    let checkpoint = try Checkpoint(opening: DeviceRun.digits)
    let run = try DeviceRun(checkpoint)
    #expect(run.ending == .completed)
    #expect(run.image == (try DeviceImage(checkpoint).bytes))
    #expect(run.milestones == [0, 1, 2, 3, 4, 5, 6, 7, 65])
    // A sender that nobody tells waits for a second and a half.
    let closing = try #require(run.closing)
    #expect(closing < .milliseconds(100))
  }

  @Test func digestsFollowTheDecoder() throws {
    let checkpoint = try Checkpoint(opening: DeviceRun.digits)
    let late = try DeviceRun(checkpoint, digestsAhead: false)
    let ahead = try DeviceRun(checkpoint)
    #expect(late.ending == .completed)
    #expect(ahead.image == late.image)
    #expect(late.work > 500)
    #expect(ahead.work * 10 < late.work)
  }

  @Test(arguments: [32, 64, 200, 1024]) func anyMTUWillDo(mtu: Int) throws {
    let checkpoint = try SmallModel(.f32).checkpoint
    var scenario = LinkScenario()
    scenario.mtu = mtu
    let run = try DeviceRun(checkpoint, scenario)
    #expect(run.ending == .completed)
    #expect(run.image == (try DeviceImage(checkpoint).bytes))
  }

  @Test(arguments: 0..<60 as Range<UInt64>)
  func drawnFaultsDelayAModelAndNoMore(seed: UInt64) throws {
    let checkpoint = try SmallModel(.f32).checkpoint
    var scenario = LinkScenario(drawnFrom: 50_000 + seed)
    scenario.window = 1
    let run = try DeviceRun(checkpoint, scenario)
    #expect(run.ending == .completed, "\(scenario)")
    #expect(run.image == (try DeviceImage(checkpoint).bytes))
  }

  /// Every type that comes in planes, at scales where its smallest weights have no full mantissa.
  @Test(
    arguments: [DType.f32, .f64, .f16, .bf16],
    [1 as Double, 0x1p-6, 0x1p-9, 0x1p-20, 0x1p-125, 0x1p-140])
  func floatsOfAnySizeAreTold(dtype: DType, scale: Double) throws {
    let checkpoint = try SmallModel(dtype, scale: scale).checkpoint
    let run = try DeviceRun(checkpoint)
    #expect(run.ending == .completed)
  }

  @Test(arguments: [1, 2, 5]) func fewerPlanesAreAModelToo(count: Int) throws {
    let checkpoint = try SmallModel(.f32).checkpoint
    let run = try DeviceRun(checkpoint, policy: .planes(limit: count))
    #expect(run.ending == .completed)
    #expect(run.image == (try DeviceImage(checkpoint, planeCount: count).bytes))
  }

  @Test func tensorsOfZerosArrive() throws {
    let checkpoint = try SmallModel(.f32, scale: 0).checkpoint
    let run = try DeviceRun(checkpoint)
    #expect(run.ending == .completed)
    #expect(run.image == (try DeviceImage(checkpoint).bytes))
  }

  @Test func infinitiesCannotBeKept() throws {
    let run = try DeviceRun(try SmallModel(.f32, scale: .infinity).checkpoint)
    #expect(run.failure?.code == .cannotStore)
    #expect(run.failure?.text == Array("NaN or infinite weight".utf8))
  }

  // MARK: - Another model

  @Test(arguments: [
    (
      "another name", [("large", DType.f32, [30, 20]), ("bios", .f32, [30])], "bias: another name"
    ),
    ("a longer name", [("large", .f32, [30, 20]), ("biases", .f32, [30])], "bias: another name"),
    ("more rows", [("large", .f32, [300, 20]), ("bias", .f32, [30])], "large: another shape"),
    ("another type", [("large", .f64, [30, 20]), ("bias", .f32, [30])], "large: another dtype"),
    ("another shape", [("large", .f32, [20, 30]), ("bias", .f32, [30])], "large: another shape"),
    ("another rank", [("large", .f32, [600]), ("bias", .f32, [30])], "large: another shape"),
    (
      "one tensor more", [("large", .f32, [30, 20]), ("bias", .f32, [30]), ("x", .f32, [1])],
      "another count of tensors"
    ),
    ("one tensor less", [("large", .f32, [30, 20])], "another count of tensors"),
  ])
  func anotherModelIsRefusedBeforeAByteIsOverwritten(
    what: String, tensors: [(String, DType, [Int])], text: String
  ) throws {
    let table = try SmallModel([("large", .f32, [30, 20]), ("bias", .f32, [30])]).checkpoint
    let run = try DeviceRun(try SmallModel(tensors).checkpoint, as: table)
    #expect(run.failure?.code == .wrongModel, "\(what)")
    #expect(run.failure.map { String(decoding: $0.text, as: UTF8.self) } == text)
    #expect(run.image.allSatisfy { $0 == DeviceRun.untouched })
  }

  @Test func aFileIsRefused() throws {
    let run = try DeviceRun(
      try Checkpoint(opaque: [1, 2, 3], named: "notes"), as: SmallModel(.f32).checkpoint)
    #expect(run.failure?.code == .wrongModel)
  }
}

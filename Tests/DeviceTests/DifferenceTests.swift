import Device
import LineModel
import Streaming
import Tensors
import Testing
import Transfer

@testable import Runtime

/// What differs from the model in use is all that comes, and makes of it what the whole would make.
struct DifferenceTests {
  @discardableResult
  private func send(
    _ model: SmallModel, to flash: TestFlash, _ kind: FlashKind, from base: SmallModel? = nil,
    policy: SendPolicy = SendPolicy(), until limit: Int = .max
  ) throws -> DeviceRun {
    try flash.take(
      model.checkpoint, kind, policy: policy, noteInterval: 64, until: limit, from: base?.path)
  }

  private func talk(
    _ flash: TestFlash, _ kind: FlashKind, _ model: SmallModel,
    _ next: ([RecordTalk.Answer]) -> [UInt8]?
  ) throws -> RecordTalk {
    try flash.withStore(
      kind, like: model.checkpoint, { try RecordTalk(model.checkpoint, $0, next) },
      { try RecordTalk(model.checkpoint, $0, next) })
  }

  private func info(_ flash: TestFlash, _ model: SmallModel) throws -> ReceiverInfo {
    try ReceiverInfo(parsing: talk(flash, .backed, model) { _ in nil }.answers[0].body)
  }

  private func image(in flash: TestFlash, like model: SmallModel) -> [UInt8]? {
    flash.image(.backed, like: model.checkpoint)
  }

  /// By differences the image becomes the same as without.
  private func expectSameImage(
    _ old: SmallModel, _ new: SmallModel, _ kind: FlashKind, policy: SendPolicy = SendPolicy(),
    saves: Bool = true
  ) throws {
    let (flash, other) = (TestFlash.small(), TestFlash.small())
    try send(old, to: flash, kind, policy: policy)
    flash.forgetLog()
    let whole = try send(new, to: other, kind, policy: policy)
    let part = try send(new, to: flash, kind, from: old, policy: policy)
    #expect(whole.ending == .completed && part.ending == .completed)
    #expect(image(in: flash, like: new) == image(in: other, like: new))
    #expect(image(in: flash, like: new) != nil)
    // More is said of what is offered, and less of the weights.
    guard saves else { return }
    #expect(part.byteCount < whole.byteCount)
    // No unit is programmed where nothing changes; states take a little more.
    #expect(flash.log.count <= other.log.count + other.log.count / 100)
  }

  @Test(arguments: FlashKind.allCases, [DType.f32, .f64, .f16, .bf16])
  func differencesMakeTheSameImage(kind: FlashKind, dtype: DType) throws {
    let old = try SmallModel(dtype)
    for spread in [0.001, 0.02, 0.3] {
      let new = try SmallModel(dtype, SmallModel.Change(spread: spread))
      try expectSameImage(old, new, kind, saves: spread < 0.1)
    }
  }

  /// A weight that has grown takes the planes of all others further down, or all but out of sight.
  @Test(arguments: FlashKind.allCases, [7.5, 60, 500, 3000])
  func theLargestWeightMayGrow(kind: FlashKind, largest: Double) throws {
    let old = try SmallModel(.f32)
    let new = try SmallModel(.f32, SmallModel.Change(spread: 0.01, largest: largest))
    try expectSameImage(old, new, kind, saves: false)
  }

  /// Where it has shrunk there are no bits of the base for the lowest planes: all comes.
  @Test(arguments: FlashKind.allCases) func theLargestWeightMayShrink(kind: FlashKind) throws {
    let old = try SmallModel(.f32, SmallModel.Change(spread: 0.01, largest: 60))
    let new = try SmallModel(.f32)
    try expectSameImage(old, new, kind, saves: false)
  }

  @Test(arguments: FlashKind.allCases, 1...6)
  func modelsMayHaveFewerPlanes(kind: FlashKind, planeCount: Int) throws {
    let old = try SmallModel(.f32)
    let new = try SmallModel(.f32, SmallModel.Change(spread: 0.02))
    try expectSameImage(old, new, kind, policy: .planes(limit: planeCount), saves: false)
  }

  /// Where more planes come than the base has, its lowest bits are those in the middle, and zeros.
  @Test(arguments: FlashKind.allCases, [DType.f32, .f16, .bf16])
  func aModelMayHaveMorePlanesThanTheOneBefore(kind: FlashKind, dtype: DType) throws {
    let old = try SmallModel(dtype)
    for planeCount in 1...4 {
      for largest in [nil, 12, 60] as [Double?] {
        let change = SmallModel.Change(spread: 0.02, largest: largest)
        let new = try SmallModel(dtype, change)
        let (flash, other) = (TestFlash.small(), TestFlash.small())
        try send(old, to: flash, kind, policy: .planes(limit: planeCount))
        let part = try send(new, to: flash, kind, from: old)
        try send(new, to: other, kind)
        #expect(part.ending == .completed, "\(planeCount) planes, \(largest ?? 0)")
        #expect(image(in: flash, like: new) == image(in: other, like: new))
      }
    }
  }

  @Test(arguments: FlashKind.allCases) func valuesTooSmallForMiddlesMayChange(
    kind: FlashKind
  ) throws {
    for scale in [1e-7, 4e-6] {
      let old = try SmallModel(.f16, scale: scale)
      let change = SmallModel.Change(spread: scale / 10)
      let new = try SmallModel(.f16, scale: scale, change)
      try expectSameImage(old, new, kind, saves: false)
    }
  }

  /// The line is cut behind some bytes, and the power with it.
  @Test(arguments: FlashKind.allCases) func aCutBehindAnyByteIsGoneOnFrom(kind: FlashKind) throws {
    let old = try SmallModel(.f32)
    let new = try SmallModel(.f32, SmallModel.Change(spread: 0.1))
    let flash = TestFlash.small()
    try send(old, to: flash, kind)
    let other = TestFlash(flash)
    let whole = try send(new, to: other, kind, from: old)
    #expect(whole.ending == .completed)
    let wanted = image(in: other, like: new)
    var resumed = 0
    for limit in stride(from: 8, to: whole.byteCount, by: 13) {
      let cut = TestFlash(flash)
      try send(new, to: cut, kind, from: old, until: limit)
      let rest = try send(new, to: cut, kind, from: old)
      #expect(rest.ending == .completed, "\(limit)")
      #expect(image(in: cut, like: new) == wanted, "\(limit)")
      resumed = max(resumed, rest.resumedByteCount)
    }
    #expect(resumed > 150)
  }

  /// The power is cut in the operations of the flash.
  @Test(arguments: FlashKind.allCases) func aCutInAnyWriteIsGoneOnFrom(kind: FlashKind) throws {
    let (old, other) = (try SmallModel(.f32), TestFlash.small())
    let new = try SmallModel(.f32, SmallModel.Change(spread: 0.1))
    try send(new, to: other, kind)
    let wanted = image(in: other, like: new)
    let flash = TestFlash.small()
    try send(old, to: flash, kind)
    let (state, before) = (TestFlash(flash), image(in: flash, like: old))
    flash.forgetLog()
    try send(new, to: flash, kind, from: old)
    var resumedCount = 0
    try state.cut(in: flash.log, seed: 7) { cut, words in
      let found = image(in: cut, like: new)
      #expect(found == before || found == wanted, "\(words)")
      let rest = try send(new, to: cut, kind, from: old)
      #expect(rest.ending == .completed, "\(words)")
      #expect(image(in: cut, like: new) == wanted, "\(words)")
      if rest.resumedByteCount > 0 { resumedCount += 1 }
    }
    #expect(resumedCount > 10)
  }

  /// A stream that no encoder writes does no harm.
  @Test(arguments: FlashKind.allCases) func nonsenseIsRefused(kind: FlashKind) throws {
    let old = try SmallModel(.f32)
    let flash = TestFlash.small()
    try send(old, to: flash, kind)
    let image = image(in: flash, like: old)
    let base = try #require(try info(flash, old).held.first)
    let stream = try ModelRecords(old.checkpoint).stream(flags: 3, base: base.bytes)
    var generator = SeededGenerator(seed: 3)
    var codes: Set<UInt8> = []
    for _ in 0..<60 {
      let coded = (0..<200).map { _ in UInt8.random(in: 0...255, using: &generator) }
      let nonsense = RecordTalk.record(7, coded) + RecordTalk.record(8, [3, 255])
      let talk = try talk(flash, kind, old) { answers in
        // The large tensor of three is a difference.
        answers.count == 1
          ? stream.manifest + RecordTalk.record(10, [8]) : answers.count == 2 ? nonsense : []
      }
      #expect(talk.answers[1].kind == 65)
      #expect(talk.answers.last?.kind == 67)
      codes.insert(talk.answers.last?.body.first ?? 0)
      #expect(self.image(in: flash, like: old) == image)
    }
    // Broken, or not to be kept.
    #expect(codes.isSubset(of: [3, 5]))
  }
}

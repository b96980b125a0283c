import Checkpoints
import Device
import LineModel
import Streaming
import Tensors
import Testing
import Transfer

@testable import Runtime

/// Models in flash: over resets, power cuts and worn pages.
struct FlashStoreTests {
  private let models: [Checkpoint]
  private let images: [[UInt8]]

  init() throws {
    models = try (1...3).map { try SmallModel(.f32, seed: $0).checkpoint }
    images = try models.map { try DeviceImage($0).bytes }
  }

  @discardableResult
  private func send(
    _ model: Checkpoint, to flash: TestFlash, _ kind: FlashKind, unitByteCount: Int = 4
  ) throws -> TransferOutcome? {
    try flash.take(model, kind, unitByteCount: unitByteCount).ending
  }

  private func found(
    in flash: TestFlash, _ kind: FlashKind, unitByteCount: Int = 4, rollingBack: Bool = false
  ) -> [UInt8]? {
    flash.image(kind, like: models[0], unitByteCount: unitByteCount, rollingBack: rollingBack)
  }

  @Test(arguments: FlashKind.allCases, [1, 2, 4, 8, 16])
  func aModelIsThereAfterAReset(kind: FlashKind, unitByteCount: Int) throws {
    let flash = TestFlash.small()
    #expect(found(in: flash, kind) == nil)
    for (model, image) in zip(models, images) {
      #expect(try send(model, to: flash, kind, unitByteCount: unitByteCount) == .completed)
      #expect(found(in: flash, kind, unitByteCount: unitByteCount) == image)
    }
  }

  @Test func noPageIsErasedWhileWeightsComeStraightToFlash() throws {
    let flash = TestFlash.small()
    try send(models[0], to: flash, .direct)
    try send(models[1], to: flash, .direct)
    flash.forgetLog()
    try send(models[2], to: flash, .direct)
    let erasures = flash.log.prefix { if case .erase = $0 { true } else { false } }
    // The slot's pages, and that of the journal.
    #expect(erasures.count == 5)
    #expect(flash.log.dropFirst(5).allSatisfy { if case .program = $0 { true } else { false } })
  }

  /// Cuts the power in every operation of a transfer: the model before is there, or the new one, whole.
  @Test(arguments: FlashKind.allCases) func aPowerCutAtAnyWriteLeavesAModel(kind: FlashKind) throws
  {
    let flash = TestFlash.small()
    try send(models[0], to: flash, kind)
    try send(models[1], to: flash, kind)
    let (before, state) = (TestFlash(flash), TestFlash(flash))
    flash.forgetLog()
    try send(models[2], to: flash, kind)
    #expect(flash.log.count > 100)
    var generator = SeededGenerator(seed: 5)
    for (count, operation) in flash.log.enumerated() {
      let cut = TestFlash(state)
      cut.applyPart(of: operation, &generator)
      let image = found(in: cut, kind)
      let isLast = count == flash.log.count - 1
      #expect(image == images[1] || isLast && image == images[2], "cut in \(count): \(operation)")
      state.apply(operation)
    }
    #expect(found(in: state, kind) == images[2])
    // And what a cut has left does not stand in the way of another try.
    let cut = TestFlash(before)
    for operation in flash.log.dropLast(1) { cut.apply(operation) }
    #expect(try send(models[2], to: cut, kind) == .completed)
    #expect(found(in: cut, kind) == images[2])
  }

  @Test(arguments: FlashKind.allCases) func aCorruptedPageBringsBackTheModelBefore(kind: FlashKind)
    throws
  {
    let flash = TestFlash.small()
    try send(models[0], to: flash, kind)
    try send(models[1], to: flash, kind)
    // The second model is in the second slot.
    for offset in [0, 5, 30, 60, 96, 352, 360, 600] {
      let damaged = TestFlash(flash)
      damaged.corrupt(5 * 256 + offset)
      #expect(found(in: damaged, kind) == images[0], "\(offset)")
      damaged.corrupt(offset)
      #expect(found(in: damaged, kind) == nil, "\(offset)")
    }
  }

  @Test(arguments: FlashKind.allCases) func rollingBackTakesOneWrite(kind: FlashKind) throws {
    let flash = TestFlash.small()
    try send(models[0], to: flash, kind)
    #expect(found(in: TestFlash(flash), kind, rollingBack: true) == nil)
    try send(models[1], to: flash, kind)
    flash.forgetLog()
    #expect(found(in: flash, kind, rollingBack: true) == images[0])
    #expect(flash.log.count == 1)
    #expect(found(in: flash, kind) == images[0])
    // The next one takes the place of the one that was revoked.
    #expect(try send(models[2], to: flash, kind) == .completed)
    #expect(found(in: flash, kind) == images[2])
    #expect(found(in: flash, kind, rollingBack: true) == images[0])
  }

  @Test(arguments: FlashKind.allCases) func aWornFlashIsNoticed(kind: FlashKind) throws {
    let flash = TestFlash.small()
    try send(models[0], to: flash, kind)
    // In the image that is going to be in the second slot, a byte that is not zero.
    let place = try #require(images[1].lastIndex { kind == .direct ? $0 & 1 == 1 : $0 & 1 == 0 })
    flash.wornOffset = 5 * 256 + 352 + 16 + place
    let ending = try send(models[1], to: flash, kind)
    guard case .receiverFailed(let failure) = ending else {
      Issue.record("\(String(describing: ending))")
      return
    }
    // Where weights go straight to flash, the digests are of what is in it.
    #expect(failure.code == (kind == .direct ? .verificationFailed : .cannotStore))
    let text = kind == .direct ? "" : "flash does not hold what was written"
    #expect(failure.text == Array(text.utf8))
    #expect(found(in: flash, kind) == images[0])
  }

  /// The sender bears silence for so long and eight seconds more.
  @Test func storingIsAnnouncedByTheSizeOfTheImage() throws {
    let large = try SmallModel([("large", .f32, [200, 1000])]).checkpoint
    let flash = TestFlash(pageByteCount: 4096, pageCount: 100)
    let image = TestMemory(0 as UInt8, count: 200_000)
    let states = TestMemory(TensorState(), count: 1)
    var store = BackedStore(
      TestFlashPort(flash), CheckpointTable(large), image: image.lent, states: states.lent)
    _ = store.prepare()
    var announced: [UInt16] = []
    var progress = CommitProgress.more
    while progress == .more {
      announced.append(store.commitMilliseconds)
      progress = store.commit(CommittedModel())
    }
    #expect(progress == .done)
    // Each page by itself, and then 32 bytes a millisecond.
    #expect(announced.last == 6250)
    #expect(announced.dropLast().allSatisfy { $0 == 22 })
    let direct = FlashStore(TestFlashPort(flash), CheckpointTable(large), states: states.lent)
    #expect(direct.commitMilliseconds == 6250)
    let small = TestFlashPort(TestFlash.small())
    let least = FlashStore(small, CheckpointTable(models[0]), states: states.lent)
    #expect(least.commitMilliseconds == 200)
  }

  /// Erasing begins anew where the slot to be filled has become the other one.
  @Test func rollingBackWhilePagesAreErasedLeavesNoPageOut() throws {
    let flash = TestFlash.small()
    try send(models[0], to: flash, .backed)
    // What a transfer that was cut off has left in the second slot.
    flash.corrupt(5 * 256)
    flash.corrupt(7 * 256)
    let image = TestMemory(0 as UInt8, count: images[0].count)
    let states = TestMemory(TensorState(), count: 3)
    var store = BackedStore(
      TestFlashPort(flash), CheckpointTable(models[0]), image: image.lent, states: states.lent)
    _ = store.prepare()
    #expect(store.commit(CommittedModel()) == .more)
    let hasModel = store.rollBack()
    #expect(!hasModel)
    _ = store.prepare()
    var progress = CommitProgress.more
    while progress == .more { progress = store.commit(CommittedModel()) }
    #expect(progress == .done)
  }
}

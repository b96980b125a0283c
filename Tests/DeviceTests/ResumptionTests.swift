import Checkpoints
import Device
import LineModel
import LinkLayer
import LinkSimulator
import Streaming
import SystemPackage
import Tensors
import Testing
import Transfer

@testable import Runtime

/// A transfer goes on behind a cut of the power, whenever that comes.
struct ResumptionTests {
  private let models: [Checkpoint]
  private let images: [[UInt8]]

  init() throws {
    models = try (1...2).map { try SmallModel(.f32, seed: $0).checkpoint }
    images = try models.map { try DeviceImage($0).bytes }
  }

  @discardableResult
  private func send(
    _ model: Checkpoint, to flash: TestFlash, _ kind: FlashKind, unitByteCount: Int = 4,
    until limit: Int = .max
  ) throws -> DeviceRun {
    try flash.take(
      model, kind, unitByteCount: unitByteCount, noteInterval: 64, until: limit)
  }

  private func found(
    in flash: TestFlash, _ kind: FlashKind, unitByteCount: Int = 4
  ) -> [UInt8]? {
    flash.image(kind, like: models[0], unitByteCount: unitByteCount)
  }

  /// The line is cut behind some bytes, and the power with it; the next sender goes on.
  @Test(arguments: FlashKind.allCases) func aCutBehindAnyByteIsGoneOnFrom(kind: FlashKind) throws {
    let flash = TestFlash.small()
    try send(models[0], to: flash, kind)
    let whole = try send(models[1], to: TestFlash(flash), kind)
    #expect(whole.ending == .completed)
    var reached = 0
    for limit in stride(from: 8, to: whole.byteCount, by: 29) {
      let cut = TestFlash(flash)
      try send(models[1], to: cut, kind, until: limit)
      let isThere = found(in: cut, kind) == images[1]
      #expect(isThere || found(in: cut, kind) == images[0], "\(limit)")
      let rest = try send(models[1], to: cut, kind)
      #expect(rest.ending == .completed, "\(limit)")
      #expect(found(in: cut, kind) == images[1], "\(limit)")
      #expect(rest.isUnchanged == isThere)
      // Frames of 256 bytes, states each 64 bytes of the stream or blocks of 124, and the manifest.
      if !isThere { #expect(rest.resumedByteCount > limit - 800, "\(limit)") }
      reached = max(reached, rest.resumedByteCount)
    }
    #expect(reached > 400)
  }

  /// The power is cut in the operations of the flash.
  @Test(arguments: FlashKind.allCases, [1, 4, 16])
  func aCutInAnyWriteIsGoneOnFrom(kind: FlashKind, unitByteCount: Int) throws {
    let flash = TestFlash.small()
    try send(models[0], to: flash, kind, unitByteCount: unitByteCount)
    let state = TestFlash(flash)
    flash.forgetLog()
    try send(models[1], to: flash, kind, unitByteCount: unitByteCount)
    var resumedCount = 0
    try state.cut(in: flash.log, seed: 6) { cut, words in
      let isThere = found(in: cut, kind, unitByteCount: unitByteCount) == images[1]
      let rest = try send(models[1], to: cut, kind, unitByteCount: unitByteCount)
      #expect(rest.ending == .completed, "\(words)")
      #expect(found(in: cut, kind, unitByteCount: unitByteCount) == images[1], "\(words)")
      if rest.resumedByteCount > 0 || isThere { resumedCount += 1 }
    }
    #expect(resumedCount > 20)
  }

  /// It is cut again and again, each time a little further.
  @Test(arguments: FlashKind.allCases) func cutAfterCutComesToAnEnd(kind: FlashKind) throws {
    let flash = TestFlash.small()
    try send(models[0], to: flash, kind)
    var cuts = 0
    var run: DeviceRun
    repeat {
      run = try send(models[1], to: flash, kind, until: 900)
      cuts += 1
    } while run.ending == nil && cuts < 20
    #expect(run.ending == .completed)
    #expect(cuts > 1)
    #expect(found(in: flash, kind) == images[1])
  }

  @Test(arguments: FlashKind.allCases) func anotherModelBeginsAnew(kind: FlashKind) throws {
    let flash = TestFlash.small()
    try send(models[0], to: flash, kind, until: 900)
    let run = try send(models[1], to: flash, kind)
    #expect(run.ending == .completed)
    #expect(run.resumedByteCount == 0)
    #expect(found(in: flash, kind) == images[1])
  }

  /// What cannot be kept is not gone on with for ever.
  @Test(arguments: FlashKind.allCases) func whatHasFailedIsForgotten(kind: FlashKind) throws {
    let flash = TestFlash.small()
    try send(models[0], to: flash, kind)
    // In the image of the second slot.
    flash.wornOffset = 5 * 256 + 352 + 16 + 100
    var failures = 0
    for _ in 0..<2 {
      let run = try send(models[1], to: flash, kind)
      #expect(run.resumedByteCount == 0)
      if run.failure != nil { failures += 1 }
    }
    #expect(failures == 2 || found(in: flash, kind) == images[1])
    #expect(failures == 0 || found(in: flash, kind) == images[0])
  }

  @Test(arguments: FlashKind.allCases) func theSameModelNeedNotComeAgain(kind: FlashKind) throws {
    let flash = TestFlash.small()
    let first = try send(models[0], to: flash, kind)
    flash.forgetLog()
    let second = try send(models[0], to: flash, kind)
    #expect(second.ending == .completed)
    #expect(second.isUnchanged)
    #expect(!first.isUnchanged)
    #expect(second.byteCount < 200)
    #expect(flash.log.isEmpty)
  }
}

import Checkpoints
import Device
import Glibc
import LineModel
import LinkSimulator
import SystemPackage

@testable import Runtime

/// The two ways to use a flash.
enum FlashKind: CaseIterable {
  /// The weights go there as they come.
  case direct
  /// They go there from memory in the end.
  case backed
}

/// A device with this flash, switched on anew for whatever is done with it.
extension TestFlash {
  /// Two slots of a small model and their journals.
  static func small() -> TestFlash { TestFlash(pageByteCount: 256, pageCount: 12) }

  /// Does something with the store of a device for models like this one.
  func withStore<R>(
    _ kind: FlashKind, like model: Checkpoint, unitByteCount: Int = 4,
    _ direct: (consuming FlashStore<TestFlashPort>) throws -> R,
    _ backed: (consuming BackedStore<TestFlashPort>) throws -> R
  ) rethrows -> R {
    var port = TestFlashPort(self)
    port.unitByteCount = unitByteCount
    port.programsAgain = kind == .direct
    let table = CheckpointTable(model)
    let states = TestMemory(TensorState(), count: model.tensors.count)
    let image = TestMemory(0 as UInt8, count: table.imageByteCount)
    defer { withExtendedLifetime((states, image)) {} }
    return switch kind {
    case .direct: try direct(FlashStore(port, table, states: states.lent))
    case .backed: try backed(BackedStore(port, table, image: image.lent, states: states.lent))
    }
  }

  /// Sends a model to the device, until the sender has sent so many bytes.
  @discardableResult
  func take(
    _ model: Checkpoint, _ kind: FlashKind, unitByteCount: Int = 4,
    policy: SendPolicy = SendPolicy(), noteInterval: Int = 1024, until limit: Int = .max,
    from base: FilePath? = nil
  ) throws -> DeviceRun {
    try withStore(kind, like: model, unitByteCount: unitByteCount) {
      try DeviceRun(
        model, $0, policy: policy, noteInterval: noteInterval, until: limit, from: base)
    } _: {
      try DeviceRun(
        model, $0, policy: policy, noteInterval: noteInterval, until: limit, from: base)
    }
  }

  /// Calls `body` with what is there after a power cut in operations that are made of this state; and with
  /// words for the cut.
  ///
  /// In sixty of them, and in the last ones, which are those that decide; in each, which takes minutes, with
  /// EVERY_WRITE in the environment.
  func cut(
    in operations: [Operation], seed: UInt64, _ body: (TestFlash, String) throws -> Void
  ) rethrows {
    let state = TestFlash(self)
    var generator = SeededGenerator(seed: seed)
    let step = unsafe getenv("EVERY_WRITE") == nil ? max(operations.count / 60, 1) : 1
    for (count, operation) in operations.enumerated() {
      if count % step == 0 || count > operations.count - 12 {
        let cut = TestFlash(state)
        cut.applyPart(of: operation, &generator)
        try body(cut, "cut in \(count) of \(operations.count): \(operation)")
      }
      state.apply(operation)
    }
  }

  /// The image that the device finds after a reset, of the model in use or of the one before; nil where
  /// there is none.
  func image(
    _ kind: FlashKind, like model: Checkpoint, unitByteCount: Int = 4, rollingBack: Bool = false
  ) -> [UInt8]? {
    withStore(kind, like: model, unitByteCount: unitByteCount) {
      Self.image($0, like: model, rollingBack)
    } _: {
      Self.image($0, like: model, rollingBack)
    }
  }

  private static func image<Store: WeightStore & ~Copyable>(
    _ store: consuming Store, like model: Checkpoint, _ rollsBack: Bool
  ) -> [UInt8]? {
    var store = store
    guard rollsBack ? store.rollBack() : store.restore(), store.model != nil else { return nil }
    return (0..<CheckpointTable(model).imageByteCount).map { store[$0] }
  }
}

import Foundation
import SystemPackage
import Testing

@testable import Checkpoints

/// Files that are made to do harm, or that hold what cannot be sent.
struct HostileFixtureTests {
  private func error(
    _ name: String, limits: CheckpointLimits = .init()
  ) throws -> CheckpointError? {
    let path = try Fixture("hostile/\(name)").path
    return try checkpointError { try Checkpoint(opening: path, limits: limits).readAll() }
  }

  @Test(arguments: [
    ("os_system.pt", 18), ("os_system_legacy.pt", nil), ("os_system_protocol4.pt", nil),
  ])
  func commandIsRefusedAndNotRun(_ name: String, _ offset: Int?) throws {
    let error = try error(name)
    guard case .forbiddenGlobal("posix", "system", let found) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    if let offset { #expect(found == offset) }
    #expect(!FileManager.default.fileExists(atPath: "wtserial-was-here"))
  }

  @Test(arguments: [
    ("builtins_eval.pt", "__builtin__", "eval"), ("getattr.pt", "__builtin__", "getattr"),
  ])
  func builtinsAreRefused(_ name: String, _ module: String, _ function: String) throws {
    #expect(try error(name) == .forbiddenGlobal(module: module, name: function, at: 2))
  }

  @Test(arguments: [
    ("inst.pt", CheckpointError.forbiddenOpcode(UInt8(ascii: "S"), at: 3)),
    ("ext.pt", .forbiddenOpcode(0x82, at: 2)),
    ("protocol9.pt", .malformedPickle(.unsupportedProtocol(9), at: 0)),
    ("memo_bomb.pt", .limitExceeded(.visitedValueCount, found: 4_000_001, limit: 4_000_000)),
    ("itself.pt", .limitExceeded(.nestingDepth, found: 101, limit: 100)),
    ("deep_lists.pt", .limitExceeded(.nestingDepth, found: 101, limit: 100)),
    ("deep_tuples.pt", .limitExceeded(.nestingDepth, found: 101, limit: 100)),
    ("long_text.pt", .limitExceeded(.pickleByteCount, found: 1 << 62, limit: 64 << 20)),
    (
      "pickle_bomb.pt",
      .limitExceeded(.pickleByteCount, found: (64 << 20) + 1, limit: 64 << 20)
    ),
    ("plain.pt", .malformedPickle(.notACheckpoint, at: 0)),
  ])
  func pickleIsRefused(_ name: String, _ expected: CheckpointError) throws {
    #expect(try error(name) == expected)
  }

  @Test(arguments: [
    ("out_of_bounds.pt", TensorFault.outsideStorage), ("overflowing.pt", .outsideStorage),
    ("negative_stride.pt", .invalidStrides), ("negative_extent.pt", .invalidShape),
    ("rank.pt", .invalidStrides), ("overflowing_shape.pt", .invalidShape),
    ("two_types.pt", .storageRedeclared),
  ])
  func tensorIsRefused(_ name: String, _ fault: TensorFault) throws {
    let error = try error(name)
    guard case .malformedTensor(fault, let offset) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(offset > 0)
  }

  @Test(arguments: [
    (
      "huge_shape.pt",
      CheckpointError.limitExceeded(
        .tensorByteCount, found: 1 << 42, limit: 16 * 16 + 256 << 20)
    ),
    ("missing_storage.pt", .missingStorage(key: "7")),
    ("path_traversal.pt", .missingStorage(key: "../../data.pkl")),
    ("short_storage.pt", .storageTooShort(key: "0", declared: 20, found: 16)),
    ("tuple_key.pt", .unnameableTensor(path: "a.?")),
    ("long_name.pt", .limitExceeded(.nameByteCount, found: 2000, limit: 1024)),
    ("script.pt", .torchScriptArchive), ("tar.pt", .pyTorchTarArchive),
    ("quantized.pt", .unsupportedTensor(name: "layer.weight", .quantized)),
    ("sparse.pt", .unsupportedTensor(name: "layer.weight", .sparse)),
    ("nested.pt", .unsupportedTensor(name: "layer.weight", .nested)),
    ("meta.pt", .unsupportedTensor(name: "layer.weight", .meta)),
    ("conjugate.pt", .unsupportedTensor(name: "layer.weight", .lazyConjugateOrNegative)),
    ("storage.pt", .unsupportedTensor(name: "layer.weight", .bareStorage)),
  ])
  func checkpointIsRefused(_ name: String, _ expected: CheckpointError) throws {
    #expect(try error(name) == expected)
  }

  @Test func storageBeyondAnySizeIsRefused() throws {
    let error = try error("huge_storage.pt")
    guard case .malformedPickle(.invalidPersistentID, _) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  @Test(arguments: ["module.pt", "module_legacy.pt"])
  func moduleIsToldFromOtherObjects(_ name: String) throws {
    let error = try error(name)
    guard case .pickledModule("__main__", "Net", _) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  @Test func inflationIsBoundedBeforeItBegins() throws {
    var limits = CheckpointLimits()
    limits.inflatedByteCount = 1 << 20
    #expect(
      try error("pickle_bomb.pt", limits: limits)
        == .limitExceeded(.inflatedByteCount, found: (64 << 20) + 1, limit: 1 << 20))
  }
}

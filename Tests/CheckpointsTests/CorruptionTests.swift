import Testing

@testable import Checkpoints

/// Files cut off anywhere, and files with one wrong byte: an error, or a result within limits.
struct CorruptionTests {
  /// Patterns that move a byte to its neighbours, to the other end, and to other instructions.
  private static let flips: [UInt8] = [0x01, 0x80, 0x2F]

  private func open(_ bytes: [UInt8], _ name: String) throws -> CheckpointError? {
    // Wrong counts shall meet limits, not the patience of whoever runs the tests.
    var limits = CheckpointLimits()
    limits.expansionByteCount = 1 << 20
    limits.inflatedByteCount = 1 << 20
    return try checkpointError { try Checkpoint(bytes, named: name, limits: limits).readAll() }
  }

  @Test(arguments: ["single.pt", "deflated.pt", "types.safetensors", "mapped.safetensors"])
  func everyTruncationIsAnError(_ name: String) throws {
    let bytes = try Fixture(name).bytes
    for count in 1..<bytes.count {
      #expect(try open(Array(bytes[..<count]), name) != nil, "\(count)")
    }
  }

  @Test(arguments: ["legacy.pt", "legacy_views.pt"])
  func everyTruncationOfTheLegacyFormatIsAnError(_ name: String) throws {
    let bytes = try Fixture(name).bytes
    for count in 1..<bytes.count {
      #expect(try open(Array(bytes[..<count]), name) != nil, "\(count)")
    }
  }

  /// The CRCs cover every entry; the rest of an archive may change without a change of the tensors.
  @Test(arguments: ["single.pt", "deflated.pt"])
  func corruptionOfAnArchiveNeverChangesATensor(_ name: String) throws {
    let bytes = try Fixture(name).bytes
    let original = try Checkpoint(bytes, named: name)
    let tensors = try original.tensors.indices.map { try original.bytes($0) }
    var errorCount = 0
    for index in bytes.indices {
      for flip in Self.flips {
        var corrupt = bytes
        corrupt[index] ^= flip
        let error = try checkpointError {
          let checkpoint = try Checkpoint(corrupt, named: name)
          #expect(checkpoint.tensors == original.tensors)
          #expect(try checkpoint.tensors.indices.map { try checkpoint.bytes($0) } == tensors)
        }
        if error != nil { errorCount += 1 }
      }
    }
    #expect(errorCount > bytes.count)
  }

  @Test func wrongByteInAStorageIsFoundWhenItIsRead() throws {
    var bytes = try Fixture("single.pt").bytes
    let data = try Checkpoint(bytes, named: "x.pt").bytes(0)
    let start = try #require(
      bytes.indices.first { bytes[$0...].starts(with: data) }, "the storage is in the file as it is"
    )
    bytes[start] ^= 1
    let checkpoint = try Checkpoint(bytes, named: "x.pt")
    #expect(
      try checkpointError { _ = try checkpoint.bytes(0) }
        == .malformedZip(.entry("single/data/0", code: 7)))
  }

  @Test(arguments: ["types.safetensors", "mapped.safetensors"])
  func everyCorruptionOfAHeaderIsSurvived(_ name: String) throws {
    let bytes = try Fixture(name).bytes
    let headerByteCount = 8 + Int(bytes[0]) + Int(bytes[1]) << 8
    var errorCount = 0
    for index in 0..<headerByteCount {
      for flip in Self.flips {
        var corrupt = bytes
        corrupt[index] ^= flip
        if try open(corrupt, name) != nil { errorCount += 1 }
      }
    }
    // Only names and texts may change unnoticed.
    #expect(errorCount > headerByteCount)
  }

  /// The legacy format has no checksum: nothing stands between its pickles and the machine.
  @Test(arguments: ["legacy.pt", "legacy_views.pt"])
  func everyCorruptionOfAPickleIsSurvived(_ name: String) throws {
    let bytes = try Fixture(name).bytes
    var errorCount = 0
    for index in bytes.indices {
      for value in stride(from: UInt8(0), through: 255, by: 15) where value != bytes[index] {
        var corrupt = bytes
        corrupt[index] = value
        if try open(corrupt, name) != nil { errorCount += 1 }
      }
    }
    #expect(errorCount > bytes.count)
  }

  @Test func byteInsertedOrLostInAPickleIsSurvived() throws {
    let bytes = try Fixture("legacy.pt").bytes
    for index in bytes.indices {
      var longer = bytes
      longer.insert(bytes[(index * 7) % bytes.count], at: index)
      _ = try open(longer, "x.pt")
      var shorter = bytes
      shorter.remove(at: index)
      _ = try open(shorter, "x.pt")
    }
  }
}

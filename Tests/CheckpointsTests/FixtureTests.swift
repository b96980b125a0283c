import Tensors
import Testing

@testable import Checkpoints

/// Files that PyTorch and safetensors made, against what they read from them.
struct FixtureTests {
  static let files = [
    "odd.pt", "parameters.pt", "training.pt", "protocol3.pt", "protocol4.pt", "protocol5.pt",
    "legacy.pt", "legacy4.pt", "legacy_views.pt", "single.pt", "clashes.pt", "nothing.pt",
    "deflated.pt", "big_endian.pt", "types.safetensors", "mapped.safetensors",
  ].map { Fixture($0) }

  @Test(arguments: files)
  func tensorsAreThoseOfPyTorch(_ fixture: Fixture) throws {
    let checkpoint = try Checkpoint(opening: fixture.path)
    let expectations = try fixture.expectations
    #expect(
      checkpoint.tensors.map(\.descriptor.name) == expectations.map { TensorName($0.name) })
    for (index, (tensor, expected)) in zip(checkpoint.tensors, expectations).enumerated() {
      #expect("\(tensor.descriptor.dtype.name)" == expected.dtype, "\(expected.name)")
      #expect(tensor.descriptor.shape.extents == expected.shape, "\(expected.name)")
      #expect(tensor.sharedWith == expected.sharedWith, "\(expected.name)")
      #expect(hexadecimal(try checkpoint.bytes(index)) == expected.bytes, "\(expected.name)")
    }
  }

  @Test(arguments: files)
  func anyRangeIsAPartOfTheWhole(_ fixture: Fixture) throws {
    let checkpoint = try Checkpoint(opening: fixture.path)
    for (index, tensor) in checkpoint.tensors.enumerated() {
      let whole = try checkpoint.bytes(index)
      let byteCount = tensor.descriptor.byteCount
      for lower in 0...min(byteCount, 40) {
        for upper in [lower, lower + 1, lower + 7, byteCount] where upper <= byteCount {
          guard upper >= lower else { continue }
          #expect(try checkpoint.bytes(index, lower..<upper) == Array(whole[lower..<upper]))
          let lent = try checkpoint.withBytes(of: index, lower..<upper) { bytes in
            unsafe bytes.withUnsafeBytes { unsafe Array($0) }
          }
          #expect(lent == Array(whole[lower..<upper]))
        }
      }
    }
  }

  @Test(arguments: [
    ("odd.pt", CheckpointFormat.pyTorchZip), ("legacy.pt", .pyTorchLegacy),
    ("mapped.safetensors", .safetensors),
  ])
  func formatIsRecognizedUnderAnyName(_ name: String, _ format: CheckpointFormat) throws {
    let bytes = try Fixture(name).bytes
    for alias in ["model.bin", "model", "x.safetensors", "x.pth"] {
      #expect(try Checkpoint(bytes, named: alias).format == format)
    }
  }

  @Test func odditiesCoverEveryType() throws {
    let checkpoint = try Checkpoint(opening: Fixture("odd.pt").path)
    #expect(Set(checkpoint.tensors.map(\.descriptor.dtype)) == Set(DType.allCases))
  }

  @Test func valuesThatAreNoTensorsAreCounted() throws {
    #expect(try Checkpoint(opening: Fixture("nothing.pt").path).ignoredValueCount == 1)
    #expect(try Checkpoint(opening: Fixture("odd.pt").path).ignoredValueCount == 0)
    #expect(try Checkpoint(opening: Fixture("training.pt").path).ignoredValueCount > 20)
  }

  @Test func metadataComeInTheirOrderWithoutOurOwn() throws {
    let types = try Checkpoint(opening: Fixture("types.safetensors").path)
    #expect(types.metadata.map(\.key).sorted() == ["format", "note"])
    #expect(types.metadata.first { $0.key == "note" }?.value == "a\tb\"c")
    #expect(try Checkpoint(opening: Fixture("mapped.safetensors").path).metadata.isEmpty)
  }

  @Test func opaqueFileIsItsBytes() throws {
    let bytes: [UInt8] = Array("TFL3".utf8) + [0, 255, 128]
    let checkpoint = try Checkpoint(bytes, named: "model.tflite")
    #expect(checkpoint.format == .opaque)
    #expect(checkpoint.tensors.count == 1)
    #expect(checkpoint.tensors[0].descriptor.name == "model.tflite")
    #expect(checkpoint.tensors[0].descriptor.dtype == .u8)
    #expect(try checkpoint.bytes(0) == bytes)
  }
}

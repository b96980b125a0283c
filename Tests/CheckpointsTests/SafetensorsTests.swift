import Tensors
import Testing

@testable import Checkpoints

/// Headers of safetensors files, read and written.
struct SafetensorsTests {
  private func file(_ header: String, _ data: [UInt8] = []) -> [UInt8] {
    let count = UInt64(header.utf8.count)
    return (0..<8).map { UInt8(truncatingIfNeeded: count >> (8 * $0)) } + Array(header.utf8) + data
  }

  private func error(_ header: String, _ data: [UInt8] = []) throws -> CheckpointError? {
    try checkpointError { _ = try Checkpoint(file(header, data), named: "x.safetensors") }
  }

  @Test func emptyHeaderHoldsNoTensors() throws {
    #expect(try Checkpoint(file("{}"), named: "x").tensors.isEmpty)
    #expect(try Checkpoint(file("{\"__metadata__\":{}}  "), named: "x").tensors.isEmpty)
  }

  @Test func tensorsComeInTheOrderOfTheirData() throws {
    let checkpoint = try Checkpoint(
      file(
        """
        { "b" : {"shape":[1], "dtype":"U8", "data_offsets":[2,3], "x":[{"y":-1.5e3},true,null]},
          "e": {"dtype":"F32","shape":[0,5],"data_offsets":[2,2]},
          "\\u0061\\ud83d\\ude00\\n": {"dtype":"I8","shape":[2],"data_offsets":[0,2]} }
        """, [1, 2, 3]), named: "x.safetensors")
    #expect(checkpoint.tensors.map(\.descriptor.name) == ["a😀\n", "e", "b"])
    #expect(try checkpoint.bytes(0) == [1, 2])
    #expect(try checkpoint.bytes(1) == [])
    #expect(try checkpoint.bytes(2) == [3])
  }

  @Test(arguments: [
    (
      "{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,1]}}",
      SafetensorsFault.sizeMismatch("a")
    ),
    ("{\"a\":{\"dtype\":\"U9\",\"shape\":[1],\"data_offsets\":[0,1]}}", .unknownDType("a")),
    ("{\"a\":{\"dtype\":\"F4\",\"shape\":[1],\"data_offsets\":[0,1]}}", .unknownDType("a")),
    ("{\"a\":{\"shape\":[1],\"data_offsets\":[0,1]}}", .missingField("a")),
    ("{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[1,0]}}", .overlapOrHole("a")),
    ("{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0]}}", .overlapOrHole("a")),
    (
      "{\"a\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}",
      .dataSizeMismatch(declared: 0, found: 1)
    ),
    (
      "{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]}}",
      .dataSizeMismatch(declared: 2, found: 1)
    ),
    (
      "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
        + "\"b\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}", .overlapOrHole("b")
    ),
    ("{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[1,2]}}", .overlapOrHole("a")),
    (
      "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},\"\\u0061\":{}}",
      .duplicateKey("a")
    ),
    ("{\"a\":{\"dtype\":\"U8\",\"dtype\":\"U8\"}}", .duplicateKey("dtype")),
    ("{\"__metadata__\":{\"k\":\"1\",\"k\":\"2\"}}", .duplicateKey("k")),
    ("{\"__metadata__\":{\"k\":1}}", .syntax), ("{\"a\":{\"shape\":[-1]}}", .syntax),
    ("{\"a\":{\"shape\":[01]}}", .syntax), ("{\"a\":{\"shape\":[1.0]}}", .syntax),
    ("{\"a\":{\"shape\":[1,]}}", .syntax), ("{\"a\":{\"shape\":[99999999999999999999]}}", .syntax),
    ("{\"a\":\"b\"}", .syntax), ("{}x", .syntax), ("{\"\\q\":{}}", .syntax),
    ("{\"\\ud83d\":{}}", .syntax), ("{\"a\u{1}\":{}}", .syntax), (" {}", .syntax), ("{,}", .syntax),
  ])
  func headerIsRefused(_ header: String, _ expected: SafetensorsFault) throws {
    let error = try error(header, [0])
    guard case .malformedSafetensors(expected, let offset) = error else {
      Issue.record("\(header): \(String(describing: error))")
      return
    }
    #expect(offset >= 8)
  }

  @Test func deepValuesAreNotFollowed() throws {
    let deep = String(repeating: "[", count: 100_000)
    guard case .malformedSafetensors(.syntax, _) = try error("{\"a\":{\"x\":" + deep) else {
      Issue.record("followed")
      return
    }
  }

  @Test func headerLengthIsCheckedBeforeTheHeader() throws {
    var bytes = file("{}")
    bytes[7] = 0x10
    #expect(
      try checkpointError { _ = try Checkpoint(bytes, named: "x.safetensors") }
        == .limitExceeded(.headerByteCount, found: 0x1000_0000_0000_0002, limit: 100_000_000))
    bytes[7] = 0
    bytes[0] = 3
    #expect(
      try checkpointError { _ = try Checkpoint(bytes, named: "x.safetensors") }
        == .safetensorsHeaderCutOff(found: 10, needed: 11))
  }

  @Test func fileThatIsTooShortForAHeaderTellsWhatItHas() throws {
    for count in 1..<8 {
      let bytes = [UInt8](repeating: 0x61, count: count)
      #expect(
        try checkpointError { _ = try Checkpoint(bytes, named: "x.safetensors") }
          == .safetensorsHeaderCutOff(found: count, needed: 10))
    }
  }

  @Test func layoutIsReadBackAsWhatItWasMadeFrom() throws {
    var tensors: [TensorDescriptor] = []
    for dtype in DType.allCases {
      for extents in [[], [3], [2, 0], [2, 3, 4]] {
        let shape = try #require(TensorShape(extents))
        let name = TensorName("\(dtype.name) \"\\\u{1F}é \(extents)")
        tensors.append(try #require(TensorDescriptor(name: name, dtype: dtype, shape: shape)))
      }
    }
    let metadata = [(key: "b", value: "2\n"), (key: "a", value: "1")]
    let layout = try SafetensorsLayout(tensors: tensors, metadata: metadata)
    var bytes = [UInt8](repeating: 0, count: layout.byteCount)
    bytes.replaceSubrange(0..<layout.header.count, with: layout.header)
    for (index, tensor) in tensors.enumerated() {
      let start = layout.dataOffsets[index]
      #expect(start.isMultiple(of: min(8, tensor.dtype.byteCount)))
      for position in start..<start + tensor.byteCount {
        bytes[position] = UInt8(truncatingIfNeeded: index &* 31 &+ position)
      }
    }

    let checkpoint = try Checkpoint(bytes, named: "x.safetensors")
    #expect(checkpoint.metadata.map(\.key) == ["b", "a"])
    #expect(checkpoint.metadata.map(\.value) == ["2\n", "1"])
    #expect(Set(checkpoint.tensors.map(\.descriptor)) == Set(tensors))
    for (index, tensor) in tensors.enumerated() {
      let found = try checkpoint.bytes(checkpoint.index(of: tensor.name.description))
      let start = layout.dataOffsets[index]
      #expect(found == Array(bytes[start..<start + tensor.byteCount]))
    }
  }

  @Test func emptyLayoutIsAFileToo() throws {
    let layout = try SafetensorsLayout(tensors: [])
    #expect(layout.byteCount == layout.header.count)
    #expect(try Checkpoint(layout.header, named: "x").format == .safetensors)
  }

  @Test func layoutRefusesNamesThatAFileCannotHold() throws {
    let shape = try #require(TensorShape([1]))
    func layout(_ names: [TensorName], _ keys: [String] = []) throws -> CheckpointError? {
      let tensors = names.compactMap { TensorDescriptor(name: $0, dtype: .u8, shape: shape) }
      return try checkpointError {
        _ = try SafetensorsLayout(tensors: tensors, metadata: keys.map { ($0, "") })
      }
    }
    #expect(try layout(["a", "a"]) == .duplicateName("a"))
    #expect(try layout(["__metadata__"]) == .invalidName(Array("__metadata__".utf8)))
    #expect(try layout([TensorName(utf8: [0xFF])]) == .invalidName([0xFF]))
    #expect(try layout(["a"], ["k", "k"]) == .duplicateName("k"))
  }

  @Test func namesThatOnlyLookTheSameAreTwo() throws {
    let shape = try #require(TensorShape([1]))
    let tensors = ["caf\u{E9}", "cafe\u{301}"].compactMap {
      TensorDescriptor(name: TensorName($0), dtype: .u8, shape: shape)
    }
    let layout = try SafetensorsLayout(
      tensors: tensors, metadata: [("\u{E9}", ""), ("e\u{301}", "")])
    let checkpoint = try Checkpoint(layout.header + [1, 2], named: "x")
    #expect(checkpoint.tensors.map(\.descriptor) == tensors)
    #expect(checkpoint.metadata.count == 2)
  }

  @Test func entryThatDoesNotFitTheStoredTypeMeansNothing() throws {
    let header =
      "{\"__metadata__\":{\"wtserial.dtype.a\":\"complex128\"},"
      + "\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}"
    let checkpoint = try Checkpoint(file(header, [9]), named: "x")
    #expect(checkpoint.tensors[0].descriptor.dtype == .u8)
    #expect(checkpoint.metadata.map(\.key) == ["wtserial.dtype.a"])
  }
}

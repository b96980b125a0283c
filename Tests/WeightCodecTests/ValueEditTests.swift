import LineModel
import Tensors
import Testing
import WeightCodec

struct ValueEditTests {
  private func edited(
    _ dtype: DType, _ values: [Double], _ body: (ValueEdit, inout MutableRawSpan) -> Void
  ) throws -> [Double] {
    let tensor = try #require(descriptor(dtype, [values.count]))
    let edit = try #require(ValueEdit(tensor))
    var bytes = elements(values, dtype)
    var span = bytes.mutableSpan
    var memory = unsafe span.mutableBytes
    body(edit, &memory)
    return WeightCodecTests.values(bytes, dtype)
  }

  @Test(arguments: [DType.f32, .f64], [DType.f16, .bf16])
  func castRoundsEachValueToTheNearest(_ dtype: DType, _ target: DType) throws {
    let values = weights(500, seed: 1) + [0, -0.0, 1e-30, -1e-9, 3e-6, 60_000, .infinity]
    let found = try edited(dtype, values) { edit, memory in
      #expect(edit.cast(&memory, to: target))
    }
    for (value, rounded) in zip(values, found) {
      let nearest = FloatBits.value(FloatBits.bits(value, dtype), dtype)
      #expect(rounded == FloatBits.value(FloatBits.bits(nearest, target), target))
      #expect(rounded.sign == value.sign)
    }
  }

  @Test func castThatWouldOverflowChangesNothing() throws {
    let values = [1.0001, 70_000, -2.0001]
    let found = try edited(.f64, values) { edit, memory in
      #expect(!edit.cast(&memory, to: .f16))
    }
    #expect(found == values)
    let bfloats = try edited(.f64, values) { edit, memory in
      #expect(edit.cast(&memory, to: .bf16))
    }
    #expect(bfloats == [1, 70_144, -2])
  }

  @Test func castKeepsWhatIsNoNumber() throws {
    let tensor = try #require(descriptor(.f32, [3]))
    let edit = try #require(ValueEdit(tensor))
    let original = [0x7FC1_2345, 0xFFA0_0001, 0xFF80_0000].flatMap {
      littleEndian($0, byteCount: 4)
    }
    var bytes = original
    var span = bytes.mutableSpan
    var memory = unsafe span.mutableBytes
    #expect(edit.cast(&memory, to: .bf16))
    #expect(bytes == original)
  }

  @Test(arguments: DType.quantizable, [0, 0.3, 0.9])
  func pruningMakesTheSmallestZero(_ dtype: DType, _ share: Double) throws {
    let values = weights(2000, seed: 2)
    let original = WeightCodecTests.values(elements(values, dtype), dtype)
    let found = try edited(dtype, values) { edit, memory in edit.prune(&memory, share: share) }
    let zeroCount = found.count { $0 == 0 }
    // Those that agree in their upper bits go together, or stay.
    #expect(zeroCount <= Int(share * 2000) && zeroCount > Int(share * 2000) - 60)
    let kept = zip(original, found).filter { $0.1 != 0 }
    #expect(kept.allSatisfy { $0.0 == $0.1 })
    let smallestKept = kept.map { abs($0.0) }.min() ?? 0
    for (value, now) in zip(original, found) where now == 0 {
      #expect(abs(value) < smallestKept)
    }
  }

  @Test func onlyRealFloatsAreEdited() throws {
    for dtype in DType.allCases {
      let tensor = try #require(descriptor(dtype, [4]))
      #expect((ValueEdit(tensor) != nil) == DType.quantizable.contains(dtype))
    }
    #expect(ValueEdit(try #require(descriptor(.f32, [0, 3]))) == nil)
  }
}

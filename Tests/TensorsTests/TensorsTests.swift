import Tensors
import Testing

struct DTypeTests {
  @Test func namesAreThoseOfPyTorchAndNoneIsThereTwice() {
    let names = Set(DType.allCases.map { "\($0.name)" })
    #expect(names.count == DType.allCases.count)
    #expect(names.isSuperset(of: ["float32", "bfloat16", "float8_e4m3fn", "bool", "complex128"]))
  }

  @Test func sizesFollowFromTheNames() throws {
    for dtype in DType.allCases {
      // The number in a name counts bits, but for bool and for two floats that share a byte.
      let digits = "\(dtype.name)".drop { !$0.isNumber }.prefix { $0.isNumber }
      let bitCount = Int(digits) ?? 8
      #expect(dtype.byteCount == max(bitCount / 8, 1), "\(dtype)")
    }
  }

  @Test func floatsAreQuantizableOrNarrowAndNeverBoth() {
    for dtype in DType.allCases {
      let isFloat = "\(dtype.name)".contains("float")
      #expect((dtype.isQuantizable || dtype.isNarrowFloat) == isFloat)
      #expect(!(dtype.isQuantizable && dtype.isNarrowFloat))
    }
  }
}

struct TensorShapeTests {
  @Test func countsElements() {
    #expect(TensorShape([])?.elementCount == 1)
    #expect(TensorShape([])?.rank == 0)
    #expect(TensorShape([2, 3, 4])?.elementCount == 24)
    #expect(TensorShape([2, 0, 4])?.elementCount == 0)
    #expect(TensorShape([0, .max, .max])?.elementCount == 0)
  }

  @Test func refusesWhatDoesNotFit() {
    #expect(TensorShape([-1]) == nil)
    #expect(TensorShape([0, -1]) == nil)
    #expect(TensorShape([.max, 2]) == nil)
    #expect(TensorShape([1 << 32, 1 << 32]) == nil)
    #expect(TensorShape(Array(repeating: 1, count: 65)) == nil)
    #expect(TensorShape(Array(repeating: 1, count: 64))?.elementCount == 1)
  }

  @Test func descriptorRefusesASizeThatDoesNotFit() throws {
    let shape = try #require(TensorShape([.max / 4]))
    #expect(TensorDescriptor(name: "t", dtype: .f32, shape: shape)?.byteCount == .max / 4 * 4)
    #expect(TensorDescriptor(name: "t", dtype: .f64, shape: shape) == nil)
  }

  @Test func namesAreComparedByteByByte() {
    #expect(TensorName("weight") == "weight")
    // The same text to Unicode, but two tensors to a checkpoint.
    #expect(TensorName("\u{E9}") != TensorName("e\u{301}"))
    #expect(TensorName(utf8: [0xFF]).utf8 == [0xFF])
  }
}

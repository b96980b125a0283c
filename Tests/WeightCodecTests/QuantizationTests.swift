import Tensors
import Testing

@testable import WeightCodec

/// What quantization does to values: never more than it says, and nothing at all where it cannot
/// keep its word.
struct QuantizationTests {
  @Test(arguments: DType.quantizable, Representation.quantizers)
  func errorIsWithinHalfAStepAndHalfAUnit(_ dtype: DType, _ representation: Representation) throws {
    for (seed, shape) in [[3, 40], [120], [2, 3, 4, 5], [1, 1, 1, 7]].enumerated() {
      let tensor = try #require(descriptor(dtype, shape))
      let original = elements(
        weights(tensor.shape.elementCount, seed: UInt64(seed), spread: 0.5), dtype)
      try expectWithinBound(original, tensor, representation)
    }
  }

  /// Ends of the types: as large as can be, and so small that steps fall between their floats.
  @Test(arguments: DType.quantizable, Representation.quantizers)
  func extremesStayWithinTheBound(_ dtype: DType, _ representation: Representation) throws {
    let greatest: Double =
      switch dtype {
      case .f16: 65504
      case .bf16: 0x1.FEp127
      case .f32: Double(Float.greatestFiniteMagnitude)
      default: .greatestFiniteMagnitude
      }
    let least = dtype.ulp(of: 0)
    let samples = [
      [greatest, -greatest, 0, greatest / 3], [greatest, greatest / 2, 1, greatest / 7],
      [0, least, 0, least], [-least, least * 2, 0, least], [4 * least, 5 * least, 5 * least, 0],
      // Just below one and a half steps: a scale rounded to one step would cut the greatest off.
      [190 * least, -95 * least, least, 3 * least], [1e-3, least, -least, 0],
    ]
    for sample in samples {
      let tensor = try #require(descriptor(dtype, [4]))
      try expectWithinBound(elements(sample, dtype), tensor, representation)
    }
  }

  @Test(arguments: DType.quantizable)
  func constantTensorsComeBackExactlyByAffine(_ dtype: DType) throws {
    let tensor = try #require(descriptor(dtype, [2, 3]))
    for value in [0, 1.0 / 3, -7, 0x1p-14] {
      let original = elements(Array(repeating: value, count: 6), dtype)
      for bits in Representation.bitsRange {
        let (representation, content) = encode(original, tensor, .affine(bits: bits))
        #expect(representation == .affine(bits: bits))
        #expect(content.dropFirst(16).allSatisfy { $0 == 0 })
        #expect(try decode(content, tensor, representation) == original)
      }
    }
  }

  @Test(arguments: DType.quantizable, Representation.quantizers)
  func zerosComeBackExactly(_ dtype: DType, _ representation: Representation) throws {
    for shape in [[5], [2, 3], []] {
      let tensor = try #require(descriptor(dtype, shape))
      let original = [UInt8](repeating: 0, count: tensor.byteCount)
      let (used, content) = encode(original, tensor, representation)
      #expect(used == representation)
      #expect(try decode(content, tensor, used) == original)
    }
  }

  @Test(arguments: DType.quantizable)
  func endsOfTheRangeComeBackExactlyByAffine(_ dtype: DType) throws {
    let tensor = try #require(descriptor(dtype, [3]))
    let original = elements([-0.7, 0.123, 1.9], dtype)
    for bits in Representation.bitsRange {
      let (used, content) = encode(original, tensor, .affine(bits: bits))
      let decoded = values(try decode(content, tensor, used), dtype)
      #expect(decoded.first == values(original, dtype).first)
      #expect(decoded.last == values(original, dtype).last)
    }
  }

  @Test(arguments: DType.quantizable, Representation.quantizers)
  func whatIsNotFiniteGoesOutExactly(_ dtype: DType, _ representation: Representation) throws {
    let tensor = try #require(descriptor(dtype, [2, 2]))
    for odd in [Double.nan, .infinity, -.infinity] {
      for place in 0..<4 {
        var sample = [0.5, -1, 2, 0]
        sample[place] = odd
        let original = elements(sample, dtype)
        let (used, content) = encode(original, tensor, representation)
        #expect(used == .exact)
        #expect(content == original)
      }
    }
  }

  @Test func scaleThatNoFloatHoldsLeavesTheTensorExact() throws {
    let tensor = try #require(descriptor(.f64, [2]))
    for value in [1e300, 1e-300] {
      let original = elements([value, -value], .f64)
      #expect(encode(original, tensor, .channel(bits: 8)).representation == .exact)
    }
  }

  @Test func channelsHaveScalesOfTheirOwn() throws {
    let tensor = try #require(descriptor(.f32, [3, 2]))
    let original = elements([1, -0.5, 100, 50, 0, 0], .f32)
    let (used, content) = encode(original, tensor, .channel(bits: 8))
    let decoded = values(try decode(content, tensor, used), .f32)
    let step = 1.0 / 127
    #expect(abs(decoded[1] + 0.5) <= step)
    #expect(abs(decoded[3] - 50) <= 100 * step)
    #expect(decoded[4...] == [0, 0])
  }

  private func expectWithinBound(
    _ original: [UInt8], _ tensor: TensorDescriptor, _ representation: Representation
  ) throws {
    let dtype = tensor.dtype
    let (used, content) = encode(original, tensor, representation)
    #expect(content.count == used.byteCount(for: tensor))
    let decoded = try decode(content, tensor, used)
    #expect(decoded.count == original.count)
    guard used != .exact else {
      #expect(decoded == original)
      return
    }
    let (before, after) = (values(original, dtype), values(decoded, dtype))
    let channels = before.count / max(Representation.channelCount(of: tensor.shape), 1)
    for (index, (was, found)) in zip(before, after).enumerated() {
      let step: Double
      switch used {
      case .affine(let bits):
        step =
          AffineQuantizer(
            minimum: before.min() ?? 0, maximum: before.max() ?? 0, bits: bits
          ).step
      case .channel:
        let start = tensor.shape.rank >= 2 ? index / channels * 4 : 0
        let bits = content[start..<start + 4].reversed().reduce(0) { $0 << 8 | UInt32($1) }
        step = Double(Float(bitPattern: bits))
      default: step = 0
      }
      let magnitude = max(before.map(\.magnitude).max() ?? 0, dtype.ulp(of: 0))
      // Computed in Double: for f64 itself, the arithmetic rounds too.
      let unit = dtype.ulp(of: magnitude) * (dtype == .f64 ? 4 : 1)
      let error = abs(found / 2 - was / 2)
      if !(error <= (step / 2 + unit / 2) / 2 * (1 + 0x1p-20)) {
        Issue.record("\(was) becomes \(found) by steps of \(step): \(used), \(before)")
      }
    }
  }
}

import LineModel
import Tensors
import Testing
import WeightCodec

/// What a receiver's memory holds while planes come.
struct PlaneKnowledgeTests {
  private func drawnModel(_ dtype: DType, seed: UInt64) throws -> CodedModel {
    var model = CodedModel()
    var values = weights(600, seed: seed)
    for index in stride(from: 0, to: 600, by: 37) { values[index] = 0 }
    try model.add(dtype, [30, 20], near: values)
    return model
  }

  @Test(arguments: DType.quantizable, CodecVariant.allCases)
  func everyPlaneEndsInTheMiddleOfWhatIsKnown(_ dtype: DType, _ variant: CodecVariant) throws {
    let model = try drawnModel(dtype, seed: 21)
    let original = model.values(of: 0, in: model.bytes)
    let largest = original.map(abs).max() ?? 0
    for planes in 1...12 {
      let units = CodedModel.passes(of: 0, planes: planes, mantissas: [])
      let found = model.values(
        of: 0, in: try model.decode(model.encode(units, variant)[0], variant).memory)
      let threshold = largest.binade / Double(1 << (planes - 1))
      let isAsKnown = zip(original, found).allSatisfy { value, known in
        guard abs(value) >= threshold else { return known == 0 && known.sign == .plus }
        let middle = ((abs(value) / threshold).rounded(.down) + 0.5) * threshold
        // Where all bits are known there is no middle.
        let expected = dtype.ulp(of: abs(value)) < threshold ? middle : abs(value)
        return abs(known) == expected && (known < 0) == (value < 0)
          && abs(value - known) <= threshold / 2
      }
      #expect(isAsKnown, "\(planes) planes")
    }
  }

  @Test(arguments: DType.quantizable)
  func shortMantissasAreTheMiddleToo(_ dtype: DType) throws {
    let model = try drawnModel(dtype, seed: 22)
    let original = model.values(of: 0, in: model.bytes)
    for bits in [0, 1, 3, 6] {
      let codeword = model.encode([(0, .mantissa(bits: bits))], .flat)[0]
      let found = model.values(of: 0, in: try model.decode(codeword, .flat).memory)
      let isAsKnown = zip(original, found).allSatisfy { value, known in
        guard value != 0 else { return known == 0 }
        let step = abs(value).binade / Double(1 << bits)
        return known != 0 && (known < 0) == (value < 0) && abs(value - known) <= step / 2
      }
      #expect(isAsKnown, "\(bits) bits")
    }
  }

  @Test(arguments: DType.quantizable, CodecVariant.allCases)
  func cutTensorIsWhatADecoderHas(_ dtype: DType, _ variant: CodecVariant) throws {
    var generator = SeededGenerator(seed: 8)
    let format = try #require(FloatFormat(dtype))
    for oddShare in [0, 0.2, 1] {
      var model = CodedModel()
      let bits = CodedStreamTests.drawnBits(
        format, count: 300, oddShare: oddShare, &generator)
      try model.add(dtype, [15, 20], bits)
      let head = model.head(of: 0)
      let grid = try #require(model.tensors[0].grid)
      for planes in 1...min(20, (head.topLevel ?? 0) + 1) {
        let units = CodedModel.passes(of: 0, planes: planes, mantissas: [])
        let decoded = try model.decode(model.encode(units, variant)[0], variant).memory
        var cut = model.bytes
        var span = cut.mutableSpan
        var memory = unsafe span.mutableBytes
        grid.cut(&memory, topLevel: head.topLevel, planeCount: planes)
        #expect(cut == decoded, "\(planes) planes")
      }
    }
  }

  @Test(arguments: CodecVariant.allCases)
  func streamCutAnywhereLeavesASensibleMemory(_ variant: CodecVariant) throws {
    let model = try drawnModel(.f32, seed: 23)
    let original = model.values(of: 0, in: model.bytes)
    let units = CodedModel.passes(of: 0, planes: 5, mantissas: [23])
    let codeword = model.encode(units, variant)[0]
    var previous = Double.infinity
    // Every byte of the first planes, and some behind.
    let counts = Array(0..<120) + stride(from: 120, to: codeword.count, by: 11)
    for count in counts {
      let (memory, hasEnded) = try model.decode(codeword[..<count], variant, isLast: false)
      #expect(!hasEnded)
      var error = 0.0
      var isSensible = true
      for (value, known) in zip(original, model.values(of: 0, in: memory)) {
        // Nothing, or within the octave.
        isSensible = isSensible && (known == 0 || abs(value - known) <= abs(value) / 2)
        error += (value - known) * (value - known)
      }
      #expect(isSensible, "\(count) bytes")
      // One bit may make a weight worse by as much as half of what it was known to.
      #expect(error < previous * 1.1)
      previous = min(error, previous)
      // The same as the codeword's end: an error or an end, and no more than that.
      _ = try? model.decode(codeword[..<count], variant)
    }
    #expect(try model.decode(codeword, variant).memory == model.bytes)
  }

  @Test(arguments: CodecVariant.allCases)
  func portionsAndPausesChangeNothing(_ variant: CodecVariant) throws {
    var generator = SeededGenerator(seed: 4)
    var model = CodedModel()
    let format = try #require(FloatFormat(.f32))
    try model.add(
      .f32, [40, 9], CodedStreamTests.drawnBits(format, count: 360, oddShare: 0.1, &generator))
    try model.add(.i16, [50], (0..<50).map { UInt64($0 * $0) })
    let units =
      CodedModel.passes(of: 0, planes: 7, mantissas: [4, 23]) + [(1, .bytes(asDifferences: true))]
    let codeword = model.encode(units, variant)[0]
    for portion in [1, 2, 3, 5, 16, 63, 64, 127, 128, 129, 1000] {
      for work in [1, 2, 7, 100, 1 << 20] {
        let decoded = try model.decode(
          codeword, variant, portionByteCount: portion, workLimit: work)
        #expect(decoded.memory == model.bytes && decoded.hasEnded)
      }
    }
  }
}

import LineModel
import Tensors
import Testing
import WeightCodec

/// Tensors that are not of floats, and what little there is to tell of some.
struct CodedBytesTests {
  static let dtypes = DType.allCases.filter { FloatFormat($0) == nil }

  @Test(arguments: dtypes, [true, false])
  func everyOtherTypeArrivesByItsBytes(_ dtype: DType, _ asDifferences: Bool) throws {
    var generator = SeededGenerator(seed: UInt64(dtype.rawValue))
    var model = CodedModel()
    for extents in [[], [1], [77], [13, 9]] {
      let count = extents.reduce(1, *)
      let values = (0..<count).map { _ in UInt64.random(in: 0...UInt64.max, using: &generator) }
      try model.add(dtype, extents, values)
    }
    let units = model.tensors.indices.map { ($0, Pass.bytes(asDifferences: asDifferences)) }
    for variant in CodecVariant.allCases {
      let codewords = model.encode(units, variant, cuts: [0, 2])
      #expect(try model.decode(codewords, variant, &generator) == model.bytes)
    }
  }

  @Test func countersAreNothingAsDifferences() throws {
    var model = CodedModel()
    try model.add(.i64, [5000], (0..<5000).map { UInt64($0 * 3 + 70_000) })
    func cost(_ asDifferences: Bool) -> Int {
      model.encode([(0, .bytes(asDifferences: asDifferences))], .flat)[0].count
    }
    #expect(cost(true) < 1000)
    #expect(cost(true) * 4 < cost(false))
  }

  @Test(arguments: [DType.u8, .i32, .bool, .i64])
  func constantIntegersAreNothing(_ dtype: DType) throws {
    var model = CodedModel()
    try model.add(dtype, [1 << 14], Array(repeating: 1, count: 1 << 14))
    let codeword = model.encode([(0, .bytes(asDifferences: false))], .lines)[0]
    // Eight decisions a byte, each at 1/2800 of a bit at least.
    #expect(codeword.count < 80 * dtype.byteCount)
    #expect(try model.decode(codeword, .lines).memory == model.bytes)
  }

  @Test(arguments: [1.0, 0.0, -0.0, -2], CodecVariant.allCases)
  func constantFloatsOfFewBitsAreNothing(_ value: Double, _ variant: CodecVariant) throws {
    var model = CodedModel()
    let count = 1 << 16
    try model.add(.f32, [256, 256], near: Array(repeating: value, count: count))
    let codeword = model.encode([(0, .mantissa(bits: 23))], variant)[0]
    #expect(codeword.count < 120)
    #expect(try model.decode(codeword, variant).memory == model.bytes)
  }

  @Test(arguments: CodecVariant.allCases)
  func planesOfNothingButZerosAreNothing(_ variant: CodecVariant) throws {
    var model = CodedModel()
    try model.add(.f32, [1000, 1000], near: Array(repeating: 0, count: 1_000_000))
    let codeword = model.encode([(0, .significance)], variant)[0]
    #expect(codeword.count <= 4)
    #expect(try model.decode(codeword, variant).memory == model.bytes)
  }

  @Test(arguments: CodecVariant.allCases)
  func prunedWeightsCostLittleMoreThanWhereTheyAreNot(_ variant: CodecVariant) throws {
    var generator = SeededGenerator(seed: 3)
    let count = 20_000
    var values = weights(count, seed: 5)
    for index in values.indices where Int.random(in: 0..<10, using: &generator) > 0 {
      values[index] = 0
    }
    var model = CodedModel()
    try model.add(.f32, [100, 200], near: values)
    let units = CodedModel.passes(of: 0, planes: 6, mantissas: [])
    let codeword = model.encode(units, variant)[0]
    // 0.47 bits of where, and signs and bits of one in ten.
    #expect(Double(codeword.count * 8) < Double(count) * (0.47 * 1.25 + 0.1 * 8))
    let decoded = model.values(of: 0, in: try model.decode(codeword, variant).memory)
    for (value, found) in zip(values, decoded) where value == 0 { #expect(found == 0) }
  }

  @Test func modelsWithoutTensorsAreAnEmptyCodeword() throws {
    let model = CodedModel()
    var encoder = CodedStreamEncoder([], .flat)
    encoder.endCodeword()
    #expect(encoder.takeBytes().isEmpty)
    #expect(try model.decode([], .flat).hasEnded)
  }
}

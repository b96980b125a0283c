import LineModel
import Tensors
import Testing
import WeightCodec

struct CodedStreamTests {
  static let floats: [DType] = [.f32, .f64, .f16, .bf16, .c32, .c64, .c128]

  /// Bits of floats: scaled normal ones, with odd values among them.
  static func drawnBits(
    _ format: FloatFormat, count: Int, oddShare: Double, _ generator: inout SeededGenerator
  ) -> [UInt64] {
    let width = UInt64(8 * format.byteCount)
    let mask = width == 64 ? UInt64.max : (1 << width) - 1
    let bias = (UInt64(1) << (width - 2 - UInt64(format.mantissaBits))) - 1
    return (0..<count).map { _ in
      let random = UInt64.random(in: 0...mask, using: &generator)
      guard Double.random(in: 0..<1, using: &generator) >= oddShare else {
        switch Int.random(in: 0..<6, using: &generator) {
        case 0: return 0
        case 1: return 1 << (width - 1)
        case 2: return random  // Anything: NaNs, subnormals, huge ones.
        case 3: return random & ((1 << UInt64(format.mantissaBits)) - 1)  // Subnormal.
        case 4: return mask >> 1  // A NaN with all bits set.
        default: return (mask >> 1) & ~((1 << UInt64(format.mantissaBits)) - 1)  // Infinity.
        }
      }
      let exponent = bias - UInt64(Int.random(in: 1...6, using: &generator))
      let sign = random & (1 << (width - 1))
      let mantissa = random & ((1 << UInt64(format.mantissaBits)) - 1)
      return sign | exponent << UInt64(format.mantissaBits) | mantissa
    }
  }

  @Test(arguments: floats, CodecVariant.allCases)
  func everyFloatEndsExact(_ dtype: DType, _ variant: CodecVariant) throws {
    var generator = SeededGenerator(seed: UInt64(dtype.rawValue))
    let format = try #require(FloatFormat(dtype))
    for round in 0..<30 {
      var model = CodedModel()
      var units: [(index: Int, pass: Pass)] = []
      for (index, extents) in [[7, 5], [1], [33], [3, 4, 2, 2], [40, 40], []].enumerated() {
        let parts = dtype.rawValue >= DType.c32.rawValue ? 2 : 1
        let count = extents.reduce(1, *) * parts
        let share = [0, 0.1, 1][round % 3]
        try model.add(
          dtype, extents, Self.drawnBits(format, count: count, oddShare: share, &generator))
        let top = model.head(of: index).topLevel ?? 0
        let planes = min(Int.random(in: 0...14, using: &generator), top + 1)
        let first = Int.random(in: 0..<format.mantissaBits, using: &generator)
        units += CodedModel.passes(
          of: index, planes: planes, mantissas: [first, format.mantissaBits])
      }
      let codewords = model.encode(units, variant, cuts: [1, 5, 6])
      let decoded = try model.decode(codewords, variant, &generator)
      #expect(decoded == model.bytes, "round \(round)")
    }
  }
}

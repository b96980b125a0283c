import LineModel
import Tensors
import Testing
import WeightCodec

/// Streams that no encoder wrote, and values that are no numbers.
struct HostileStreamTests {
  @Test(arguments: DType.quantizable, CodecVariant.allCases)
  func oddValuesStayWhatTheyAre(_ dtype: DType, _ variant: CodecVariant) throws {
    let format = try #require(FloatFormat(dtype))
    let sign = UInt64(1) << UInt64(8 * format.byteCount - 1)
    let ones = (UInt64(1) << UInt64(format.mantissaBits)) - 1
    let infinity = (sign - 1) & ~ones
    let odd = [
      0, sign, infinity, sign | infinity, infinity | 1, sign | infinity | ones, infinity | 0x55, 1,
      sign | 1, ones, sign | ones, ones + 1, infinity - 1, sign | (infinity - 1),
    ]
    for values in [odd, odd + odd.reversed(), Array(repeating: infinity | 3, count: 9)]
      + odd.map({ [$0] })
    {
      var model = CodedModel()
      try model.add(dtype, [values.count], values)
      let top = model.head(of: 0).topLevel ?? 0
      for planes in [0, 1, min(3, top + 1)] {
        let units = CodedModel.passes(of: 0, planes: planes, mantissas: [1, format.mantissaBits])
        let decoded = try model.decode(model.encode(units, variant)[0], variant)
        #expect(decoded.memory == model.bytes, "\(values) after \(planes) planes")
        // What is no number is known with the first pass.
        let first = try model.decode(model.encode([units[0]], variant)[0], variant).memory
        let size = format.byteCount
        for (index, value) in values.enumerated() where value & ~sign >= infinity {
          let range = index * size..<(index + 1) * size
          #expect(first[range] == model.bytes[range])
        }
      }
    }
  }

  private static func model(_ generator: inout SeededGenerator) throws -> CodedModel {
    var model = CodedModel()
    for dtype in [DType.f32, .bf16, .f64, .f16] {
      guard let format = FloatFormat(dtype) else { continue }
      let extents: [Int] = [[6, 7], [1], [31]].randomElement(using: &generator) ?? []
      let count = extents.reduce(1, *)
      let share: Double = [0, 0.1, 1].randomElement(using: &generator) ?? 0
      let bits = CodedStreamTests.drawnBits(format, count: count, oddShare: share, &generator)
      var base: [UInt64]?
      if Bool.random(using: &generator) {
        base = Bool.random(using: &generator) ? bits.map { $0 ^ 0x15 } : bits.reversed()
      }
      try model.add(dtype, extents, bits, from: base)
    }
    try model.add(.i32, [12], (0..<12).map { UInt64($0) })
    try model.add(.u16, [9], (0..<9).map { UInt64($0) }, from: (0..<9).map { 500 * UInt64($0) })
    return model
  }

  private static func addUpdates(
    to model: inout CodedModel, _ generator: inout SeededGenerator
  ) {
    for index in model.tensors.indices where model.tensors[index].hasUpdate(.lines) {
      guard let grid = model.tensors[index].grid else { continue }
      model.updates[index] = LowRankUpdateTests.drawnUpdate(grid, rank: 2, &generator)
    }
  }

  private static func units(
    _ model: CodedModel, _ generator: inout SeededGenerator
  ) throws -> [(index: Int, pass: Pass)] {
    try model.tensors.indices.flatMap { index -> [(index: Int, pass: Pass)] in
      guard let grid = model.tensors[index].grid else {
        return [(index, .bytes(asDifferences: Bool.random(using: &generator)))]
      }
      if model.tensors[index].hasBase {
        let planes = Int.random(in: 0...14, using: &generator)
        return try model.basePasses(of: index, planes: planes)
      }
      let top = model.head(of: index).topLevel ?? 0
      let planes = Int.random(in: 0...min(6, top + 1), using: &generator)
      return CodedModel.passes(
        of: index, planes: planes, mantissas: [2, grid.format.mantissaBits])
    }
  }

  /// Each ends, with an error or as a codeword does: with bytes changed, taken out, put in, or all random.
  @Test(arguments: 0..<100 as Range<UInt64>)
  func damagedStreamsEndInAnErrorOrAnEnd(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    var model = try Self.model(&generator)
    let variant = CodecVariant.allCases[Int(seed % 2)]
    if variant == .lines { Self.addUpdates(to: &model, &generator) }
    let sound = model.encode(try Self.units(model, &generator), variant)[0]
    var refusalCount = 0
    for round in 0..<40 {
      var bytes = sound
      if round % 4 == 3 {
        bytes = (0..<Int.random(in: 0...400, using: &generator)).map { _ in
          UInt8.random(in: 0...255, using: &generator)
        }
      } else {
        let limit = Bool.random(using: &generator) ? min(bytes.count, 12) : bytes.count
        for _ in 0..<Int.random(in: 1...3, using: &generator) {
          let place = Int.random(in: 0..<limit, using: &generator)
          switch round % 3 {
          case 0: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
          case 1: bytes.insert(UInt8.random(in: 0...255, using: &generator), at: place)
          default: bytes.remove(at: min(place, bytes.count - 1))
          }
          if bytes.isEmpty { break }
        }
      }
      do throws(CodedStreamError) {
        let portion = Int.random(in: 1...200, using: &generator)
        let decoded = try model.decode(bytes, variant, portionByteCount: portion)
        #expect(decoded.hasEnded, "a codeword that is complete is read to its end")
      } catch {
        refusalCount += 1
      }
    }
    // Nearly all of what is no codeword is known to be none.
    #expect(refusalCount > 10)
  }

  @Test func bytesBehindTheEndAreRefused() throws {
    var model = CodedModel()
    try model.add(.f32, [10], near: weights(10, seed: 1))
    let codeword = model.encode([(0, .mantissa(bits: 23))], .flat)[0]
    // Up to four may stand for those that the encoder leaves out.
    for tail in [[0, 0, 0, 0, 1], [1, 2, 3, 4, 5], [UInt8](repeating: 9, count: 300)] as [[UInt8]] {
      #expect(throws: CodedStreamError.self) { try model.decode(codeword + tail, .flat) }
    }
  }

  @Test func unitsOutOfTurnAreRefused() throws {
    var model = CodedModel()
    try model.add(.f32, [2], near: [1, 2])
    // A tensor that is exact, once more; written by an encoder that thinks of two tensors.
    var other = model
    try other.add(.f32, [2], near: [1, 2])
    let codeword = other.encode([(0, .mantissa(bits: 23)), (1, .mantissa(bits: 23))], .flat)[0]
    #expect(throws: CodedStreamError.self) { try model.decode(codeword, .flat) }
  }
}

import LineModel
import Tensors
import Testing
import WeightCodec

/// Tensors that come as what differs from an earlier version.
struct CodedBaseTests {
  /// How a base differs from what it is the base of.
  enum Change: CaseIterable {
    case none, few, small, all, zeros

    /// The bits of a base.
    func base(
      of bits: [UInt64], _ format: FloatFormat, oddShare: Double,
      _ generator: inout SeededGenerator
    ) -> [UInt64] {
      let other = CodedStreamTests.drawnBits(
        format, count: bits.count, oddShare: oddShare, &generator)
      return bits.indices.map { index in
        switch self {
        case .none: bits[index]
        case .few:
          Int.random(in: 0..<10, using: &generator) == 0 ? other[index] : bits[index]
        // In the lower bits of the mantissa, either way.
        case .small: bits[index] ^ UInt64.random(in: 0..<8, using: &generator)
        case .all: other[index]
        case .zeros: 0
        }
      }
    }
  }

  @Test(arguments: CodedStreamTests.floats, CodecVariant.allCases)
  func everyFloatEndsExactFromAnyBase(_ dtype: DType, _ variant: CodecVariant) throws {
    var generator = SeededGenerator(seed: UInt64(dtype.rawValue))
    let format = try #require(FloatFormat(dtype))
    let parts = dtype.rawValue >= DType.c32.rawValue ? 2 : 1
    for (round, change) in (Change.allCases + Change.allCases).enumerated() {
      let share = [0, 0.1, 1][round % 3]
      var model = CodedModel()
      var units: [(index: Int, pass: Pass)] = []
      for (index, extents) in [[7, 5], [1], [33], [3, 4, 2, 2], [20, 25], []].enumerated() {
        let count = extents.reduce(1, *) * parts
        let bits = CodedStreamTests.drawnBits(format, count: count, oddShare: share, &generator)
        let base = change.base(of: bits, format, oddShare: share, &generator)
        try model.add(dtype, extents, bits, from: base)
        let head = model.head(of: index)
        let planes = min(
          head.commonPlaneCount + Int.random(in: 0...9, using: &generator),
          (head.topLevel ?? -1) + 1)
        units += try model.basePasses(of: index, planes: planes)
      }
      // One without, among those that have bases.
      try model.add(dtype, [parts], Array(repeating: 3, count: parts * parts))
      units.append((6, .mantissa(bits: format.mantissaBits)))
      let codewords = model.encode(units, variant, cuts: [1, 5, 6])
      let decoded = try model.decode(codewords, variant, &generator)
      #expect(decoded == model.bytes, "round \(round), \(change)")
    }
  }

  /// All levels there are, down to the smallest subnormal.
  @Test(arguments: [DType.f16, .bf16], CodecVariant.allCases)
  func planesGoDownToTheLastBit(_ dtype: DType, _ variant: CodecVariant) throws {
    var generator = SeededGenerator(seed: 7)
    let format = try #require(FloatFormat(dtype))
    let bits = CodedStreamTests.drawnBits(format, count: 120, oddShare: 0.3, &generator)
    for change in Change.allCases {
      let base = change.base(of: bits, format, oddShare: 0.3, &generator)
      var model = CodedModel()
      try model.add(dtype, [10, 12], bits, from: base)
      let units = try model.basePasses(of: 0, planes: .max)
      let decoded = try model.decode(model.encode(units, variant), variant, &generator)
      #expect(decoded == model.bytes, "\(change)")
      // But for the signs of zeros the planes have told everything.
      let planes = try model.decode(
        model.encode(Array(units.dropLast()), variant), variant, &generator)
      guard units.count > 1 else { continue }
      for (value, found) in zip(
        model.values(of: 0, in: model.bytes), model.values(of: 0, in: planes))
      where !value.isNaN {
        #expect(value == found, "\(change)")
      }
    }
  }

  /// After each pass an element has the base's value, or the nearest that is possible.
  @Test(arguments: [DType.f32, .f64], CodecVariant.allCases)
  func whatIsHeldIsTheNearestToTheBase(_ dtype: DType, _ variant: CodecVariant) throws {
    let (old, change) = (weights(300, seed: 1), weights(300, seed: 2, spread: 0.02))
    let new = zip(old, change).map { $0 + $1 }
    var model = CodedModel()
    try model.add(
      dtype, [15, 20], new.map { FloatBits.bits($0, dtype) },
      from: old.map { FloatBits.bits($0, dtype) })
    let top = try #require(model.head(of: 0).topLevel)
    let format = try #require(FloatFormat(dtype))
    let units = try model.basePasses(of: 0, planes: 16)
    var plane = model.head(of: 0).commonPlaneCount
    for count in 1..<units.count {
      let memory = try model.decode(model.encode(Array(units[..<count]), variant)[0], variant)
      let isRefined = units[count - 1].pass == .refinement || plane == 0
      let step = Double(
        sign: .plus, exponent: top - plane - (dtype == .f32 ? 149 : 1074), significand: 1)
      for ((now, was), held) in zip(zip(new, old), model.values(of: 0, in: memory.memory)) {
        let (value, base) = (
          FloatBits.value(FloatBits.bits(now, dtype), dtype),
          FloatBits.value(FloatBits.bits(was, dtype), dtype)
        )
        let expected = Self.nearest(
          to: base, forThat: value, step: step, isRefined: isRefined, ulp: dtype.ulp(of:))
        #expect(held == expected, "\(units[count - 1].pass) of plane \(plane): \(value), \(base)")
      }
      if isRefined { plane += 1 }
    }
    #expect(format.mantissaBits > 16)
  }

  /// The same in floating point.
  private static func nearest(
    to base: Double, forThat value: Double, step: Double, isRefined: Bool,
    ulp: (Double) -> Double
  ) -> Double {
    let magnitude = value.magnitude
    guard magnitude >= step else {
      // Between the two thresholds, without these.
      let limit = step - ulp(step / 2)
      return min(max(base, -limit), limit)
    }
    // Refinement has yet to come for those that were known before the plane.
    let width = isRefined || magnitude < 2 * step ? step : 2 * step
    let low = (magnitude / width).rounded(.down) * width
    let high = low + width - ulp(low)
    let sign: Double = value < 0 ? -1 : 1
    return sign * min(max(sign * base, low), max(high, low))
  }

  /// What a receiver of some planes ends with is known to the sender.
  @Test(arguments: CodedStreamTests.floats, [0, 1, 5, 9])
  func cutsAreWhatIsHeld(_ dtype: DType, _ planes: Int) throws {
    var generator = SeededGenerator(seed: UInt64(planes))
    let format = try #require(FloatFormat(dtype))
    let parts = dtype.rawValue >= DType.c32.rawValue ? 2 : 1
    let bits = CodedStreamTests.drawnBits(
      format, count: 99 * parts, oddShare: 0.1, &generator)
    for change in Change.allCases {
      let base = change.base(of: bits, format, oddShare: 0.1, &generator)
      var model = CodedModel()
      try model.add(dtype, [9, 11], bits, from: base)
      let head = model.head(of: 0)
      let units = try model.basePasses(of: 0, planes: head.commonPlaneCount + planes).dropLast()
      guard !units.isEmpty else { continue }
      let held = try model.decode(model.encode(Array(units), .lines)[0], .lines).memory
      let planeCount = min(head.commonPlaneCount + planes, (head.topLevel ?? 0) + 1)
      var cut = model.bytes
      var span = cut.mutableSpan
      var raw = unsafe span.mutableBytes
      unsafe model.tensors[0].grid?.cut(
        &raw, from: model.bases.span.bytes, topLevel: head.topLevel, planeCount: planeCount)
      #expect(cut == held, "\(change)")
    }
  }

  @Test(arguments: CodecVariant.allCases)
  func whatDoesNotDifferIsNothing(_ variant: CodecVariant) throws {
    var model = CodedModel()
    let bits = weights(1 << 14, seed: 4).map { FloatBits.bits($0, .f32) }
    try model.add(.f32, [128, 128], bits, from: bits)
    #expect(model.head(of: 0).commonPlaneCount == (model.head(of: 0).topLevel ?? 0) + 1)
    let codeword = model.encode(try model.basePasses(of: 0, planes: .max), variant)[0]
    #expect(codeword.count < 16)
    #expect(try model.decode(codeword, variant).memory == model.bytes)
  }

  /// Rows of an embedding of words that were seen.
  @Test(arguments: CodecVariant.allCases, [0, 10])
  func fewRowsThatDifferCostThemselves(_ variant: CodecVariant, _ planes: Int) throws {
    let old = weights(400 * 64, seed: 5)
    let change = weights(400 * 64, seed: 6, spread: 0.001)
    let new = old.indices.map { old[$0] + ($0 / 64 % 50 == 7 ? change[$0] : 0) }
    var model = CodedModel()
    try model.add(
      .f32, [400, 64], new.map { FloatBits.bits($0, .f32) },
      from: old.map { FloatBits.bits($0, .f32) })
    let codeword = model.encode(try model.basePasses(of: 0, planes: planes), variant)[0]
    // 8 rows of 64, and for each of the others less than a byte.
    #expect(codeword.count < 8 * 64 * 3 + 392)
    #expect(try model.decode(codeword, variant).memory == model.bytes)
  }

  /// The smaller the change, the less: each halving is a bit for each weight.
  @Test(arguments: CodecVariant.allCases)
  func smallChangesCostTheirSize(_ variant: CodecVariant) throws {
    let (old, change) = (weights(8000, seed: 8), weights(8000, seed: 9))
    func cost(_ spread: Double) throws -> Double {
      var model = CodedModel()
      try model.add(
        .f32, [80, 100], zip(old, change).map { FloatBits.bits($0 + $1 * spread, .f32) },
        from: old.map { FloatBits.bits($0, .f32) })
      let planes = 6 - spread.exponent
      let codeword = model.encode(try model.basePasses(of: 0, planes: planes), variant)[0]
      #expect(try model.decode(codeword, variant).memory == model.bytes)
      return Double(codeword.count * 8) / 8000
    }
    let costs = try [0x1p-4, 0x1p-8, 0x1p-12].map { try cost($0) }
    #expect(costs[0] < 23)
    #expect(abs(costs[0] - costs[1] - 4) < 0.3)
    #expect(abs(costs[1] - costs[2] - 4) < 0.3)
  }

  @Test(arguments: CodedBytesTests.dtypes, [true, false])
  func otherTypesArriveAsWhatIsAdded(_ dtype: DType, _ asDifferences: Bool) throws {
    var generator = SeededGenerator(seed: UInt64(dtype.rawValue))
    var model = CodedModel()
    for extents in [[], [1], [77], [13, 9]] {
      let count = extents.reduce(1, *)
      let values = (0..<2 * count).map { _ in UInt64.random(in: 0...UInt64.max, using: &generator) }
      try model.add(dtype, extents, Array(values[..<count]), from: Array(values[count...]))
    }
    let units = model.tensors.indices.map { ($0, Pass.bytes(asDifferences: asDifferences)) }
    for variant in CodecVariant.allCases {
      let codewords = model.encode(units, variant, cuts: [0, 2])
      #expect(try model.decode(codewords, variant, &generator) == model.bytes)
    }
  }

  /// A carry runs through the bytes of an element, and not into the next.
  @Test(arguments: [DType.i64, .u32, .i16])
  func countersThatHaveGoneOnAreNothing(_ dtype: DType) throws {
    let old = (0..<4000).map { UInt64(truncatingIfNeeded: $0 &* 2_654_435_761 &* 40_503) }
    var model = CodedModel()
    try model.add(dtype, [4000], old.map { $0 &+ 300 }, from: old)
    let codeword = model.encode([(0, .bytes(asDifferences: false))], .flat)[0]
    #expect(codeword.count < 60 * dtype.byteCount)
    #expect(try model.decode(codeword, .flat).memory == model.bytes)
  }
}

import LineModel
import Tensors
import Testing
import WeightCodec

/// Matrices of low rank that are added to bases.
struct LowRankUpdateTests {
  /// Any numbers.
  static func drawnUpdate(
    _ grid: TensorGrid, rank: Int, _ generator: inout SeededGenerator
  ) -> LowRankUpdate {
    let numberBits = Int.random(in: 1...24, using: &generator)
    let half = Int32(1) << Int32(numberBits - 1)
    func numbers(_ count: Int) -> [Int32] {
      (0..<rank * count).map { _ in Int32.random(in: -half...half - 1, using: &generator) }
    }
    let levels = 1 << (8 * grid.format.byteCount - 1 - grid.format.mantissaBits)
    return LowRankUpdate(
      rank: rank, numberBits: numberBits,
      unitLevel: Int.random(in: -64..<levels, using: &generator),
      columns: numbers(grid.columnCount), rows: numbers(grid.rowCount))
  }

  /// Against floating point of 64 bits, which holds sums of these exactly.
  @Test(arguments: [DType.f32, .f16, .bf16])
  func sumsAreRoundedOnce(_ dtype: DType) throws {
    var generator = SeededGenerator(seed: 41)
    let format = try #require(FloatFormat(dtype))
    let lowest = dtype == .f32 ? -149 : dtype == .f16 ? -24 : -133
    let units = dtype == .f16 ? -24 : -36
    for round in 0..<40 {
      let bits = CodedStreamTests.drawnBits(format, count: 60, oddShare: 0.1, &generator)
        .map { value in
          // Exceptions count as zero, and subnormals of wide types are too small to be held beside.
          let number = FloatBits.value(value, dtype)
          return number.isFinite && number.magnitude < 1 && number.magnitude > 0x1p-14 ? value : 0
        }
      var model = CodedModel()
      try model.add(dtype, [6, 10], bits)
      let grid = try #require(model.tensors[0].grid)
      let columns = (0..<10).map { _ in Int32.random(in: -2000...2000, using: &generator) }
      let rows = (0..<6).map { _ in Int32.random(in: -3000 << (round % 3)...3000, using: &generator)
      }
      let update = LowRankUpdate(
        rank: 1, numberBits: 24, unitLevel: units - lowest, columns: columns, rows: rows)
      var summed = model.bytes
      var span = summed.mutableSpan
      var raw = unsafe span.mutableBytes
      update.apply(to: &raw, grid)
      let unit = Double(sign: .plus, exponent: units, significand: 1)
      for (index, value) in model.values(of: 0, in: summed).enumerated() {
        let product = Double(rows[index / 10]) * Double(columns[index % 10]) * unit
        let old = FloatBits.value(bits[index], dtype)
        // What of the element is below a unit is dropped.
        let whole = product == 0 ? old : (old / unit).rounded(.towardZero) * unit
        let expected = FloatBits.value(FloatBits.bits(whole + product, dtype), dtype)
        #expect(value == expected, "\(old) and \(product)")
      }
    }
  }

  @Test(arguments: CodedStreamTests.floats)
  func anyUpdateOfAnyBaseEndsExact(_ dtype: DType) throws {
    var generator = SeededGenerator(seed: UInt64(dtype.rawValue))
    let format = try #require(FloatFormat(dtype))
    let parts = dtype.rawValue >= DType.c32.rawValue ? 2 : 1
    for round in 0..<12 {
      var model = CodedModel()
      var units: [(index: Int, pass: Pass)] = []
      for (index, extents) in [[7, 5], [3, 2, 2, 2], [33], [40, 3]].enumerated() {
        let count = extents.reduce(1, *) * parts
        let share = [0, 0.2, 1][round % 3]
        let bits = CodedStreamTests.drawnBits(format, count: count, oddShare: share, &generator)
        let base = CodedStreamTests.drawnBits(format, count: count, oddShare: share, &generator)
        try model.add(dtype, extents, bits, from: base)
        let grid = try #require(model.tensors[index].grid)
        if model.tensors[index].hasUpdate(.lines), round % 4 > 0 {
          model.updates[index] = Self.drawnUpdate(grid, rank: 1 + round % 3, &generator)
        }
        let planes = model.head(of: index).commonPlaneCount + round
        units += try model.basePasses(of: index, planes: planes)
      }
      let codewords = model.encode(units, .lines, cuts: [0, 4])
      #expect(try model.decode(codewords, .lines, &generator) == model.bytes, "round \(round)")
    }
  }

  /// What a network of low rank was added to: there is little to tell but that.
  @Test(arguments: [DType.f32, .bf16])
  func updatesOfLowRankAreFoundAndPay(_ dtype: DType) throws {
    let (rowCount, columnCount, rank) = (96, 128, 3)
    let old = weights(rowCount * columnCount, seed: 51)
    let (up, down) = (
      weights(rowCount * rank, seed: 52, spread: 0.03), weights(columnCount * rank, seed: 53)
    )
    let new = old.indices.map { index in
      (0..<rank).reduce(old[index]) { sum, place in
        sum + up[index / columnCount * rank + place] * down[index % columnCount * rank + place]
      }
    }
    var model = CodedModel()
    try model.add(
      dtype, [rowCount, columnCount], new.map { FloatBits.bits($0, dtype) },
      from: old.map { FloatBits.bits(FloatBits.value(FloatBits.bits($0, dtype), dtype), dtype) })
    let grid = try #require(model.tensors[0].grid)
    let without = model.encode(try model.basePasses(of: 0, planes: 12), .lines)[0].count
    let update = unsafe LowRankUpdate(
      from: model.bases.span.bytes, to: model.bytes.span.bytes, grid)
    #expect(update?.rank == rank)
    model.updates[0] = update
    let codeword = model.encode(try model.basePasses(of: 0, planes: 24), .lines)[0]
    #expect(codeword.count * (dtype == .f32 ? 4 : 2) < without)
    #expect(try model.decode(codeword, .lines).memory == model.bytes)
  }

  /// Where there is no structure, or nothing, no rank pays.
  @Test func otherChangesHaveNone() throws {
    let (old, change) = (weights(5000, seed: 61), weights(5000, seed: 62))
    for scale in [0, 0.01] {
      var model = CodedModel()
      try model.add(
        .f32, [50, 100], zip(old, change).map { FloatBits.bits($0 + scale * $1, .f32) },
        from: old.map { FloatBits.bits($0, .f32) })
      let grid = try #require(model.tensors[0].grid)
      let update = unsafe LowRankUpdate(
        from: model.bases.span.bytes, to: model.bytes.span.bytes, grid)
      #expect(update == nil)
    }
  }
}

/// A matrix of low rank in integers, which is added to a base before anything is told of a tensor: of one
/// that was tuned by such an update little is left to tell (Protocol.md §6.3, Bases).
///
/// Both ends compute the same sums: integers, rounded once to the tensor's type.
public struct LowRankUpdate: Equatable, Sendable {
  /// Ranks go up to this.
  public static let rankLimit = 32
  /// Bits of a number at most.
  public static let numberBitLimit = 24
  // Levels that a unit may be below the smallest subnormal.
  static let unitBias = 64

  /// Numbers for each row, and for each column.
  public let rank: Int
  /// Bits of each number.
  public let numberBits: Int
  /// The level of the power of two that a product of one and one stands for.
  public let unitLevel: Int
  /// Those of the first column, then those of the second.
  public let columns: [Int32]
  /// Those of the first row, then those of the second.
  public let rows: [Int32]

  /// Joins the five, which fit a matrix and each other.
  package init(
    rank: Int, numberBits: Int, unitLevel: Int, columns: [Int32], rows: [Int32]
  ) {
    (self.rank, self.numberBits, self.unitLevel) = (rank, numberBits, unitLevel)
    (self.columns, self.rows) = (columns, rows)
  }

  /// What it takes in a stream.
  public var bitCount: Int { numberBits * (columns.count + rows.count) }

  /// The most that a matrix may have.
  static func rankLimit(_ grid: TensorGrid) -> Int {
    min(rankLimit, grid.rowCount, grid.columnCount)
  }

  /// Bits of a unit's level.
  static func unitBits(_ format: FloatFormat) -> Int { format.levelBits + 1 }

  /// Adds it to the elements of a base.
  public func apply(to memory: inout MutableRawSpan, _ grid: TensorGrid) {
    precondition(grid.byteCount <= memory.byteCount && rows.count == rank * grid.rowCount)
    for row in 0..<grid.rowCount {
      Self.add(
        rows[row * rank..<row * rank + rank], columns, unitLevel, to: &memory, grid, row: row)
    }
  }

  /// Adds one row's sums of products.
  static func add(
    _ numbers: ArraySlice<Int32>, _ columns: [Int32], _ unitLevel: Int,
    to memory: inout MutableRawSpan, _ grid: TensorGrid, row: Int
  ) {
    switch grid.format.byteCount {
    case 2: add(numbers, columns, unitLevel, &memory, grid, row, FloatCode<UInt16>(grid.format))
    case 4: add(numbers, columns, unitLevel, &memory, grid, row, FloatCode<UInt32>(grid.format))
    default: add(numbers, columns, unitLevel, &memory, grid, row, FloatCode<UInt64>(grid.format))
    }
  }

  private static func add<Bits>(
    _ numbers: ArraySlice<Int32>, _ columns: [Int32], _ unitLevel: Int,
    _ memory: inout MutableRawSpan, _ grid: TensorGrid, _ row: Int, _ code: FloatCode<Bits>
  ) {
    let rank = numbers.count
    for column in 0..<grid.columnCount {
      var sum: Int64 = 0
      for (place, number) in numbers.enumerated() {
        sum &+= Int64(number) &* Int64(columns[column * rank + place])
      }
      let index = row * grid.columnCount + column
      let bits = code.load(memory.bytes, at: index)
      let base = bits & code.magnitudeMask < code.infinity ? bits : 0
      code.store(code.sum(base, sum, unitLevel: unitLevel), to: &memory, at: index)
    }
  }
}

extension FloatCode {
  /// Adds so many units to a finite element: in units, of which the element has what is left when those of
  /// its bits are dropped that are below; rounded to nearest, ties to even.
  ///
  /// An element whose last bit is worth so many units that 62 bits do not hold it stays as it is.
  func sum(_ bits: Bits, _ units: Int64, unitLevel: Int) -> Bits {
    let magnitude = bits & magnitudeMask
    let level = magnitude == 0 ? 0 : level(of: magnitude)
    let places = level - trailingBits(atLevel: level) - unitLevel
    guard units != 0, places < 62 - mantissaBits else { return bits }
    let significand = Int64(truncatingIfNeeded: significand(of: magnitude, level: level))
    let own = places >= 0 ? significand << Int64(places) : significand >> Int64(min(-places, 63))
    let sum = units + (bits & signMask == 0 ? own : -own)
    return rounded(sum.magnitude, unitLevel: unitLevel) | (sum < 0 ? signMask : 0)
  }

  /// The magnitude nearest to so many units: zero below the smallest subnormal, never infinite.
  private func rounded(_ units: UInt64, unitLevel: Int) -> Bits {
    let length = UInt64.bitWidth - units.leadingZeroBitCount
    let level = unitLevel + length - 1
    guard units > 0, level >= 0 else { return 0 }
    guard level < mantissaBits + Int(infinity >> Bits(mantissaBits)) - 1 else {
      return infinity - 1
    }
    let dropped = length - 1 - trailingBits(atLevel: level)
    var kept = dropped > 0 ? units >> UInt64(dropped) : units << UInt64(-dropped)
    if dropped > 0 {
      let (rest, half) = (units & (1 << UInt64(dropped) - 1), UInt64(1) << UInt64(dropped - 1))
      if rest > half || rest == half && kept & 1 == 1 { kept += 1 }
    }
    // A carry out of the significand runs into the exponent, as it should.
    let leading: UInt64 = level < mantissaBits ? 0 : 1 << UInt64(mantissaBits)
    let exponent = Bits(max(level - mantissaBits + 1, 0)) << Bits(mantissaBits)
    return min(exponent + Bits(truncatingIfNeeded: kept - leading), infinity - 1)
  }
}

extension LowRankUpdate {
  // Rounds of the iteration: singular values that matter are far above the others.
  private static let roundCount = 4

  /// The update that makes the most of a base, whose rank pays for itself; nil where none does.
  ///
  /// By subspace iteration in floating point: the other end computes nothing of it. Takes about
  /// 8 · rank · elements multiplications.
  public init?(
    from base: RawSpan, to memory: RawSpan, _ grid: TensorGrid, rankLimit: Int = 16
  ) {
    let rank = min(rankLimit, Self.rankLimit(grid) / 2)
    guard rank > 0, grid.hasLines else { return nil }
    let changes = Changes(memory, base, grid)
    guard changes.squares > 0 else { return nil }
    var fit = Fit(rank: rank, changes)
    for _ in 0..<Self.roundCount { fit.improve(changes) }
    let numberBits = grid.format.mantissaBits > 10 ? Self.numberBitLimit : 16
    let worthwhile = fit.rank(changes, numberBits: numberBits)
    guard worthwhile > 0 else { return nil }
    let (columnScale, columns) = Self.numbers(fit.columns, of: rank, worthwhile, numberBits)
    let (rowScale, rows) = Self.numbers(fit.rows, of: rank, worthwhile, numberBits)
    let unitLevel = columnScale + rowScale - grid.format.lowestExponent
    guard (-Self.unitBias..<grid.format.levelCount).contains(unitLevel) else { return nil }
    self.init(
      rank: worthwhile, numberBits: numberBits, unitLevel: unitLevel, columns: columns, rows: rows)
  }

  /// The first so many of each line's numbers in integers, and the exponent of their unit.
  private static func numbers(
    _ values: [Double], of rank: Int, _ kept: Int, _ bitCount: Int
  ) -> (exponent: Int, [Int32]) {
    var largest = 0.0
    for index in values.indices where index % rank < kept {
      largest = max(largest, values[index].magnitude)
    }
    let exponent = (largest > 0 ? Int(largest.exponent) : 0) + 2 - bitCount
    let unit = Double(sign: .plus, exponent: -exponent, significand: 1)
    // Rounding may reach the power of two above, for which there is no number.
    let limit = Double(Int32(1) << Int32(bitCount - 1) - 1)
    var numbers: [Int32] = []
    for index in values.indices where index % rank < kept {
      numbers.append(Int32(min(max((values[index] * unit).rounded(), -limit), limit)))
    }
    return (exponent, numbers)
  }
}

/// What is to be added to a base, as values.
private struct Changes {
  let rowCount: Int
  let columnCount: Int
  private(set) var values: [Double] = []
  private(set) var squares = 0.0
  /// What rounding to the tensor's type leaves at least.
  private(set) var noise = 0.0

  init(_ memory: RawSpan, _ base: RawSpan, _ grid: TensorGrid) {
    (rowCount, columnCount) = (grid.rowCount, grid.columnCount)
    values.reserveCapacity(grid.elementCount)
    switch grid.format.byteCount {
    case 2: take(memory, base, grid, FloatCode<UInt16>(grid.format))
    case 4: take(memory, base, grid, FloatCode<UInt32>(grid.format))
    default: take(memory, base, grid, FloatCode<UInt64>(grid.format))
    }
  }

  private mutating func take<Bits>(
    _ memory: RawSpan, _ base: RawSpan, _ grid: TensorGrid, _ code: FloatCode<Bits>
  ) {
    precondition(grid.byteCount <= memory.byteCount && grid.byteCount <= base.byteCount)
    let step = Double(sign: .plus, exponent: -grid.format.mantissaBits - 1, significand: 1)
    for index in 0..<grid.elementCount {
      let value = grid.format.value(UInt64(unsafe code.loadBase(memory, uncheckedAt: index)))
      let old = grid.format.value(UInt64(unsafe code.loadBase(base, uncheckedAt: index)))
      values.append(value - old)
      squares += (value - old) * (value - old)
      noise += value * value * step * step / 4
    }
  }
}

/// Numbers for rows and columns whose products come near to changes.
private struct Fit {
  private let rank: Int
  /// Of each column so many, orthonormal over all columns.
  private(set) var columns: [Double] = []
  /// Of each row so many.
  private(set) var rows: [Double] = []

  init(rank: Int, _ changes: Changes) {
    self.rank = rank
    // Any numbers will do that are not in the way of each other.
    var state: UInt64 = 1
    for _ in 0..<rank * changes.columnCount {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      columns.append(Double(state >> 40) / Double(1 << 24) - 0.5)
    }
    orthonormalize(&columns)
    project(changes)
  }

  /// One round: columns from rows, rows from columns.
  mutating func improve(_ changes: Changes) {
    columns = [Double](repeating: 0, count: columns.count)
    for row in 0..<changes.rowCount {
      for column in 0..<changes.columnCount {
        let change = changes.values[row * changes.columnCount + column]
        guard change != 0 else { continue }
        for place in 0..<rank {
          columns[column * rank + place] += change * rows[row * rank + place]
        }
      }
    }
    orthonormalize(&columns)
    project(changes)
  }

  private mutating func project(_ changes: Changes) {
    rows = [Double](repeating: 0, count: changes.rowCount * rank)
    for row in 0..<changes.rowCount {
      for column in 0..<changes.columnCount {
        let change = changes.values[row * changes.columnCount + column]
        guard change != 0 else { continue }
        for place in 0..<rank {
          rows[row * rank + place] += change * columns[column * rank + place]
        }
      }
    }
  }

  /// Gram and Schmidt's way, twice for each: the first time leaves too much where little is left.
  private func orthonormalize(_ lines: inout [Double]) {
    for place in 0..<rank {
      for earlier in (0..<place).map({ $0 }) + (0..<place).map({ $0 }) {
        let product = dot(lines, place, earlier)
        for index in stride(from: 0, to: lines.count, by: rank) {
          lines[index + place] -= product * lines[index + earlier]
        }
      }
      let length = dot(lines, place, place).squareRoot()
      for index in stride(from: place, to: lines.count, by: rank) {
        lines[index] = length > 0 ? lines[index] / length : 0
      }
    }
  }

  private func dot(_ lines: [Double], _ one: Int, _ other: Int) -> Double {
    var sum = 0.0
    for index in stride(from: 0, to: lines.count, by: rank) {
      sum += lines[index + one] * lines[index + other]
    }
    return sum
  }

  /// The rank that saves the most bits: each halving of what is left saves one for each element.
  func rank(_ changes: Changes, numberBits: Int) -> Int {
    let lineBits = Double((changes.rowCount + changes.columnCount) * numberBits)
    let elementCount = Double(changes.values.count)
    var (left, best) = (changes.squares, (rank: 0, saved: 0.0))
    for place in 0..<rank {
      left -= dot(rows, place, place)
      let ratio = changes.squares / max(left, changes.noise, changes.squares * 0x1p-100)
      let saved =
        elementCount * PassSizes.log2(max(ratio, 1)) / 2 - Double(place + 1) * lineBits
      if saved > best.saved { best = (place + 1, saved) }
    }
    return best.rank
  }
}

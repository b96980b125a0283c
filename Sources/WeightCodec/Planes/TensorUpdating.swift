/// An update of low rank on its way in: the numbers of all columns, which are kept, then those of each
/// row, which is updated as soon as they have come.
struct TensorUpdating {
  static let rankBits = 6
  static let widthBits = 5
  // Bytes that a number takes at most, with some to spare.
  private static let numberByteCount = 8

  private var numberBits = 0
  private var rank = 0
  private var unitLevel = 0
  private var columns: [Int32] = []
  private var row: [Int32] = []
  private var rowCount = 0

  /// Reads the beginning of a header; whether there is an update.
  mutating func begin(
    tensor: Int, _ grid: TensorGrid, _ passes: inout PassDecoder
  ) throws(CodedStreamError) -> Bool {
    rank = Int(passes.coder.decode(bitCount: Self.rankBits))
    guard rank > 0 else { return false }
    numberBits = Int(passes.coder.decode(bitCount: Self.widthBits))
    let level = Int(passes.coder.decode(bitCount: LowRankUpdate.unitBits(grid.format)))
    guard rank <= LowRankUpdate.rankLimit(grid),
      (1...LowRankUpdate.numberBitLimit).contains(numberBits),
      level < grid.format.levelCount + LowRankUpdate.unitBias
    else { throw .badUpdate(tensor: tensor) }
    unitLevel = level - LowRankUpdate.unitBias
    // No more than the elements of the matrix, for the rank is not above the count of rows.
    columns.reserveCapacity(rank * grid.columnCount)
    row.reserveCapacity(rank)
    return true
  }

  /// Goes on as far as the input allows; whether the matrix is updated.
  mutating func decode(
    _ memory: inout MutableRawSpan, _ grid: TensorGrid, _ passes: inout PassDecoder
  ) -> Bool {
    while passes.mayGoOn(byteCount: Self.numberByteCount) {
      let number = passes.coder.decode(bitCount: numberBits)
      if take(number, &memory, grid) { passes.work -= grid.columnCount }
      guard rowCount == grid.rowCount else { continue }
      // The numbers take memory, and are needed no more.
      self = TensorUpdating()
      return true
    }
    return false
  }

  /// Takes in a number; whether it was the last of a row.
  private mutating func take(_ bits: UInt64, _ memory: inout MutableRawSpan, _ grid: TensorGrid)
    -> Bool
  {
    let unused = Int32(32 - numberBits)
    let number = (Int32(truncatingIfNeeded: bits) << unused) >> unused
    guard columns.count == rank * grid.columnCount else {
      columns.append(number)
      return false
    }
    row.append(number)
    guard row.count == rank else { return false }
    LowRankUpdate.add(row[...], columns, unitLevel, to: &memory, grid, row: rowCount)
    row.removeAll(keepingCapacity: true)
    rowCount += 1
    return true
  }
}

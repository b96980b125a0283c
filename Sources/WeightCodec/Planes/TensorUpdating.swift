/// An update of low rank on its way in: the numbers of all columns, which are kept, then those of each
/// row, which is updated as soon as they have come.
struct TensorUpdating {
  static let rankBits = 6
  static let widthBits = 5
  // Bytes that a number takes at most, with some to spare.
  static let numberByteCount = 8

  private(set) var numberBits = 0
  private var rank = 0
  private var unitLevel = 0
  private var columns: [Int32] = []
  private var row: [Int32] = []
  private var rowCount = 0

  mutating func begin(rank: Int, numberBits: Int, unitLevel: Int, _ grid: TensorGrid) {
    (self.rank, self.numberBits, self.unitLevel) = (rank, numberBits, unitLevel)
    // No more than the elements of the matrix, for the rank is not above the count of rows.
    columns.reserveCapacity(rank * grid.columnCount)
    row.reserveCapacity(rank)
  }

  /// Takes in a number; whether it was the last of a row.
  mutating func take(_ bits: UInt64, _ memory: inout MutableRawSpan, _ grid: TensorGrid) -> Bool {
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

  func isComplete(_ grid: TensorGrid) -> Bool { rowCount == grid.rowCount }
}

/// How often the rows and columns of matrices have differed from their bases: the wrong expectations of
/// each line, in all passes of planes so far.
///
/// Kept from pass to pass, for what a receiver holds does not tell: 8 bytes for each line.
struct BaseLines {
  private struct Line {
    var count: UInt32 = 0
    // Of the count, and of what stands before the first one.
    var logarithm = Int16(truncatingIfNeeded: Logarithm.of(BaseLines.priorCount as UInt32))
  }

  // So many wrong expectations are taken to have been before the first one, in each line.
  private static let priorCount: UInt32 = 2

  // Of all matrices: rows first, then columns.
  private var lines: [Line] = []
  private var starts: [Int] = []
  private var totals: [UInt64] = []
  // The matrix at hand.
  private var index = 0
  private var rowStart = 0
  private var columnStart = 0
  private var counts: (rows: UInt64, columns: UInt64) = (0, 0)
  private var common: Int32 = 0

  /// Makes room for the matrices among these that have bases.
  init(_ tensors: [CodedTensor]) {
    var count = 0
    for tensor in tensors {
      starts.append(count)
      if tensor.hasBase, let grid = tensor.grid, grid.hasLines { count += grid.lineCount }
    }
    lines = Array(repeating: Line(), count: count)
    totals = Array(repeating: 0, count: tensors.count)
  }

  /// Begins a pass over a matrix.
  mutating func beginPass(_ index: Int, _ grid: TensorGrid) {
    self.index = index
    rowStart = starts[index]
    columnStart = rowStart + grid.rowCount
    counts = (UInt64(grid.rowCount), UInt64(grid.columnCount))
  }

  /// At the beginning of a row the mean of all lines is taken anew.
  mutating func beginRow() {
    let prior = UInt64(Self.priorCount)
    let (rows, columns) = counts
    common =
      Logarithm.of(rows) &+ Logarithm.of(columns) &- Logarithm.of(totals[index] &+ prior &* rows)
      &- Logarithm.of(totals[index] &+ prior &* columns)
  }

  /// The class of an element: how much more often than the mean its row and column have differed, the
  /// logarithm of the product in octaves.
  @inline(__always)
  func lineClass(row: Int, column: Int) -> Int {
    let sum =
      Int32(lines[rowStart &+ row].logarithm) &+ Int32(lines[columnStart &+ column].logarithm)
      &+ common
    return Int(truncatingIfNeeded: min(max((sum &+ 8) >> 4, -3), 3) &+ 3)
  }

  /// An expectation has been wrong.
  @inline(__always)
  mutating func noteWrong(row: Int, column: Int) {
    totals[index] &+= 1
    note(rowStart &+ row)
    note(columnStart &+ column)
  }

  @inline(__always)
  private mutating func note(_ line: Int) {
    let count = lines[line].count &+ 1
    lines[line] = Line(
      count: count,
      logarithm: Int16(truncatingIfNeeded: Logarithm.of(count &+ Self.priorCount)))
  }
}

/// What both ends know of the rows and columns of a matrix: how large their weights are, and which
/// sign prevails.
///
/// Weights of a network have no neighbours that tell of them, but rows and columns of different scale.
/// The class of a weight is the logarithm of (sum over its row) · (sum over its column) / (sum over all)
/// in quarters of an octave, where a weight counts 4q + 2 for the q planes' worth that is known of it,
/// and 1 while it is zero. Taken anew for each pass: nothing has to be kept between passes.
struct RowColumnActivity {
  static let classCount = 16
  static let signClassCount = 24
  // Of planes beyond, whose sums grow and tell no more, the activity is that of this one.
  private static let planeLimit = 12

  private struct Line {
    var activity: UInt32 = 0
    var logarithm: Int32 = 0
    var signCount: Int32 = 0
    // Positive minus negative weights.
    var signBalance: Int32 = 0
  }

  // Rows first, then columns.
  private var lines: [Line]
  private var rowCount = 0
  private var total: UInt64 = 0
  private var totalLogarithm: Int32 = 0

  /// Makes room for matrices whose rows and columns are at most `lineLimit` together.
  init(lineLimit: Int) {
    lines = Array(repeating: Line(), count: lineLimit)
  }

  /// Begins a pass over a matrix whose weights are known to `refined` planes, and to be zero or not to
  /// `significant` planes.
  mutating func survey(
    _ memory: RawSpan, _ grid: TensorGrid, topLevel: Int, refined: Int, significant: Int
  ) {
    rowCount = grid.rowCount
    total = 0
    for index in 0..<grid.rowCount + grid.columnCount { lines[index] = Line() }
    let elements = FloatElements(format: grid.format)
    var index = 0
    for row in 0..<grid.rowCount {
      var line = Line()
      for column in 0..<grid.columnCount {
        let bits = elements.bits(memory, at: index)
        index += 1
        let activity = Self.activity(
          grid.format, bits & grid.format.magnitudeMask, topLevel, refined, significant)
        let place = grid.rowCount + column
        line.activity &+= activity
        lines[place].activity &+= activity
        guard activity > 1 else { continue }
        let sign: Int32 = bits & grid.format.signMask == 0 ? 1 : -1
        line.signCount &+= 1
        line.signBalance &+= sign
        lines[place].signCount &+= 1
        lines[place].signBalance &+= sign
      }
      lines[row] = line
      total &+= UInt64(line.activity)
    }
    totalLogarithm = Self.logarithm(total)
    for index in 0..<grid.rowCount + grid.columnCount {
      lines[index].logarithm = Self.logarithm(UInt64(lines[index].activity))
    }
  }

  /// 4q + 2 for the q that is known of a weight, in units of the last refined plane's threshold; 3 for one
  /// that is only just significant, 1 for one that is not.
  private static func activity(
    _ format: FloatFormat, _ magnitude: UInt64, _ topLevel: Int, _ refined: Int, _ significant: Int
  ) -> UInt32 {
    guard magnitude != 0, magnitude < format.infinity else { return 1 }
    let level = format.level(of: magnitude)
    guard topLevel - level < significant else { return 1 }
    let known = min(refined, planeLimit) - 1 - (topLevel - level)
    guard known >= 0 else { return 3 }
    let significand = format.significand(of: magnitude, level: level)
    let trailing = format.trailingBits(atLevel: level)
    let q =
      known <= trailing
      ? significand >> UInt64(trailing - known) : significand << UInt64(known - trailing)
    return UInt32(truncatingIfNeeded: q) &* 4 &+ 2
  }

  /// The class of a weight by the scale of its row and column.
  func activityClass(row: Int, column: Int) -> Int {
    let sum = lines[row].logarithm + lines[rowCount + column].logarithm - totalLogarithm
    return Int(min(max(sum >> 2, 0), Int32(Self.classCount - 1)))
  }

  /// Which sign prevails around a weight, and how clearly.
  func signClass(row: Int, column: Int) -> (isNegative: Bool, strength: Int) {
    let sum = Self.tendency(lines[row]) + Self.tendency(lines[rowCount + column])
    // From units of 1/64 to thirds, rounded.
    let strength = (sum.magnitude * 3 + 32) >> 6
    return (sum < 0, Int(min(strength, UInt32(Self.signClassCount - 1))))
  }

  /// A weight has become significant in this pass.
  mutating func noteSign(isNegative: Bool, row: Int, column: Int) {
    for index in [row, rowCount + column] {
      lines[index].signCount &+= 1
      lines[index].signBalance &+= isNegative ? -1 : 1
    }
  }

  /// The balance of signs in standard deviations, √(n + 2), in units of 1/64.
  private static func tendency(_ line: Line) -> Int32 {
    // 2^(−log2(n + 2) / 2): the logarithm's whole octaves halve, what is left of it has a table.
    let logarithm = logarithm(UInt64(UInt32(bitPattern: line.signCount)) + 2)
    let factor = Int64(inverseRoots[Int(logarithm & 31)])
    return Int32(truncatingIfNeeded: (Int64(line.signBalance) * factor) >> Int64(6 + logarithm >> 5))
  }

  // 2^(12 − i/32)
  private static let inverseRoots: InlineArray<32, UInt16> = [
    4096, 4008, 3922, 3838, 3756, 3676, 3597, 3520, 3444, 3371, 3298, 3228, 3158, 3091, 3025, 2960,
    2896, 2834, 2774, 2714, 2656, 2599, 2543, 2489, 2435, 2383, 2332, 2282, 2233, 2186, 2139, 2093,
  ]

  /// 16 · log2, straight between powers of two.
  static func logarithm(_ number: UInt64) -> Int32 {
    guard number > 0 else { return 0 }
    let octave = 63 - number.leadingZeroBitCount
    let fraction = octave >= 4
      ? number >> UInt64(octave - 4) & 15 : number << UInt64(4 - octave) & 15
    return Int32(octave) * 16 + Int32(fraction)
  }
}

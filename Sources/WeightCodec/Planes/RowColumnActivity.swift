/// What both ends know of the rows and columns of a matrix: how large their weights are, and which
/// sign prevails.
///
/// Weights of a network have no neighbours that tell of them, but rows and columns of different scale.
/// The class of a weight is the logarithm of (sum over its row) · (sum over its column) / (sum over all)
/// in quarters of an octave, where a weight counts 4q + 2 for the q planes' worth that is known of it,
/// 3 if it is only just significant, and 1 while it is zero. Taken anew for each pass: nothing has to be
/// kept between passes.
struct RowColumnActivity {
  static let classCount = 16
  static let signClassCount = 24

  /// A row or column.
  private struct Line {
    // Of significant weights; in the upper half of the negative ones: one addition for both.
    private var counts: UInt64 = 0
    /// The sum of activities, which goes on while a pass makes weights significant.
    private(set) var sum: UInt32 = 0
    /// 16 · log2 of the sum at the beginning of the pass.
    private(set) var logarithm: Int32 = 0

    var count: Int32 { Int32(truncatingIfNeeded: counts) }
    /// Positive minus negative significant weights.
    var balance: Int32 { count &- 2 &* Int32(truncatingIfNeeded: counts >> 32) }

    /// Takes in a weight that it did not know, or of which it only knew that it is zero: then `activity`
    /// is what it counts besides.
    @inline(__always)
    mutating func note(_ activity: UInt32, isNegative: Bool, isSignificant: Bool) {
      sum &+= activity
      counts &+= isSignificant ? (isNegative ? 1 << 32 | 1 : 1) : 0
    }

    mutating func beginPass() { logarithm = RowColumnActivity.logarithm(UInt64(sum)) }
  }

  // Rows first, then columns.
  private var lines: [Line]
  private var rowCount = 0
  private var lineCount = 0
  private var total: UInt64 = 0
  private var totalLogarithm: Int32 = 0

  /// Makes room for matrices whose rows and columns are at most `lineLimit` together.
  init(lineLimit: Int) { lines = Array(repeating: Line(), count: lineLimit) }

  /// Takes in a matrix, of which so much is known.
  mutating func survey<Bits: ElementBits>(
    _ memory: RawSpan, _ grid: TensorGrid, _ knowledge: Knowledge<Bits>
  ) {
    (rowCount, lineCount) = (grid.rowCount, grid.lineCount)
    total = 0
    for line in 0..<grid.lineCount { lines[line] = Line() }
    // Once for all elements: this is the innermost loop of all.
    precondition(grid.byteCount <= memory.byteCount)
    unsafe lines.withUnsafeMutableBufferPointer { lines in
      var index = 0
      for row in 0..<grid.rowCount {
        var sums = Line()
        for line in grid.rowCount..<grid.lineCount {
          let element = unsafe knowledge.code.load(memory, uncheckedAt: index)
          index &+= 1
          let activity = knowledge.activity(element & knowledge.code.magnitudeMask)
          let isNegative = element & knowledge.code.signMask != 0
          sums.note(activity, isNegative: isNegative, isSignificant: activity > 1)
          unsafe lines[line].note(activity, isNegative: isNegative, isSignificant: activity > 1)
        }
        unsafe lines[row] = sums
        total &+= UInt64(sums.sum)
      }
    }
  }

  /// Begins a pass over the matrix that was taken in.
  mutating func beginPass() {
    totalLogarithm = Self.logarithm(total)
    for line in 0..<lineCount { lines[line].beginPass() }
  }

  /// The scale of a row; with that of a column it makes the class of a weight.
  @inline(__always)
  func scale(row: Int) -> Int32 { lines[row].logarithm &- totalLogarithm }

  /// The class of a weight by the scale of its row and column.
  @inline(__always)
  func activityClass(_ rowScale: Int32, column: Int) -> Int {
    let sum = rowScale &+ lines[rowCount &+ column].logarithm
    return Int(truncatingIfNeeded: min(max(sum >> 2, 0), Int32(Self.classCount &- 1)))
  }

  /// Which sign prevails around a weight, and how clearly.
  func signClass(row: Int, column: Int) -> (isNegative: Bool, strength: Int) {
    let sum = Self.tendency(lines[row]) &+ Self.tendency(lines[rowCount &+ column])
    // From units of 1/64 to thirds, rounded.
    let strength = (sum.magnitude &* 3 &+ 32) >> 6
    return (sum < 0, Int(min(strength, UInt32(Self.signClassCount - 1))))
  }

  /// A weight has become significant in this pass: 3 instead of 1 for the next one, as a survey would
  /// find.
  @inline(__always)
  mutating func noteSign(isNegative: Bool, row: Int, column: Int) {
    lines[row].note(2, isNegative: isNegative, isSignificant: true)
    lines[rowCount &+ column].note(2, isNegative: isNegative, isSignificant: true)
    total &+= 2
  }

  /// The balance of signs in standard deviations, √(n + 2), in units of 1/64.
  private static func tendency(_ line: Line) -> Int32 {
    // 2^(−log2(n + 2) / 2): the logarithm's whole octaves halve, what is left of it has a table.
    let logarithm = logarithm(UInt64(UInt32(bitPattern: line.count)) + 2)
    let factor = Int64(inverseRoot(Int(logarithm)))
    return Int32(
      truncatingIfNeeded: (Int64(line.balance) &* factor) >> Int64(6 + (logarithm >> 5)))
  }

  // 2^(12 − i/32). Out of line the compiler reads it in place, and does not copy it.
  @inline(never)
  private static func inverseRoot(_ index: Int) -> UInt16 {
    unsafe inverseRoots[unchecked: index & 31]
  }

  private static let inverseRoots: InlineArray<32, UInt16> = [
    4096, 4008, 3922, 3838, 3756, 3676, 3597, 3520, 3444, 3371, 3298, 3228, 3158, 3091, 3025, 2960,
    2896, 2834, 2774, 2714, 2656, 2599, 2543, 2489, 2435, 2383, 2332, 2282, 2233, 2186, 2139, 2093,
  ]

  /// 16 · log2, straight between powers of two.
  static func logarithm(_ number: UInt64) -> Int32 {
    guard number > 0 else { return 0 }
    let octave = 63 - number.leadingZeroBitCount
    let fraction =
      octave >= 4 ? number >> UInt64(octave - 4) & 15 : number << UInt64(4 - octave) & 15
    return Int32(octave) * 16 + Int32(fraction)
  }
}

/// How much of a tensor's weights both ends know before a pass.
struct Knowledge<Bits: ElementBits> {
  // Of planes beyond, whose sums grow and tell no more, the activity is that of this one.
  private static var planeLimit: Int { 12 }
  // Beside the 53 bits of the longest significand, and a bit that is shifted out in any case.
  private static var spareBits: Int { planeLimit - 2 }

  let code: FloatCode<Bits>
  // What is below is zero, for all that is known.
  private let threshold: Bits
  // So many magnitudes from the threshold on are finite.
  private let finiteCount: Bits
  // A significand moves right by this less its exponent to become q.
  private let shift: Int
  // Subnormals are multiples of the same unit as the smallest normals; and below another exponent all
  // bits move out anyway.
  private let leastExponent: Int

  /// Weights are known to `refined` planes, and to be zero or not to `significant` planes.
  init(_ code: FloatCode<Bits>, topLevel: Int, refined: Int, significant: Int) {
    self.code = code
    threshold =
      significant == 0 ? code.infinity : code.power(atLevel: topLevel - significant + 1)
    finiteCount = code.infinity &- threshold
    shift = topLevel - min(refined, Self.planeLimit) + 2 + Self.spareBits
    leastExponent = max(1, shift - 63)
  }

  /// What a weight counts for its row and column.
  @inline(__always)
  func activity(_ magnitude: Bits) -> UInt32 {
    magnitude &- threshold < finiteCount ? significantActivity(magnitude) : 1
  }

  // Spelled out for speed, and without branches.
  @inline(__always)
  private func significantActivity(_ magnitude: Bits) -> UInt32 {
    let exponent = Int(
      truncatingIfNeeded: magnitude &>> Bits(truncatingIfNeeded: code.mantissaBits))
    let leading = exponent > 0 ? code.hiddenBit : 0
    let significand = UInt64(truncatingIfNeeded: magnitude & (code.hiddenBit &- 1) | leading)
    // Left first, since q may have more bits than are sent: at most as many as there are planes.
    let places = shift &- max(exponent, leastExponent)
    let q = (significand &<< UInt64(Self.spareBits)) &>> UInt64(truncatingIfNeeded: places)
    return q == 0 ? 3 : UInt32(truncatingIfNeeded: q) &* 4 &+ 2
  }
}

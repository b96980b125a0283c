/// What both ends know of the rows and columns of a matrix, its lines: how large their weights are, how
/// many of them have just become significant, and which sign prevails.
///
/// Weights of a network hardly tell of their neighbours, but rows and columns differ in scale. Taken
/// anew for each pass: nothing has to be kept between passes.
@safe struct LineStatistics {
  static let activityClassCount = 16
  static let yieldClassCount = 24
  static let signClassCount = 8 * 9

  private var storage: LineStorage
  // Those of the storage: rows first, then columns.
  private var lines: UnsafeMutablePointer<Line>
  private var rowCount = 0
  private var lineCount = 0
  private var total: UInt64 = 0
  private var totalLogarithm: Int32 = 0
  private var yield = Yield()

  /// Makes room for matrices whose rows and columns are at most `lineLimit` together.
  init(lineLimit: Int) {
    storage = LineStorage(count: lineLimit)
    unsafe lines = storage.lines
  }

  /// Takes in a matrix, of which so much is known.
  mutating func survey<Bits: ElementBits>(
    _ memory: RawSpan, _ grid: TensorGrid, _ knowledge: Knowledge<Bits>
  ) {
    // Once for all elements and lines: these are the innermost loops of all.
    precondition(grid.byteCount <= memory.byteCount && grid.lineCount <= storage.count)
    makeUnique()
    (rowCount, lineCount) = (grid.rowCount, grid.lineCount)
    (total, yield) = (UInt64(grid.elementCount), Yield())
    // Each weight counts 1 while it is zero.
    for line in 0..<grid.lineCount {
      let length = line < grid.rowCount ? grid.columnCount : grid.rowCount
      unsafe lines[line] = Line(activity: UInt32(truncatingIfNeeded: length))
    }
    var index = 0
    for row in 0..<grid.rowCount {
      var sums = unsafe lines[row]
      for line in grid.rowCount..<grid.lineCount {
        let element = unsafe knowledge.code.load(memory, uncheckedAt: index)
        index &+= 1
        let magnitude = element & knowledge.code.magnitudeMask
        guard knowledge.isSignificant(magnitude) else { continue }
        let more = knowledge.activity(magnitude) &- 1
        total &+= UInt64(more)
        let isNegative = element & knowledge.code.signMask != 0
        sums.note(more, isNegative: isNegative)
        unsafe lines[line].note(more, isNegative: isNegative)
      }
      unsafe lines[row] = sums
    }
  }

  // Copies share their lines until one begins a pass.
  private mutating func makeUnique() {
    guard !isKnownUniquelyReferenced(&storage) else { return }
    storage = LineStorage(storage)
    unsafe lines = storage.lines
  }

  /// Begins a pass over the matrix that was taken in.
  mutating func beginPass() {
    makeUnique()
    // What has become significant counts 3 instead of 1, as a survey would find.
    total &+= 2 &* UInt64(yield.hitCount)
    totalLogarithm = Logarithm.of(total)
    yield = Yield()
    for line in 0..<lineCount { unsafe lines[line].beginPass() }
  }

  // MARK: - Activity

  /// The scale of a row; with that of a column it makes the class of a weight.
  @inline(__always)
  func scale(row: Int) -> Int32 {
    unsafe lines[row].activityLogarithm &- totalLogarithm
  }

  /// The class of a weight by how large those of its row and column are: the logarithm of (sum over the
  /// row) · (sum over the column) / (sum over all) in quarters of an octave.
  ///
  /// A weight counts 4q + 2 for the q planes' worth that is known of it, 3 if it is only just
  /// significant, and 1 while it is zero.
  @inline(__always)
  func activityClass(_ rowScale: Int32, column: Int) -> Int {
    let sum = unsafe rowScale &+ lines[rowCount &+ column].activityLogarithm
    return Int(truncatingIfNeeded: min(max(sum >> 2, 0), Int32(Self.activityClassCount &- 1)))
  }

  // MARK: - Yield

  /// At the beginning of a row the share of all weights that have become significant is taken anew.
  mutating func beginRow() { yield.settle() }

  /// The class of a weight by how many of its row and column have become significant in this pass, beside
  /// the share of all: the logarithm of the product in halves of an octave.
  @inline(__always)
  func yieldClass(row: Int, column: Int) -> Int {
    let sum = unsafe lines[row].surplus &+ lines[rowCount &+ column].surplus
    return Int(truncatingIfNeeded: min(max((sum >> 3) &+ 12, 0), Int32(Self.yieldClassCount &- 1)))
  }

  /// A weight that was zero has stayed so.
  @inline(__always)
  mutating func noteZero(row: Int, column: Int) {
    yield.candidateCount &+= 1
    unsafe lines[row].noteZero(yield.common)
    unsafe lines[rowCount &+ column].noteZero(yield.common)
  }

  /// A weight that was zero has become significant.
  @inline(__always)
  mutating func noteSignificant(isNegative: Bool, row: Int, column: Int) {
    yield.candidateCount &+= 1
    yield.hitCount &+= 1
    unsafe lines[row].noteSignificant(isNegative: isNegative, yield.common)
    unsafe lines[rowCount &+ column].noteSignificant(isNegative: isNegative, yield.common)
  }

  // MARK: - Signs

  /// Which sign is to be expected of a weight, and a class for how clearly, by those of its row and column
  /// and the `vote` of its neighbours: their signs added up, −4 … 4.
  @inline(__always)
  func signClass(row: Int, column: Int, vote: Int) -> (isNegative: Bool, kind: Int) {
    let sum = unsafe lines[row].signTendency &+ lines[rowCount &+ column].signTendency
    // From units of 1/64 to halves, rounded.
    let strength = Int(truncatingIfNeeded: min((sum.magnitude &* 2 &+ 32) >> 6, 7))
    let isNegative = strength > 0 ? sum < 0 : vote < 0
    return (isNegative, strength &* 9 &+ (isNegative ? -vote : vote) &+ 4)
  }
}

/// The lines of one `LineStatistics`, which are reached without a look at who else holds them or how many
/// there are: both are made sure of once for a pass.
@safe private final class LineStorage {
  let count: Int
  let lines: UnsafeMutablePointer<Line>

  init(count: Int) {
    self.count = count
    unsafe lines = .allocate(capacity: count)
    unsafe lines.initialize(repeating: Line(activity: 0), count: count)
  }

  init(_ other: LineStorage) {
    count = other.count
    unsafe lines = .allocate(capacity: count)
    unsafe lines.initialize(from: other.lines, count: count)
  }

  deinit { unsafe lines.deallocate() }
}

/// How many of a pass's candidates, the weights that were zero before it, have become significant.
private struct Yield {
  /// The share of all, which lines compare theirs with: five times the counts, which begin with 2/5 of a
  /// hit in one.
  struct Common {
    var candidates: UInt64 = 5
    var hits: UInt64 = 2
    var hitLogarithm = Logarithm.of(2 as UInt64)
  }

  var candidateCount = 0
  var hitCount = 0
  private(set) var common = Common()

  mutating func settle() {
    common.candidates = 5 &* UInt64(candidateCount &+ 1)
    common.hits = 5 &* UInt64(hitCount) &+ 2
    common.hitLogarithm = Logarithm.of(common.hits)
  }
}

/// A row or column.
private struct Line {
  // Eight candidates of the common share stand before the first one.
  private static let priorCount: UInt32 = 8
  // After so many candidates that stay zero the surplus is taken anew: seldom enough to cost little.
  private static let settlingMask: UInt32 = 7

  // Of significant weights; in the upper half of the negative ones: one addition for both.
  private var counts: UInt64 = 0
  /// The sum of activities, which goes on while a pass makes weights significant.
  private(set) var activity: UInt32
  private var candidateCount: UInt32 = 0
  private var hitCount: UInt32 = 0
  private var activityAtStart: Int16 = 0
  private var settledSurplus: Int16 = 0

  init(activity: UInt32) { self.activity = activity }

  /// 16 · log2 of the activity at the beginning of the pass.
  @inline(__always)
  var activityLogarithm: Int32 { Int32(activityAtStart) }

  /// 16 · log2 of the share of candidates that became significant, beside that of the whole matrix.
  @inline(__always)
  var surplus: Int32 { Int32(settledSurplus) }

  /// Takes in a significant weight, which counts so much more than one that is zero.
  @inline(__always)
  mutating func note(_ more: UInt32, isNegative: Bool) {
    activity &+= more
    counts &+= isNegative ? 1 << 32 | 1 : 1
  }

  mutating func beginPass() {
    activityAtStart = Int16(truncatingIfNeeded: Logarithm.of(activity))
    (candidateCount, hitCount, settledSurplus) = (0, 0, 0)
  }

  @inline(__always)
  mutating func noteZero(_ common: Yield.Common) {
    candidateCount &+= 1
    if candidateCount & Self.settlingMask == 0 { settle(common) }
  }

  @inline(__always)
  mutating func noteSignificant(isNegative: Bool, _ common: Yield.Common) {
    candidateCount &+= 1
    hitCount &+= 1
    note(2, isNegative: isNegative)
    settle(common)
  }

  private mutating func settle(_ common: Yield.Common) {
    let hits = UInt64(hitCount) &* common.candidates &+ UInt64(Self.priorCount) &* common.hits
    let candidates = candidateCount &+ Self.priorCount
    settledSurplus = Int16(
      truncatingIfNeeded: Logarithm.of(hits) &- common.hitLogarithm &- Logarithm.of(candidates))
  }

  /// Positive minus negative significant weights in standard deviations, √(n + 2), in units of 1/64.
  @inline(__always)
  var signTendency: Int32 {
    let count = UInt32(truncatingIfNeeded: counts)
    let balance =
      Int32(bitPattern: count) &- 2 &* Int32(truncatingIfNeeded: counts &>> 32)
    // 2^(−log2(n + 2) / 2): the logarithm's whole octaves halve, what is left of it has a table. At most
    // 2^20 weights of a line by 2^12: less 6 bits, 32 hold it.
    let logarithm = Logarithm.of(count &+ 2)
    let product = Int64(balance) &* Int64(Logarithm.inverseRoot(Int(logarithm)))
    return Int32(truncatingIfNeeded: product >> 6) &>> (logarithm &>> 5)
  }
}

/// 16 · log2, straight between powers of two.
enum Logarithm {
  @inline(__always)
  static func of<Number: FixedWidthInteger & UnsignedInteger>(_ number: Number) -> Int32 {
    guard number > 0 else { return 0 }
    let octave = Number.bitWidth &- 1 &- number.leadingZeroBitCount
    // The four bits behind the leading one, at the top when that is shifted out.
    let fraction = (number &<< Number(truncatingIfNeeded: Number.bitWidth &- 1 &- octave)) &<< 1
    return Int32(truncatingIfNeeded: octave) &* 16
      &+ Int32(truncatingIfNeeded: fraction &>> Number(truncatingIfNeeded: Number.bitWidth &- 4))
  }

  /// 2^(12 − i/32).
  ///
  /// Out of line the compiler reads the table in place, and does not copy it.
  @inline(never)
  static func inverseRoot(_ index: Int) -> UInt16 { unsafe inverseRoots[unchecked: index & 31] }

  private static let inverseRoots: InlineArray<32, UInt16> = [
    4096, 4008, 3922, 3838, 3756, 3676, 3597, 3520, 3444, 3371, 3298, 3228, 3158, 3091, 3025, 2960,
    2896, 2834, 2774, 2714, 2656, 2599, 2543, 2489, 2435, 2383, 2332, 2282, 2233, 2186, 2139, 2093,
  ]
}

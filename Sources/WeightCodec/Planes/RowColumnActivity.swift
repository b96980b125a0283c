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

  /// The signs of a row's or column's significant weights.
  private struct Signs {
    var count: Int32 = 0
    // Positive minus negative ones.
    var balance: Int32 = 0

    mutating func note(isNegative: Bool) {
      count &+= 1
      balance &+= isNegative ? -1 : 1
    }

    /// Without a branch, which would be as hard to foresee as the weight.
    mutating func note(isNegative: Bool, if isSignificant: Bool) {
      let one: Int32 = isSignificant ? 1 : 0
      count &+= one
      balance &+= isNegative ? -one : one
    }
  }

  // Rows first, then columns: sums of activities, which become their logarithms, 16 · log2.
  private var activities: [UInt32]
  private var signs: [Signs]
  private var rowCount = 0
  private var totalLogarithm: Int32 = 0

  /// Makes room for matrices whose rows and columns are at most `lineLimit` together.
  init(lineLimit: Int) {
    activities = Array(repeating: 0, count: lineLimit)
    signs = Array(repeating: Signs(), count: lineLimit)
  }

  /// Begins a pass over a matrix, of which so much is known; signs matter where some are to come.
  mutating func survey<Bits: ElementBits>(
    _ memory: RawSpan, _ grid: TensorGrid, _ knowledge: Knowledge<Bits>, needsSigns: Bool
  ) {
    rowCount = grid.rowCount
    for index in 0..<grid.lineCount {
      activities[index] = 0
      signs[index] = Signs()
    }
    var total: UInt64 = 0
    // Once for all elements: this is the innermost loop of all.
    precondition(grid.lineCount <= activities.count && grid.byteCount <= memory.byteCount)
    unsafe memory.withUnsafeBytes { bytes in
      unsafe activities.withUnsafeMutableBufferPointer { activities in
        unsafe signs.withUnsafeMutableBufferPointer { signs in
          for row in 0..<grid.rowCount {
            let start = row &* grid.columnCount
            var (sum, rowSigns): (UInt32, Signs) = (0, Signs())
            for column in 0..<grid.columnCount {
              let offset = (start &+ column) &* MemoryLayout<Bits>.size
              let element = unsafe Bits(
                littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Bits.self))
              let activity = knowledge.activity(element & knowledge.code.magnitudeMask)
              sum &+= activity
              unsafe activities[grid.rowCount &+ column] &+= activity
              guard needsSigns else { continue }
              let isNegative = element & knowledge.code.signMask != 0
              rowSigns.note(isNegative: isNegative, if: activity > 1)
              unsafe signs[grid.rowCount &+ column].note(isNegative: isNegative, if: activity > 1)
            }
            unsafe activities[row] = sum
            unsafe signs[row] = rowSigns
            total &+= UInt64(sum)
          }
        }
      }
    }
    totalLogarithm = Self.logarithm(total)
    for index in 0..<grid.lineCount {
      activities[index] = UInt32(bitPattern: Self.logarithm(UInt64(activities[index])))
    }
  }

  /// The class of a weight by the scale of its row and column.
  @inline(__always)
  func activityClass(row: Int, column: Int) -> Int {
    let (first, second) = (activities[row], activities[rowCount &+ column])
    let sum = Int32(bitPattern: first) &+ Int32(bitPattern: second) &- totalLogarithm
    return Int(truncatingIfNeeded: min(max(sum >> 2, 0), Int32(Self.classCount - 1)))
  }

  /// Which sign prevails around a weight, and how clearly.
  func signClass(row: Int, column: Int) -> (isNegative: Bool, strength: Int) {
    let sum = Self.tendency(signs[row]) &+ Self.tendency(signs[rowCount &+ column])
    // From units of 1/64 to thirds, rounded.
    let strength = (sum.magnitude &* 3 &+ 32) >> 6
    return (sum < 0, Int(min(strength, UInt32(Self.signClassCount - 1))))
  }

  /// A weight has become significant in this pass.
  mutating func noteSign(isNegative: Bool, row: Int, column: Int) {
    signs[row].note(isNegative: isNegative)
    signs[rowCount &+ column].note(isNegative: isNegative)
  }

  /// The balance of signs in standard deviations, √(n + 2), in units of 1/64.
  private static func tendency(_ signs: Signs) -> Int32 {
    // 2^(−log2(n + 2) / 2): the logarithm's whole octaves halve, what is left of it has a table.
    let logarithm = logarithm(UInt64(UInt32(bitPattern: signs.count)) + 2)
    let factor = Int64(inverseRoot(Int(logarithm & 31)))
    return Int32(
      truncatingIfNeeded: (Int64(signs.balance) &* factor) >> Int64(6 + (logarithm >> 5)))
  }

  private static func inverseRoot(_ index: Int) -> UInt16 { inverseRoots[index] }

  // 2^(12 − i/32)
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
  // Beside the 53 bits of the longest significand.
  private static var spareBits: Int { planeLimit - 1 }

  let code: FloatCode<Bits>
  // What is below is zero, for all that is known.
  private let threshold: Bits
  // A significand moves right by this less its level to become q.
  private let shift: Int

  /// Weights are known to `refined` planes, and to be zero or not to `significant` planes.
  init(_ code: FloatCode<Bits>, topLevel: Int, refined: Int, significant: Int) {
    self.code = code
    threshold =
      significant == 0 ? code.infinity : code.power(atLevel: topLevel - significant + 1)
    shift = topLevel - min(refined, Self.planeLimit) + 1
  }

  /// What a weight counts for its row and column.
  func activity(_ magnitude: Bits) -> UInt32 {
    // Spelled out for speed. A subnormal is a multiple of the same unit as the smallest normals.
    let exponent = Int(
      truncatingIfNeeded: magnitude &>> Bits(truncatingIfNeeded: code.mantissaBits))
    let mantissa = magnitude & (code.hiddenBit &- 1)
    let significand = UInt64(
      truncatingIfNeeded: exponent > 0 ? mantissa | code.hiddenBit : mantissa)
    // Left first, since q may have more bits than are sent: at most as many as there are planes.
    let places = min(shift &+ 1 &- max(exponent, 1) &+ Self.spareBits, 63)
    let q = (significand &<< UInt64(Self.spareBits)) &>> UInt64(truncatingIfNeeded: places)
    let activity = q == 0 ? 3 : UInt32(truncatingIfNeeded: q) &* 4 &+ 2
    return magnitude >= threshold && magnitude < code.infinity ? activity : 1
  }
}

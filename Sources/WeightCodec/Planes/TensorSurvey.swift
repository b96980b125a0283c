/// What a tensor's values are like: enough to know the size of each pass and the error after it without
/// coding anything.
///
/// One pass over the values, which are counted by their level and the two bits behind the leading one.
public struct TensorSurvey: Sendable {
  /// Rows, columns and format.
  public let grid: TensorGrid
  /// What the encoder has to know.
  public let head: TensorHead
  /// The sum of all squares, in units of the value's own.
  public private(set) var energy = 0.0
  /// Finite elements.
  public private(set) var finiteCount = 0
  /// Finite elements with the value zero.
  public private(set) var zeroCount = 0
  /// Those of them with a sign.
  public private(set) var negativeZeroCount = 0
  /// Finite elements below zero.
  public private(set) var negativeCount = 0
  /// Bits at the ends of rows' mantissas that are zero and need not be sent, of all elements together
  /// that are not zero.
  private var zeroBitCount = 0.0

  /// Values of one level that agree in the two bits behind the leading one.
  struct Bin: Sendable {
    var count = 0.0
    // Of magnitudes in units of their level's power of two: 1 ..< 2.
    var sum = 0.0
    var squares = 0.0
  }

  // Four for each level below the top, by distance: as many as matter.
  static let distanceLimit = 64
  private(set) var bins = [Bin](repeating: Bin(), count: 4 * Self.distanceLimit)

  /// Goes through a tensor.
  public init(_ memory: RawSpan, _ grid: TensorGrid) {
    self.init(memory, grid, TensorHead(memory, grid))
  }

  /// Goes through a tensor, or through a sample of one that has this head.
  init(_ memory: RawSpan, _ grid: TensorGrid, _ head: TensorHead) {
    self.grid = grid
    self.head = head
    switch grid.format.byteCount {
    case 2: count(memory, FloatCode<UInt16>(grid.format))
    case 4: count(memory, FloatCode<UInt32>(grid.format))
    default: count(memory, FloatCode<UInt64>(grid.format))
    }
    for distance in 0..<Self.distanceLimit {
      let unit = power(distance)
      for bin in bins[4 * distance..<4 * distance + 4] { energy += bin.squares * unit * unit }
    }
  }

  private mutating func count<Bits>(_ memory: RawSpan, _ code: FloatCode<Bits>) {
    let top = head.topLevel ?? 0
    for row in 0..<grid.rowCount {
      var all: Bits = 0
      let zeroCountBefore = zeroCount
      let finiteCountBefore = finiteCount
      let start = row * grid.columnCount
      for index in start..<start + grid.columnCount {
        let bits = code.load(memory, at: index)
        let magnitude = bits & code.magnitudeMask
        guard magnitude < code.infinity else { continue }
        all |= magnitude
        finiteCount += 1
        guard magnitude > 0 else {
          zeroCount += 1
          negativeZeroCount += bits == magnitude ? 0 : 1
          continue
        }
        negativeCount += bits == magnitude ? 0 : 1
        let level = code.level(of: magnitude)
        let distance = min(top - level, Self.distanceLimit - 1)
        let trailing = code.trailingBits(atLevel: level)
        let significand = UInt64(
          truncatingIfNeeded: code.significand(of: magnitude, level: level))
        let fraction =
          trailing >= 2 ? significand >> UInt64(trailing - 2) : significand << UInt64(2 - trailing)
        let value = Double(significand) * Self.inversePower(trailing)
        let place = 4 * distance + Int(fraction & 3)
        bins[place].count += 1
        bins[place].sum += value
        bins[place].squares += value * value
      }
      let zeros = min(all.trailingZeroBitCount, code.mantissaBits)
      let count = finiteCount - finiteCountBefore - (zeroCount - zeroCountBefore)
      zeroBitCount += Double(zeros * count)
    }
  }

  /// Zero bits at the end of a mantissa, in the mean of those that are not zero.
  public var meanZeroBits: Double {
    let count = finiteCount - zeroCount
    return count > 0 ? zeroBitCount / Double(count) : Double(grid.format.mantissaBits)
  }

  /// Elements whose level is `distance` below the top.
  func elementCount(atDistance distance: Int) -> Double {
    let bin = 4 * distance
    return bins[bin].count + bins[bin + 1].count + bins[bin + 2].count + bins[bin + 3].count
  }

  /// The exponent of the largest magnitude: its power of two is not above it.
  public var topExponent: Int { grid.format.lowestExponent + (head.topLevel ?? 0) }

  /// The value of the power of two that is `distance` below the largest magnitude's.
  func power(_ distance: Int) -> Double {
    let exponent = grid.format.lowestExponent + (head.topLevel ?? 0) - distance
    return Double(sign: .plus, exponent: exponent, significand: 1)
  }

  private static func inversePower(_ exponent: Int) -> Double {
    Double(bitPattern: UInt64(1023 - exponent) << 52)
  }
}

extension TensorSurvey {
  /// The sum of squared errors when weights are known to `refined` planes, and to be zero or not to
  /// `significant` planes; each at the middle of what it may be.
  public func squaredError(refined: Int, significant: Int) -> Double {
    var error = 0.0
    for distance in 0..<Self.distanceLimit {
      let unit = power(distance)
      error += unit * unit * relativeError(distance, refined: refined, significant: significant)
    }
    return error
  }

  /// The same after a mantissa pass to so many bits.
  public func squaredError(mantissaBits: Int, planeCount: Int) -> Double {
    guard mantissaBits < grid.format.mantissaBits else { return 0 }
    var error = 0.0
    for distance in 0..<Self.distanceLimit {
      let unit = power(distance)
      let known = max(mantissaBits, planeCount - 1 - distance)
      error += unit * unit * binError(distance, knownBits: known)
    }
    return error
  }

  // In units of the level's power of two, squared.
  private func relativeError(_ distance: Int, refined: Int, significant: Int) -> Double {
    guard distance < significant else {
      var squares = 0.0
      for bin in bins[4 * distance..<4 * distance + 4] { squares += bin.squares }
      return squares
    }
    return binError(distance, knownBits: max(refined - 1 - distance, 0))
  }

  private func binError(_ distance: Int, knownBits: Int) -> Double {
    let count = elementCount(atDistance: distance)
    guard count > 0, knownBits < grid.format.mantissaBits else { return 0 }
    guard knownBits <= 2 else {
      // Uniform over the values that a cell of 2^-knownBits holds: those of the bits that are left, of
      // which the middle is not the mean where they are few.
      let left = max(grid.format.mantissaBits - Int(meanZeroBits.rounded()) - knownBits, 0)
      return count / 12 * Self.inversePower(2 * knownBits) * (1 + 2 * Self.inversePower(2 * left))
    }
    var error = 0.0
    for (fraction, bin) in bins[4 * distance..<4 * distance + 4].enumerated() {
      let middle = Self.middle(fraction: fraction, knownBits: knownBits)
      error += bin.squares - 2 * middle * bin.sum + middle * middle * bin.count
    }
    return max(error, 0)
  }

  /// The middle of the values whose first `knownBits` bits of two are those of `fraction`.
  private static func middle(fraction: Int, knownBits: Int) -> Double {
    switch knownBits {
    case 0: 1.5
    case 1: fraction < 2 ? 1.25 : 1.75
    default: 1.125 + Double(fraction) / 4
    }
  }
}

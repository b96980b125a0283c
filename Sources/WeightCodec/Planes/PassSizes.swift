/// The sizes of a tensor's passes by the entropy of what they tell: the bits that the coder spends where
/// rows and columns tell nothing.
public struct PassSizes: Sendable {
  private let survey: TensorSurvey

  /// Sizes of what was surveyed.
  public init(_ survey: TensorSurvey) { self.survey = survey }

  /// The bits of a pass that follows so many planes.
  public func bitCount(of pass: Pass, after progress: TensorProgress) -> Double {
    switch pass {
    case .significance: significance(plane: progress.planeCount)
    case .refinement: refinement(plane: progress.planeCount - 1)
    case .mantissa(let bits): mantissas(bits: bits, progress)
    case .bytes: 0
    }
  }

  /// The bits of the passes of so many planes, of those that the tensor has.
  public func bitCount(planes count: Int) -> Double {
    let count = min(count, survey.head.topLevel.map { $0 + 1 } ?? 0)
    return (0..<count).reduce(0) { sum, plane in
      sum + significance(plane: plane) + (plane > 0 ? refinement(plane: plane) : 0)
    }
  }

  private func significance(plane: Int) -> Double {
    guard survey.head.topLevel != nil else { return 0 }
    let ones = plane < TensorSurvey.distanceLimit ? survey.elementCount(atDistance: plane) : 0
    return Self.adaptive(ones: ones, of: candidates(plane)) + ones
  }

  /// Elements that are zero as far as `plane` planes tell.
  private func candidates(_ plane: Int) -> Double {
    var count = Double(survey.finiteCount)
    for distance in 0..<min(plane, TensorSurvey.distanceLimit) {
      count -= survey.elementCount(atDistance: distance)
    }
    return count
  }

  private func refinement(plane: Int) -> Double {
    var bits = 0.0
    for distance in 0..<min(plane, TensorSurvey.distanceLimit) {
      let count = survey.elementCount(atDistance: distance)
      let bins = survey.bins[4 * distance..<4 * distance + 4].map { $0.count }
      switch plane - distance {
      case 1: bits += Self.adaptive(ones: bins[2] + bins[3], of: count)
      case 2: bits += Self.adaptive(ones: bins[1] + bins[3], of: count)
      case let place where place <= survey.grid.format.mantissaBits: bits += count
      default: break
      }
    }
    return bits
  }

  private func mantissas(bits: Int, _ progress: TensorProgress) -> Double {
    let format = survey.grid.format
    let isFirst = progress.mantissaBits == nil
    let isLast = bits == format.mantissaBits
    // Zeros at the end of a row's mantissas are told once.
    let zeroBits = isLast ? survey.meanZeroBits : 0
    var sum = isFirst ? exponents(planeCount: progress.planeCount) : 0
    for distance in 0..<TensorSurvey.distanceLimit {
      let known = max(progress.mantissaBits ?? 0, progress.planeCount - 1 - distance, 0)
      sum += survey.elementCount(atDistance: distance) * max(Double(bits - known) - zeroBits, 0)
    }
    return sum
  }

  /// What is told of elements that are not significant after so many planes: zero or not, level, sign.
  private func exponents(planeCount: Int) -> Double {
    let zeros = Double(survey.zeroCount)
    var rest = candidates(planeCount)
    var bits = Self.adaptive(ones: zeros, of: rest)
    rest -= zeros
    for distance in planeCount..<max(TensorSurvey.distanceLimit, planeCount) {
      let count = survey.elementCount(atDistance: distance)
      bits += Self.adaptive(ones: count, of: rest)
      rest -= count
    }
    bits += Self.adaptive(ones: Double(survey.negativeZeroCount), of: zeros)
    // Signs, for which a pass has a model of its own.
    let newCount = candidates(planeCount) - zeros
    let share = Double(survey.negativeCount) / Double(max(survey.finiteCount - survey.zeroCount, 1))
    return bits + Self.adaptive(ones: share * newCount, of: newCount)
  }

  /// Bits of `count` decisions of which `ones` are yes, by a model that learns that.
  static func adaptive(ones: Double, of count: Double) -> Double {
    guard count >= 1 else { return 0 }
    // Learning costs half the logarithm of the count, and forgetting 1/1000 of a bit each; no decision
    // is cheaper than the coder's least.
    let share = min(max(ones / count, 0), 1)
    let entropy = count * binaryEntropy(share)
    return max(entropy * 1.0015, count / 2800) + log2(count) / 2
  }

  static func binaryEntropy(_ share: Double) -> Double {
    guard share > 0, share < 1 else { return 0 }
    return -share * log2(share) - (1 - share) * log2(1 - share)
  }

  /// The decimal logarithm of a positive number.
  public static func log10(_ number: Double) -> Double { log2(number) * 0.30102999566398120 }

  /// The binary logarithm of a positive number, to six digits: the portable layers have no library.
  public static func log2(_ number: Double) -> Double {
    let exponent = Int(number.bitPattern >> 52 & 0x7FF) - 1023
    let mantissa = Double(bitPattern: number.bitPattern & ((1 << 52) - 1) | 1023 << 52)
    // artanh((m − 1) / (m + 1)) · 2 / ln 2, for m from 1/√2 to √2.
    let isLarge = mantissa > 1.4142135623730951
    let scaled = isLarge ? mantissa / 2 : mantissa
    let ratio = (scaled - 1) / (scaled + 1)
    let square = ratio * ratio
    let series = 1 + square * (1 / 3 + square * (1 / 5 + square * (1 / 7 + square / 9)))
    return Double(exponent + (isLarge ? 1 : 0)) + 2.8853900817779268 * ratio * series
  }
}

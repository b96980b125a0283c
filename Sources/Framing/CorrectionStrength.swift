/// How many damaged bytes of each codeword can be put right (Protocol.md §3.5).
///
/// The bytes of a frame are dealt to as few codewords as hold them, one byte to each in turn, so that
/// a burst of errors is spread over all of them. A codeword is 255 bytes at most, and twice the
/// strength of them are parity.
public enum CorrectionStrength: UInt8, CaseIterable, Comparable, Sendable {
  case one = 1
  case two = 2
  case three = 3
  case four = 4
  case six = 6
  case eight = 8

  /// The most bytes of a codeword, parity included.
  public static let codewordByteCount = 255
  /// The most codewords of a frame.
  public static let codewordCountLimit = 8

  /// The strength with this place in the order of strengths; 8 for those behind the last.
  public init(index: Int) {
    switch index {
    case 0: self = .one
    case 1: self = .two
    case 2: self = .three
    case 3: self = .four
    case 4: self = .six
    default: self = .eight
    }
  }

  /// Its place in the order of strengths, from 0 on.
  public var index: Int {
    switch self {
    case .one: 0
    case .two: 1
    case .three: 2
    case .four: 3
    case .six: 4
    case .eight: 5
    }
  }

  /// The errors that a codeword may have.
  var errorCountLimit: Int { Int(rawValue) }

  /// The parity of one codeword.
  public var parityByteCount: Int { 2 * Int(rawValue) }

  /// The most bytes of a frame that one codeword covers.
  private var coveredByteCountLimit: Int { Self.codewordByteCount - parityByteCount }

  /// The longest frame that can be covered.
  public var frameByteCountLimit: Int { Self.codewordCountLimit * coveredByteCountLimit }

  /// The longest frame that takes at most `mtu` bytes with its parity; 0 where there is none.
  public func frameByteCountLimit(mtu: Int) -> Int {
    let byteCount = min(mtu, Self.codewordCountLimit * Self.codewordByteCount)
    let count = Self.codewordCount(totalByteCount: byteCount)
    // The last codeword may have no room but for parity: then the others, filled, hold more.
    return max(byteCount - count * parityByteCount, (count - 1) * coveredByteCountLimit, 0)
  }

  /// The codewords that cover a frame: ⌈F / (255 − 2t)⌉.
  public func codewordCount(frameByteCount: Int) -> Int {
    (frameByteCount + coveredByteCountLimit - 1) / coveredByteCountLimit
  }

  /// The parity of a whole frame, which stands behind it.
  public func parityByteCount(frameByteCount: Int) -> Int {
    parityByteCount * codewordCount(frameByteCount: frameByteCount)
  }

  /// What is left of `totalByteCount` bytes without the parity; nil where no frame takes as many.
  public func frameByteCount(totalByteCount: Int) -> Int? {
    let count = Self.codewordCount(totalByteCount: totalByteCount)
    let byteCount = totalByteCount - count * parityByteCount
    guard totalByteCount > 0, count <= Self.codewordCountLimit,
      byteCount > (count - 1) * coveredByteCountLimit
    else { return nil }
    return byteCount
  }

  /// The codewords of a frame with its parity: ⌈T / 255⌉.
  ///
  /// A frame of F bytes fills c − 1 codewords and not more than c: (c − 1)(255 − 2t) < F <= c(255 − 2t).
  /// With 2tc bytes of parity that is 255(c − 1) + 2t < T <= 255c, whatever the strength.
  private static func codewordCount(totalByteCount: Int) -> Int {
    (totalByteCount + codewordByteCount - 1) / codewordByteCount
  }

  /// Weaker before stronger.
  public static func < (left: Self, right: Self) -> Bool {
    left.rawValue < right.rawValue
  }
}

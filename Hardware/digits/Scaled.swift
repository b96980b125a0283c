/// A number as an integer of 15 bits and a power of two, for processors that compute no floats.
struct Scaled {
  /// Between 2^14 and 2^15 in magnitude, or zero.
  private(set) var mantissa: Int32
  private(set) var exponent: Int

  static let zero = Scaled(mantissa: 0, exponent: 0)

  private init(mantissa: Int32, exponent: Int) {
    (self.mantissa, self.exponent) = (mantissa, exponent)
  }

  /// An integer times a power of two, cut to 15 bits.
  init(_ number: Int32, exponent: Int = 0) {
    guard number != 0 else {
      self = .zero
      return
    }
    // Bit by bit: small processors do not count zeros.
    var shift = -15
    while number.magnitude >> UInt32(shift + 15) > 1 { shift += 1 }
    shift += 1
    mantissa = shift > 0 ? number >> Int32(shift) : number << Int32(-shift)
    self.exponent = exponent + shift
  }

  /// A finite float32; subnormals are zero.
  init(floatBits bits: UInt32) {
    let field = Int(bits >> 23 & 0xFF)
    guard field != 0, field != 0xFF else {
      self = .zero
      return
    }
    let magnitude = Int32(bitPattern: bits & 0x7F_FFFF | 0x80_0000)
    self.init(bits >> 31 == 1 ? 0 - magnitude : magnitude, exponent: field - 150)
  }

  /// The number in units of 2^`exponent`, rounded down, as far as 30 bits hold it.
  func fixed(_ unit: Int) -> Int32 {
    let shift = exponent - unit
    if shift <= 0 { return mantissa >> Int32(min(-shift, 31)) }
    return shift <= 15 ? mantissa << Int32(shift) : mantissa < 0 ? -(1 << 30) : 1 << 30
  }

  static func * (one: Scaled, other: Scaled) -> Scaled {
    Scaled(one.mantissa * other.mantissa, exponent: one.exponent + other.exponent)
  }

  /// The same times a power of two.
  func scaled(_ power: Int) -> Scaled {
    mantissa == 0 ? self : Scaled(mantissa: mantissa, exponent: exponent + power)
  }

  /// One over the square root of a positive number.
  var inverseSquareRoot: Scaled {
    guard mantissa > 0 else { return .zero }
    // An even exponent, and 30 bits to take the root of: 15 bits remain.
    let isOdd = exponent & 1 != 0
    let radicand = UInt32(mantissa) << (isOdd ? 15 : 14)
    let root = Self.squareRoot(radicand)
    let quotient = Int32(bitPattern: (1 << 29) / root)
    let half = (exponent - (isOdd ? 1 : 0)) / 2
    return Scaled(quotient, exponent: -22 - half)
  }

  /// Bit by bit.
  private static func squareRoot(_ number: UInt32) -> UInt32 {
    var (rest, root, bit): (UInt32, UInt32, UInt32) = (number, 0, 1 << 30)
    while bit > 0 {
      if rest >= root + bit {
        rest -= root + bit
        root = root >> 1 + bit
      } else {
        root >>= 1
      }
      bit >>= 2
    }
    return root
  }
}

/// What becomes of a channel's sums: times a factor, plus a bias, in units of 2^-8.
struct ChannelScale: BitwiseCopyable {
  private var factor: Int16 = 0
  private var exponent: Int16 = 0
  private var bias: Int32 = 0

  /// The bias is in units of 2^-8.
  init(factor: Scaled, bias: Int32) {
    self.factor = Int16(truncatingIfNeeded: factor.mantissa)
    exponent = Int16(truncatingIfNeeded: factor.exponent)
    self.bias = bias
  }

  /// A sum below 2^25, its unit 2^`unit`, as an activation of 16 bits.
  func apply(_ sum: Int32, unit: Int32) -> Int16 {
    // The product has up to 40 bits: it is made of two, without the lowest ten.
    let factor = Int32(factor)
    let product = (sum >> 10) &* factor &+ ((sum & 1023) &* factor) >> 10
    let shift = Int32(exponent) &+ unit &+ 18
    var value = product
    if shift <= 0 {
      value = product >> min(0 &- shift, 31)
    } else if product != 0 {
      let isTooLarge = shift > 15 || product.magnitude >> UInt32(31 &- shift) > 0
      value = isTooLarge ? (product < 0 ? -32767 : 32767) : product &<< shift
    }
    return Int16(max(-32767, min(32767, max(-65536, min(65536, value)) &+ bias)))
  }
}

public import Tensors

/// The layout of a binary float type: IEEE 754 binary16, 32 and 64, and bfloat16.
///
/// A finite magnitude is an integer m times the smallest subnormal; the **level** of a nonzero one is
/// the place of m's leading bit. Its significand is that bit and up to `mantissaBits` behind it:
/// fewer for a subnormal, which has only the bits down to level 0.
public struct FloatFormat: Equatable, Sendable {
  /// Bytes of an element.
  public let byteCount: Int
  /// Bits of the mantissa field.
  public let mantissaBits: Int
  /// Bits of the exponent field.
  let exponentBits: Int

  /// The format of a dtype's elements, or of the parts of a complex one; nil for other types.
  public init?(_ dtype: DType) {
    switch dtype {
    case .f16, .c32: self.init(exponentBits: 5, mantissaBits: 10)
    case .bf16: self.init(exponentBits: 8, mantissaBits: 7)
    case .f32, .c64: self.init(exponentBits: 8, mantissaBits: 23)
    case .f64, .c128: self.init(exponentBits: 11, mantissaBits: 52)
    case .f8e4m3fn, .f8e5m2, .f8e4m3fnuz, .f8e5m2fnuz, .f8e8m0fnu, .f4e2m1fnx2, .i8, .i16, .i32,
      .i64, .u8, .u16, .u32, .u64, .bool:
      return nil
    }
  }

  private init(exponentBits: Int, mantissaBits: Int) {
    self.exponentBits = exponentBits
    self.mantissaBits = mantissaBits
    byteCount = (1 + exponentBits + mantissaBits) / 8
  }

  /// The value of an element; exact.
  func value(_ bits: UInt64) -> Double {
    switch byteCount {
    case 8: return Double(bitPattern: bits)
    case 4: return Double(Float(bitPattern: UInt32(truncatingIfNeeded: bits)))
    default:
      let half = UInt16(truncatingIfNeeded: bits)
      return Double(
        mantissaBits == 10 ? FloatBits.float(f16: half) : FloatBits.float(bf16: half))
    }
  }

  /// Levels that finite magnitudes have: 0 ..< levelCount.
  var levelCount: Int { mantissaBits + (1 << exponentBits) - 2 }
  /// Bits that hold a level, and one value more.
  var levelBits: Int { Int.bitWidth - levelCount.leadingZeroBitCount }
  /// The exponent of level 0: the smallest subnormal is 2 to this power.
  var lowestExponent: Int { 2 - mantissaBits - (1 << (exponentBits - 1)) }
}

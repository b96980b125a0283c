public import Tensors

/// The values of the float types from their bits and back, rounding to nearest, ties to even.
///
/// In integers for the 16-bit types, which not every processor and library knows.
public enum FloatBits {
  /// The value of an element of a quantizable dtype; exact.
  public static func value(_ bits: UInt64, _ dtype: DType) -> Double {
    precondition(dtype.isQuantizable, "a float of 16, 32 or 64 bits")
    switch dtype.byteCount {
    case 8: return Double(bitPattern: bits)
    case 4: return Double(Float(bitPattern: UInt32(truncatingIfNeeded: bits)))
    default:
      let half = UInt16(truncatingIfNeeded: bits)
      return Double(dtype == .f16 ? float(f16: half) : float(bf16: half))
    }
  }

  /// The bits of the element nearest to a value.
  public static func bits(_ value: Double, _ dtype: DType) -> UInt64 {
    precondition(dtype.isQuantizable, "a float of 16, 32 or 64 bits")
    switch dtype.byteCount {
    case 8: return value.bitPattern
    case 4: return UInt64(Float(value).bitPattern)
    default: return UInt64(dtype == .f16 ? f16(value) : bf16(value))
    }
  }

  static func float(bf16 bits: UInt16) -> Float { Float(bitPattern: UInt32(bits) << 16) }

  static func float(f16 bits: UInt16) -> Float {
    let sign = UInt32(bits & 0x8000) << 16
    let exponent = UInt32(bits >> 10 & 0x1F)
    let mantissa = UInt32(bits & 0x3FF)
    switch exponent {
    case 0:
      // Zero or subnormal: a multiple of 2⁻²⁴, which a Float holds exactly.
      let magnitude = Float(mantissa) * Float(sign: .plus, exponent: -24, significand: 1)
      return Float(bitPattern: magnitude.bitPattern | sign)
    case 0x1F: return Float(bitPattern: sign | 0x7F80_0000 | mantissa << 13)
    default: return Float(bitPattern: sign | (exponent + 112) << 23 | mantissa << 13)
    }
  }

  /// binary16: 5 bits of exponent, 10 of mantissa.
  static func f16(_ value: Double) -> UInt16 { narrow(value, exponentBits: 5, mantissaBits: 10) }

  /// bfloat16: 8 bits of exponent, 7 of mantissa.
  static func bf16(_ value: Double) -> UInt16 { narrow(value, exponentBits: 8, mantissaBits: 7) }

  /// Rounds once, from the double, so that no value is rounded twice.
  private static func narrow(
    _ value: Double, exponentBits: UInt64, mantissaBits: UInt64
  ) -> UInt16 {
    let bits = value.bitPattern
    let sign = UInt16(truncatingIfNeeded: bits >> 63) << 15
    let exponentMaximum = Int64(1) << exponentBits - 1
    let infinity = UInt16(truncatingIfNeeded: exponentMaximum) << UInt16(mantissaBits)
    let quietBit = UInt16(1) << UInt16(mantissaBits - 1)
    if value.isNaN { return sign | infinity | quietBit }
    let bias = exponentMaximum >> 1
    let exponent = Int64(bits >> 52 & 0x7FF) - 1023 + bias
    if exponent >= exponentMaximum { return sign | infinity }
    // The 53 bits of the significand; what is below the target's last bit is rounded away.
    let significand = bits & (1 << 52 - 1) | (bits >> 52 & 0x7FF == 0 ? 0 : 1 << 52)
    let dropped = UInt64(52 - Int64(mantissaBits) + max(0, 1 - exponent))
    guard dropped < 64 else { return sign }
    let kept = significand >> dropped
    let rest = significand & (1 << dropped - 1)
    let half = UInt64(1) << (dropped - 1)
    let up: UInt64 = rest > half || (rest == half && kept & 1 == 1) ? 1 : 0
    // A carry out of the mantissa runs into the exponent, as it should; up to infinity.
    let base = exponent > 0 ? UInt64(exponent - 1) << mantissaBits : 0
    return sign | UInt16(truncatingIfNeeded: base + kept + up)
  }
}

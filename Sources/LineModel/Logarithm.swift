/// The natural logarithm of a positive, finite number, to about 1 in 10¹⁵.
///
/// Written out because the portable layers have no mathematical library, and because two libraries
/// that differ in the last bit would replay a seed differently.
func naturalLogarithm(_ number: Double) -> Double {
  var exponent = Double(number.exponent)
  var significand = number.significand  // 1 ..< 2
  if significand > 1.5 {
    significand /= 2
    exponent += 1
  }
  // ln m = 2 artanh((m − 1) / (m + 1)), and |z| <= 0.2 for 0.75 <= m <= 1.5.
  return exponent * 0.693_147_180_559_945_3 + 2 * artanh((significand - 1) / (significand + 1))
}

/// The natural logarithm of `1 − rate` for a rate in `0 ..< 1`, exact for the smallest rates too,
/// where `1 − rate` would round to 1.
func logarithmOfComplement(_ rate: Double) -> Double {
  guard rate < 0.25 else { return naturalLogarithm(1 - rate) }
  return -2 * artanh(rate / (2 - rate))
}

/// The inverse hyperbolic tangent for |z| <= 0.2: a series of which 0.2²⁵ is the first term left out.
private func artanh(_ z: Double) -> Double {
  let square = z * z
  var sum = 0.0
  var divisor = 23.0
  while divisor > 0 {
    sum = sum * square + 1 / divisor
    divisor -= 2
  }
  return z * sum
}

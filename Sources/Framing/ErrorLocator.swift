/// Finds the errors of one codeword from its syndromes: which bytes are wrong, and by what.
///
/// Massey, "Shift-Register Synthesis and BCH Decoding", IEEE Transactions on Information Theory
/// 15(1), 1969, for the polynomial whose roots are the inverses of the errors' locations; Forney, "On
/// Decoding BCH Codes", 11(4), 1965, for their magnitudes. The byte of degree d is at location αᵈ.
struct ErrorLocator {
  /// Syndrome k + 1 at index k: the word that was received, at αᵏ⁺¹.
  typealias Syndromes = InlineArray<16, UInt8>
  /// Coefficient of xⁱ at index i.
  typealias Polynomial = InlineArray<9, UInt8>

  /// The count of errors, if there are as many locations; at most the strength.
  private(set) var errorCount = 0
  private var locator = Polynomial(repeating: 0)
  private var derivative = Polynomial(repeating: 0)
  private var evaluator = Polynomial(repeating: 0)

  /// Explains the syndromes by as few errors as do; nil where these are more than can be told.
  init?(_ syndromes: Syndromes, strength: CorrectionStrength) {
    guard findLocator(syndromes, strength) else { return nil }
    // In characteristic 2 the even terms vanish.
    for index in 1...errorCount where index % 2 == 1 { derivative[index - 1] = locator[index] }
    // Syndromes times locator, of which errors leave nothing at degree errorCount and above.
    for index in 0..<errorCount {
      evaluator[index] = Self.convolution(locator, syndromes, at: index, count: index + 1)
    }
  }

  /// What is to be added to the byte of this degree; nil where it is not one of the errors.
  func magnitude(atDegree degree: Int) -> UInt8? {
    // The inverse of the location.
    let exponent = GaloisField.order - degree
    guard value(of: locator, at: exponent) == 0 else { return nil }
    let slope = value(of: derivative, at: exponent)
    // A root twice over: no errors make such a locator, and it has too few roots to be taken.
    if slope == 0 { return nil }
    return GaloisField.quotient(value(of: evaluator, at: exponent), slope)
  }

  /// Finds the shortest recurrence that makes the syndromes; false where it is above the strength.
  private mutating func findLocator(_ syndromes: Syndromes, _ strength: CorrectionStrength) -> Bool
  {
    locator[0] = 1
    // The recurrence before the last that was too short, times x for each syndrome since.
    var earlier = Polynomial(repeating: 0)
    earlier[0] = 1
    var earlierDiscrepancy: UInt8 = 1
    for index in 0..<strength.parityByteCount {
      earlier.multiplyByX()
      let discrepancy = Self.convolution(locator, syndromes, at: index, count: errorCount + 1)
      if discrepancy == 0 { continue }
      let old = locator
      let factor = GaloisField.quotient(discrepancy, earlierDiscrepancy)
      for power in earlier.indices { locator[power] ^= GaloisField.product(earlier[power], factor) }
      if 2 * errorCount > index { continue }
      errorCount = index + 1 - errorCount
      // From here on degrees are below the size of a polynomial: the locator's is <= errorCount.
      if errorCount > strength.errorCountLimit { return false }
      earlier = old
      earlierDiscrepancy = discrepancy
    }
    return errorCount > 0
  }

  /// The coefficient of xⁱ, i = `index`, in the product of a polynomial's first `count` terms and the
  /// syndromes.
  @inline(never)  // Likewise.
  private static func convolution(
    _ polynomial: Polynomial, _ syndromes: Syndromes, at index: Int, count: Int
  ) -> UInt8 {
    var sum: UInt8 = 0
    for power in 0..<count {
      sum ^= GaloisField.product(polynomial[power], syndromes[index - power])
    }
    return sum
  }

  /// A polynomial's value at α to the power `exponent`, 0 <= exponent <= 255.
  @inline(never)  // Inlined, it copies the polynomial at every step.
  private func value(of polynomial: Polynomial, at exponent: Int) -> UInt8 {
    var value: UInt8 = 0
    var power = errorCount
    while power >= 0 {
      value = GaloisField.product(value, power: exponent) ^ polynomial[power]
      power -= 1
    }
    return value
  }
}

extension ErrorLocator.Polynomial {
  /// Moves every coefficient up by one; the highest falls out.
  fileprivate mutating func multiplyByX() {
    var power = count - 1
    while power > 0 {
      self[power] = self[power - 1]
      power -= 1
    }
    self[0] = 0
  }
}

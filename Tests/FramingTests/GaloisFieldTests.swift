import Framing
import Testing

/// The tables against arithmetic bit by bit.
struct GaloisFieldTests {
  @Test func productsAreThoseOfPolynomials() {
    for first in UInt8.min...UInt8.max {
      for second in UInt8.min...UInt8.max {
        let expected = productByBits(first, second)
        if GaloisField.product(first, second) != expected {
          Issue.record("\(first) · \(second) is \(expected)")
        }
      }
    }
  }

  @Test func powersAndLogarithmsAreInverse() {
    var power: UInt8 = 1
    for exponent in 0..<2 * GaloisField.order {
      #expect(GaloisField.power(exponent) == power)
      #expect(GaloisField.logarithm(power) == exponent % GaloisField.order)
      power = productByBits(power, 2)
    }
  }

  @Test func quotientTimesDivisorIsTheDividend() {
    for dividend in UInt8.min...UInt8.max {
      for divisor in 1...UInt8.max {
        let quotient = GaloisField.quotient(dividend, divisor)
        if productByBits(quotient, divisor) != dividend {
          Issue.record("\(dividend) / \(divisor) is not \(quotient)")
        }
      }
    }
  }

  /// The generator is multiplied out of its roots, bit by bit.
  @Test(arguments: CorrectionStrength.allCases)
  func generatorHasTheRoots(strength: CorrectionStrength) {
    var generator: [UInt8] = [1]
    var root: UInt8 = 1
    for _ in 0..<strength.parityByteCount {
      root = productByBits(root, 2)
      let multiple = [0] + generator.map { productByBits($0, root) }
      generator = zip(generator + [0], multiple).map { $0 ^ $1 }
    }
    #expect(generator.first == 1)
    let coefficients = (0..<strength.parityByteCount).map {
      GaloisField.power(ParityEncoder.generatorLogarithm(strength.generatorOffset + $0))
    }
    #expect(coefficients == Array(generator.dropFirst()))
  }

  private func productByBits(_ first: UInt8, _ second: UInt8) -> UInt8 {
    var product = 0
    for bit in 0..<8 where second >> bit & 1 == 1 { product ^= Int(first) << bit }
    for bit in (8..<15).reversed() where product >> bit & 1 == 1 { product ^= 0x11D << (bit - 8) }
    return UInt8(product)
  }
}

import LineModel
import Tensors
import Testing

@testable import WeightCodec

struct FloatBitsTests {
  @Test func everyF16HasTheValueThatSwiftGivesIt() {
    for bits in UInt16.min...UInt16.max {
      let (ours, swift) = (FloatBits.float(f16: bits), Float(Float16(bitPattern: bits)))
      #expect(ours == swift || ours.isNaN && swift.isNaN)
      #expect((ours.sign == .minus) == (bits >> 15 == 1))
    }
  }

  /// Every code, and the values at, just below and just above each middle between two codes.
  @Test func f16RoundsAsSwiftDoes() {
    for bits in 0...0x7C00 as ClosedRange<UInt16> {
      let value = Double(Float16(bitPattern: bits))
      let next = bits < 0x7BFF ? Double(Float16(bitPattern: bits + 1)) : 65536
      let middle = bits < 0x7C00 ? (value + next) / 2 : value
      for value in [value, middle, middle.nextDown, middle.nextUp] {
        for signed in [value, -value] {
          let (ours, swift) = (FloatBits.f16(signed), Float16(signed).bitPattern)
          if ours != swift { Issue.record("\(signed) becomes \(ours), not \(swift)") }
        }
      }
    }
  }

  @Test func everyBF16IsTheUpperHalfOfAFloat() {
    for bits in UInt16.min...UInt16.max {
      let value = FloatBits.float(bf16: bits)
      #expect(value.bitPattern == UInt32(bits) << 16)
      if !value.isNaN { #expect(FloatBits.bf16(Double(value)) == bits) }
    }
  }

  /// The usual trick on a Float's bits: add half of what is dropped, and the last bit kept.
  @Test func bf16RoundsToNearestTiesToEven() {
    var generator = SeededGenerator(seed: 1)
    for _ in 0..<100_000 {
      var pattern = UInt32(truncatingIfNeeded: generator.next())
      // Every fourth is a tie.
      if pattern & 3 == 0 { pattern = pattern & 0xFFFF_0000 | 0x8000 }
      let value = Float(bitPattern: pattern)
      if value.isNaN { continue }
      let expected = UInt16((pattern &+ 0x7FFF &+ (pattern >> 16 & 1)) >> 16)
      let found = FloatBits.bf16(Double(value))
      if found != expected { Issue.record("\(value) becomes \(found), not \(expected)") }
    }
  }

  @Test func doublesAreRoundedOnce() {
    // A Float would round these to the tie, and the tie then to even: down.
    #expect(FloatBits.f16(1 + 0x1p-11 + 0x1p-40) == 0x3C01)
    #expect(FloatBits.bf16(1 + 0x1p-8 + 0x1p-40) == 0x3F81)
  }

  @Test func whatIsTooLargeIsInfiniteAndWhatIsTooSmallZero() {
    #expect(FloatBits.f16(65519) == 0x7BFF)
    #expect(FloatBits.f16(65520) == 0x7C00)
    #expect(FloatBits.f16(-1e300) == 0xFC00)
    #expect(FloatBits.f16(-.infinity) == 0xFC00)
    #expect(FloatBits.f16(0x1p-25) == 0)
    #expect(FloatBits.f16(0x1p-25.nextUp) == 1)
    #expect(FloatBits.f16(-.leastNonzeroMagnitude) == 0x8000)
    #expect(FloatBits.bf16(.greatestFiniteMagnitude) == 0x7F80)
    #expect(FloatBits.bf16(0x1p-134) == 0)
    #expect(FloatBits.bf16(0x1.8p-134) == 1)
  }

  @Test func notANumberStaysOne() {
    #expect(FloatBits.f16(.nan) == 0x7E00)
    #expect(FloatBits.bf16(-.nan) == 0xFFC0)
    #expect(FloatBits.value(0x7C01, .f16).isNaN)
  }

  @Test func wideTypesKeepTheirBits() {
    for value in [0, -0.0, 1.5, -0x1p-149, Double(Float.greatestFiniteMagnitude), .infinity] {
      #expect(FloatBits.bits(value, .f64) == value.bitPattern)
      #expect(FloatBits.bits(value, .f32) == UInt64(Float(value).bitPattern))
      #expect(FloatBits.value(FloatBits.bits(value, .f32), .f32) == value)
    }
  }
}

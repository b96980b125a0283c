/// An unsigned integer that holds an element of a float type.
protocol ElementBits: FixedWidthInteger, UnsignedInteger, BitwiseCopyable {}

extension UInt16: ElementBits {}
extension UInt32: ElementBits {}
extension UInt64: ElementBits {}

/// The bits of a float type's elements, as integers of their own width.
///
/// Magnitudes of floats are ordered as integers, so nothing here computes in floating point.
struct FloatCode<Bits: ElementBits> {
  let signMask: Bits
  let magnitudeMask: Bits
  /// The magnitude of infinity: what is not below it is not finite.
  let infinity: Bits
  let mantissaBits: Int
  /// The leading bit of a normal number's significand, which is not stored.
  let hiddenBit: Bits

  init(_ format: FloatFormat) {
    precondition(format.byteCount == MemoryLayout<Bits>.size, "the width is that of the format")
    mantissaBits = format.mantissaBits
    signMask = 1 << Bits(8 * format.byteCount - 1)
    magnitudeMask = signMask - 1
    hiddenBit = 1 << Bits(mantissaBits)
    infinity = magnitudeMask & ~(hiddenBit - 1)
  }

  func load(_ memory: RawSpan, at index: Int) -> Bits {
    let size = MemoryLayout<Bits>.size
    return unsafe memory.unsafeLoadUnaligned(fromByteOffset: size &* index, as: Bits.self)
      .littleEndian
  }

  func store(_ bits: Bits, to memory: inout MutableRawSpan, at index: Int) {
    let size = MemoryLayout<Bits>.size
    memory.storeBytes(of: bits.littleEndian, toByteOffset: size &* index, as: Bits.self)
  }

  /// The level of a finite magnitude other than zero.
  func level(of magnitude: Bits) -> Int {
    let exponent = Int(truncatingIfNeeded: magnitude >> Bits(truncatingIfNeeded: mantissaBits))
    return exponent > 0
      ? mantissaBits &+ exponent &- 1 : Bits.bitWidth - 1 - magnitude.leadingZeroBitCount
  }

  /// Bits of the significand behind the leading one, for a magnitude of this level.
  func trailingBits(atLevel level: Int) -> Int { min(level, mantissaBits) }

  /// 2 to the power that a level stands for, as a magnitude.
  func power(atLevel level: Int) -> Bits {
    level < mantissaBits
      ? 1 << Bits(truncatingIfNeeded: level)
      : Bits(truncatingIfNeeded: level - mantissaBits + 1) << Bits(truncatingIfNeeded: mantissaBits)
  }

  /// The significand of a magnitude: the leading bit and those behind it.
  func significand(of magnitude: Bits, level: Int) -> Bits {
    level < mantissaBits ? magnitude : magnitude & (hiddenBit &- 1) | hiddenBit
  }

  /// The bit below the known ones of a magnitude, which makes it the middle of what it may be; 0 where
  /// all are known.
  func marker(atLevel level: Int, knownBits: Int) -> Bits {
    let place = trailingBits(atLevel: level) &- knownBits &- 1
    return place >= 0 ? 1 << Bits(truncatingIfNeeded: place) : 0
  }
}

/// An unsigned integer that holds an element of a float type.
protocol ElementBits: FixedWidthInteger, UnsignedInteger, BitwiseCopyable {
  /// Holds a significand and some bits more.
  associatedtype Significand: FixedWidthInteger, UnsignedInteger
  /// Bits of the mantissa, where all types of this width agree.
  static var mantissaBits: Int? { get }
}

extension UInt16: ElementBits {
  typealias Significand = UInt32
  static var mantissaBits: Int? { nil }
}

extension UInt32: ElementBits {
  typealias Significand = UInt32
  static var mantissaBits: Int? { 23 }
}

extension UInt64: ElementBits {
  typealias Significand = UInt64
  static var mantissaBits: Int? { 52 }
}

/// The bits of a float type's elements, as integers of their own width.
///
/// Magnitudes of floats are ordered as integers, so nothing here computes in floating point. What the
/// width alone determines is a constant for the compiler, which the inner loops gain from.
struct FloatCode<Bits: ElementBits> {
  // Either 7 or 10.
  private let narrowMantissaBits: Int

  init(_ format: FloatFormat) {
    precondition(
      format.byteCount == MemoryLayout<Bits>.size
        && format.mantissaBits == Bits.mantissaBits ?? format.mantissaBits,
      "the width is that of the format")
    narrowMantissaBits = format.mantissaBits
  }

  @inline(__always)
  var mantissaBits: Int { Bits.mantissaBits ?? narrowMantissaBits }
  @inline(__always)
  var signMask: Bits { 1 &<< Bits(truncatingIfNeeded: Bits.bitWidth &- 1) }
  @inline(__always)
  var magnitudeMask: Bits { ~signMask }
  /// The leading bit of a normal number's significand, which is not stored.
  @inline(__always)
  var hiddenBit: Bits { 1 &<< Bits(truncatingIfNeeded: mantissaBits) }
  /// The magnitude of infinity: what is not below it is not finite.
  @inline(__always)
  var infinity: Bits { magnitudeMask & ~(hiddenBit &- 1) }

  func load(_ memory: RawSpan, at index: Int) -> Bits {
    let size = MemoryLayout<Bits>.size
    return unsafe memory.unsafeLoadUnaligned(fromByteOffset: size &* index, as: Bits.self)
      .littleEndian
  }

  /// For loops over a tensor, which make sure of its size before.
  @unsafe @inline(__always)
  func load(_ memory: RawSpan, uncheckedAt index: Int) -> Bits {
    let size = MemoryLayout<Bits>.size
    return unsafe memory.unsafeLoadUnaligned(
      fromUncheckedByteOffset: size &* index, as: Bits.self
    ).littleEndian
  }

  func store(_ bits: Bits, to memory: inout MutableRawSpan, at index: Int) {
    let size = MemoryLayout<Bits>.size
    memory.storeBytes(of: bits.littleEndian, toByteOffset: size &* index, as: Bits.self)
  }

  @unsafe @inline(__always)
  func store(_ bits: Bits, to memory: inout MutableRawSpan, uncheckedAt index: Int) {
    let size = MemoryLayout<Bits>.size
    unsafe memory.storeBytes(
      of: bits.littleEndian, toUncheckedByteOffset: size &* index, as: Bits.self)
  }

  /// The level of a finite magnitude other than zero.
  @inline(__always)
  func level(of magnitude: Bits) -> Int {
    let exponent = Int(truncatingIfNeeded: magnitude &>> Bits(truncatingIfNeeded: mantissaBits))
    return exponent > 0
      ? mantissaBits &+ exponent &- 1 : Bits.bitWidth &- 1 &- magnitude.leadingZeroBitCount
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
  @inline(__always)
  func marker(atLevel level: Int, knownBits: Int) -> Bits {
    let place = trailingBits(atLevel: level) &- knownBits &- 1
    return place >= 0 ? 1 &<< Bits(truncatingIfNeeded: place) : 0
  }
}

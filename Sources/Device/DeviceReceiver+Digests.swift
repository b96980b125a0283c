extension DeviceReceiver where Store: ~Copyable {
  /// SHA-256 of a tensor's elements, as the coded stream has left them or as they came (Protocol.md §5.6).
  @inline(never)
  func digest(of entry: TableEntry) -> Digest {
    var digest = SHA256()
    guard entry.isPlaned else {
      for offset in entry.offset..<entry.offset &+ entry.byteCount { digest.update(store[offset]) }
      return digest.finish()
    }
    let value = PlaneValue(entry.format, store[stateOf: entry.index])
    for offset in entry.offset..<entry.offset &+ entry.elementCount {
      var (word, byteCount) = (value.highestBytes(of: store[offset]), entry.format.byteCount)
      while byteCount > PlaneValue.byteCount {
        digest.update(0)
        byteCount &-= 1
      }
      for _ in 0..<byteCount {
        digest.update(UInt8(truncatingIfNeeded: word))
        word >>= 8
      }
    }
    return digest.finish()
  }
}

/// What a byte of an image stands for, in the floats that it was made of.
struct PlaneValue {
  /// The highest bytes of an element, as many as may be other than zero.
  static let byteCount = 4

  private let mantissaBits: Int
  // The element's bits that its highest bytes have.
  private let bitCount: Int
  // The level of the bit below the lowest of a byte.
  private let level: Int
  private let planeCount: Int
  private let isRefined: Bool

  init(_ format: ElementFormat, _ state: TensorState) {
    bitCount = 8 &* min(format.byteCount, Self.byteCount)
    // A binary64 is told by its upper half; the lower one is zero.
    mantissaBits = format.mantissaBits &- 8 &* format.byteCount &+ bitCount
    let lost = format.mantissaBits &- mantissaBits
    level = Int(state.topLevel) &- PlaneDecoder.planeLimit &- lost
    planeCount = state.planeCount
    isRefined = state.isRefined
  }

  /// The bits of the element of which this is known: sign, exponent, mantissa; the middle of what is
  /// possible.
  @inline(never)
  func highestBytes(of byte: UInt8) -> UInt32 {
    // With a bit more below.
    var known = UInt32(byte & PlaneDecoder.magnitude) << 1
    guard known > 0 else { return 0 }
    // The first bit that is not known: below the last plane, or in it where that is still to come.
    var middle = UInt32(0x80) >> UInt32(planeCount)
    if !isRefined, known >= middle << 2 { middle <<= 1 }
    known |= level &+ PlaneDecoder.planeLimit &- planeCount >= 0 ? middle : 0
    let sign = byte & PlaneDecoder.sign != 0 ? UInt32(1) << UInt32(bitCount &- 1) : 0
    return sign | magnitude(known)
  }

  private func magnitude(_ significand: UInt32) -> UInt32 {
    var lead = 7
    while significand >> UInt32(lead) == 0 { lead &-= 1 }
    let exponent = level &+ lead &- mantissaBits &+ 1
    guard exponent > 0 else {
      return level < 0 ? significand >> UInt32(-level) : significand << UInt32(level)
    }
    // The leading bit adds one to the exponent, which is short of it.
    let shift = mantissaBits &- lead
    let fraction = shift < 0 ? significand >> UInt32(-shift) : significand << UInt32(shift)
    return UInt32(exponent &- 1) << UInt32(mantissaBits) &+ fraction
  }
}

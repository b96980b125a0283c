/// The digest of a model as far as it is known: of the manifest, then of tensor after tensor.
///
/// A tensor's last pass leaves its weights as they are, one behind the other, so the digest follows the
/// decoder, in what is left of the processor's time, and little is to be done in the end.
struct ModelHash {
  /// The tensor at hand, and its elements that have been taken.
  private(set) var entry = TableEntry()
  var place = 0
  /// Whether there is no tensor any more.
  private(set) var isComplete = false
  var tensor = SHA256()
  var model = SHA256()

  /// The elements at hand that have not been taken.
  var restCount: Int { entry.hasContent ? entry.elementCount &- place : 0 }

  /// Ends the tensor at hand, and goes on to the next one with content.
  mutating func advance<Table: ModelTable>(_ table: Table) {
    if entry.hasContent { model.update(tensor.finish()) }
    repeat {
      guard entry.advance(table) else {
        isComplete = true
        return
      }
    } while !entry.hasContent
    place = 0
    tensor.reset()
  }

  /// Stands before a manifest.
  mutating func reset() {
    (entry, place, isComplete) = (TableEntry(), 0, false)
    model.reset()
  }
}

extension DeviceReceiver where Store: ~Copyable {
  /// Takes some weights into the model's digest that will not change any more; false where there are none.
  ///
  /// For when there is nothing else to do, and short: so much less is to be done when the model
  /// is complete. A device that never calls it takes all digests then.
  public mutating func digestAhead() -> Bool {
    guard phase == .reading, reader.order == .contents || reader.order == .content else {
      return false
    }
    return takeDigest(ofCount: 16, knownCount: knownCount(of: hash.entry), isAhead: true)
  }

  /// The elements of a tensor that are as they will be.
  private func knownCount(of entry: TableEntry) -> Int {
    guard entry.hasContent else { return 0 }
    let state = store[stateOf: entry.index]
    let isLast = state.planeCount == PlaneByte.planeLimit
    if entry.isPlaned ? isLast && state.isRefined : state.hasCome { return entry.elementCount }
    return isLast ? decoder.passedCount(of: entry) : 0
  }

  /// Takes elements of the tensor at hand into its digest, or ends it.
  @inline(never)
  mutating func takeDigest(ofCount count: Int, knownCount: Int, isAhead: Bool) -> Bool {
    guard hash.restCount > 0 else {
      if !hash.isComplete { hash.advance(table) }
      return !hash.isComplete
    }
    let start = hash.place
    let end = start &+ min(count, knownCount &- start)
    guard start < end else { return false }
    Self.take(start..<end, of: hash.entry, store, isAhead: isAhead, into: &hash.tensor)
    hash.place = end
    return true
  }

  /// SHA-256 of a tensor that came whole (Protocol.md §5.6).
  func digest(of entry: TableEntry) -> Digest {
    var digest = SHA256()
    Self.take(0..<entry.elementCount, of: entry, store, isAhead: false, into: &digest)
    return digest.finish()
  }

  /// Takes elements as the coded stream has left them, or as they came.
  @inline(never)
  private static func take(
    _ places: Range<Int>, of entry: TableEntry, _ store: borrowing Store, isAhead: Bool,
    into digest: inout SHA256
  ) {
    let byteCount = entry.format.byteCount
    guard entry.isPlaned else {
      for place in places.lowerBound &* byteCount..<places.upperBound &* byteCount {
        digest.update(store[entry.offset &+ place])
      }
      return
    }
    let value = PlaneValue(entry.format, store[stateOf: entry.index], isAhead: isAhead)
    for place in places {
      var word = value.highestBytes(of: store[entry.offset &+ place])
      for _ in 0..<max(byteCount &- PlaneValue.byteCount, 0) { digest.update(0) }
      for _ in 0..<min(byteCount, PlaneValue.byteCount) {
        digest.update(UInt8(truncatingIfNeeded: word))
        word >>= 8
      }
    }
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

  /// With `isAhead` the weight has been refined already, if not all of the tensor's have.
  init(_ format: ElementFormat, _ state: TensorState, isAhead: Bool) {
    bitCount = 8 &* min(format.byteCount, Self.byteCount)
    // A binary64 is told by its upper half; the lower one is zero.
    mantissaBits = format.mantissaBits &- 8 &* format.byteCount &+ bitCount
    let lost = format.mantissaBits &- mantissaBits
    level = Int(state.topLevel) &- PlaneByte.planeLimit &- lost
    planeCount = state.planeCount
    isRefined = isAhead || state.isRefined
  }

  /// The bits of the element of which this is known: sign, exponent, mantissa; the middle of what is
  /// possible.
  @inline(never)
  func highestBytes(of byte: UInt8) -> UInt32 {
    // With a bit more below.
    var known = UInt32(byte & PlaneByte.magnitude) << 1
    guard known > 0 else { return 0 }
    // The first bit that is not known: below the last plane, or in it where that is still to come.
    var middle = UInt32(0x80) >> UInt32(planeCount)
    if !isRefined, known >= middle << 2 { middle <<= 1 }
    known |= level &+ PlaneByte.planeLimit &- planeCount >= 0 ? middle : 0
    let sign = byte & PlaneByte.sign != 0 ? UInt32(1) << UInt32(bitCount &- 1) : 0
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

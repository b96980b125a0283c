internal import WeightCodec

/// Decodes a coded stream of the codec `flat` (Protocol.md §6.3) into the bytes of an image: up to seven
/// planes of each tensor, and nothing else.
///
/// A byte holds the sign of a weight in bit 7 and plane k of its magnitude in bit 6 − k. Bits go from
/// zero to one only, so that flash need not be erased in between.
///
/// With `Differences` also what differs from the planes of a base.
struct PlaneDecoder<Differences: DifferenceModels>: ~Copyable {
  /// What came of a call.
  enum Outcome {
    /// All bytes have been taken that there were.
    case needsBytes
    /// The codeword has been read to its end.
    case hasEnded
    /// No encoder writes this.
    case broken
    /// It tells of NaNs or infinities, for which an image has no place.
    case notFinite
    /// It tells of something else that an image has no place for: finer planes.
    case unkeepable
  }

  // Bytes that the beginning of a unit and an element take at most.
  private static var unitByteCount: Int { 16 }
  static var elementByteCount: Int { 4 }
  // Zero bytes that an encoder may leave out at the end of a codeword.
  private static var borrowLimit: Int { 4 }

  enum Step: UInt8 {
    case codeword, unit, pass, end
  }

  var coder = RangeDecoder()
  var step = Step.codeword
  /// Whether bytes of a codeword have come that has not ended.
  var isOpen = false
  // These two live as long as the stream.
  var isMantissa = BitModel()
  var hasExceptions = BitModel()
  // The pass at hand: its models, its elements in the image, and its plane's bit.
  var significance = BitModel()
  var refinement = InlineArray<3, BitModel>(repeating: BitModel())
  var index = 0
  var place = 0
  var end = 0
  var bit: UInt8 = 0
  var isRefinement = false
  // Whether the tensor has a base; the bits of its mantissas; the models of its pass.
  var isDifference = false
  var mantissaBits: UInt8 = 0
  var differences = Differences()

  /// Takes a byte of the codeword; false where enough of them wait.
  mutating func append(_ byte: UInt8) -> Bool {
    isOpen = true
    return coder.digits.append(byte)
  }

  /// The elements of a tensor that its pass has gone by; 0 where it is not the one of the pass.
  func passedCount(of entry: TableEntry) -> Int {
    step == .pass && index == entry.index ? place &- entry.offset : 0
  }

  /// Forgets all, for another stream.
  mutating func reset() { self = PlaneDecoder() }

  /// Goes as far as the bytes in the queue allow; with `isComplete` these are the codeword's last.
  @inline(never)
  mutating func decode<Table: ModelTable, Store: WeightStore & ~Copyable>(
    isComplete: Bool, _ table: Table, _ store: inout Store
  ) -> Outcome {
    while true {
      switch step {
      case .codeword:
        if isComplete { coder.beginWithoutMore() }
        guard coder.begin() else { return .needsBytes }
        step = .unit
      case .unit:
        guard isComplete || coder.digits.count >= Self.unitByteCount else { return .needsBytes }
        if let failure = beginUnit(table, &store) { return failure }
      case .pass:
        if Differences.areTaken, isDifference {
          decodeDifferences(isComplete, &store)
        } else if isRefinement {
          decodeRefinement(isComplete, &store)
        } else {
          decodeSignificance(isComplete, &store)
        }
        guard place == end else { return .needsBytes }
        store[stateOf: index].passCount &+= 1
        step = .unit
      case .end:
        guard coder.digits.count == 0 else { return .broken }
        guard isComplete else { return .needsBytes }
        coder.reset()
        step = .codeword
        isOpen = false
        return .hasEnded
      }
      if coder.borrowedByteCount > Self.borrowLimit { return .broken }
    }
  }

  private mutating func beginUnit<Table: ModelTable, Store: WeightStore & ~Copyable>(
    _ table: Table, _ store: inout Store
  ) -> Outcome? {
    let contentCount = table.end().contentCount
    var selectorBits = 0
    while contentCount >> selectorBits > 0 { selectorBits &+= 1 }
    let number = decodeNumber(bitCount: selectorBits)
    guard number != contentCount else {
      step = .end
      return nil
    }
    guard let entry = table.entry(number, amongContents: true) else { return .broken }
    guard entry.isPlaned, !coder.decode(&isMantissa) else { return .unkeepable }
    let isKept = Table.services.contains(.keeps) && store[stateOf: entry.index].isKept
    guard !isKept else { return .broken }
    if Differences.areTaken { isDifference = store[stateOf: entry.index].isDifference }
    if store[stateOf: entry.index].passCount == 0 {
      guard var state = decodeHeader(entry.format) else { return .broken }
      if Differences.areTaken, isDifference {
        let base = store.baseState(entry.index)
        guard takeBase(base, &state, entry.format) else { return .broken }
      }
      guard !coder.decode(&hasExceptions) else { return .notFinite }
      store[stateOf: entry.index] = state
    }
    return beginPass(entry, store[stateOf: entry.index])
  }

  mutating func decodeNumber(bitCount: Int) -> Int {
    var (number, rest) = (0, bitCount)
    while rest > 0 {
      let size = min(rest, 8)
      rest &-= size
      let group = coder.interval.decodeGroup(bitCount: size, from: &coder.digits)
      number = number &<< size | Int(group)
    }
    return number
  }

  private mutating func decodeHeader(_ format: ElementFormat) -> TensorState? {
    let level = decodeNumber(bitCount: format.levelBits)
    var state = TensorState()
    state.hasCome = true
    let isNone = level == 1 << format.levelBits &- 1
    state.topLevel = isNone ? TensorState.none : UInt16(truncatingIfNeeded: level)
    return isNone || format.has(level: level) ? state : nil
  }

  private mutating func beginPass(_ entry: TableEntry, _ state: TensorState) -> Outcome? {
    isRefinement = !state.isRefined
    let plane = isRefinement ? state.planeCount &- 1 : state.planeCount
    // A tensor of zeros has one pass, and in that nothing.
    let isNone = state.topLevel == TensorState.none
    guard plane <= Int(state.topLevel), !(isNone && state.passCount > 0) else { return .broken }
    guard plane < PlaneByte.planeLimit else { return .unkeepable }
    bit = 0x40 >> UInt8(truncatingIfNeeded: plane)
    index = entry.index
    end = entry.offset &+ entry.elementCount
    place = isNone ? end : entry.offset
    significance = BitModel()
    refinement = InlineArray(repeating: BitModel())
    if Differences.areTaken {
      mantissaBits = UInt8(truncatingIfNeeded: entry.format.mantissaBits)
      differences = Differences()
    }
    step = .pass
    return nil
  }

  @inline(never)
  private mutating func decodeSignificance<Store: WeightStore & ~Copyable>(
    _ isComplete: Bool, _ store: inout Store
  ) {
    var (interval, place) = (coder.interval, place)
    defer { (coder.interval, self.place) = (interval, place) }
    // Planes above this one: an image that a transfer goes on with may have some of what comes already.
    let above = PlaneByte.magnitude & (0 &- bit &- bit)
    while place < end {
      let byte = store[place]
      if byte & above == 0 {
        guard isComplete || coder.digits.count >= Self.elementByteCount else { return }
        if interval.decode(&significance, from: &coder.digits) {
          let isNegative = interval.decodeBit(from: &coder.digits)
          store[place] = byte | bit | (isNegative ? PlaneByte.sign : 0)
        }
      }
      place &+= 1
    }
  }

  @inline(never)
  private mutating func decodeRefinement<Store: WeightStore & ~Copyable>(
    _ isComplete: Bool, _ store: inout Store
  ) {
    var (interval, place) = (coder.interval, place)
    defer { (coder.interval, self.place) = (interval, place) }
    while place < end {
      let byte = store[place]
      // In planes: at least two of this one's, or else it has become significant in this one.
      let known = UInt(byte & PlaneByte.magnitude) / 2
      if known >= UInt(bit) {
        guard isComplete || coder.digits.count >= Self.elementByteCount else { return }
        // Bits behind the leading one that are known.
        let depth = known < UInt(bit) << 1 ? 0 : known < UInt(bit) << 2 ? 1 : 2
        let isOne =
          known < UInt(bit) << 3
          ? interval.decode(&refinement[depth], from: &coder.digits)
          : interval.decodeBit(from: &coder.digits)
        if isOne { store[place] = byte | bit }
      }
      place &+= 1
    }
  }
}

/// A byte of an image that is kept in planes.
enum PlaneByte {
  static let planeLimit = 7
  static let sign: UInt8 = 0x80
  static let magnitude: UInt8 = 0x7F
}

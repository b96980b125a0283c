internal import WeightCodec

// Passes over tensors that have bases (Protocol.md §6.3, Bases): twin of `PassDecoder+Bases` of
// `WeightCodec` for one byte of planes for each weight.
//
// What the sender expects of a weight follows from its byte in the model in use and from the planes that
// have come. So the image needs no other memory, and its bits go from zero to one as in other passes.

extension PlaneDecoder {
  // The place of the first sign's model.
  private static var signPlace: Int { 15 }
  private static var belowKind: Int { 7 }
  private static var lowKind: Int { 14 }
  private static var slackLimit: Int { 6 }

  /// Takes the planes in which all agree with the base: of a tensor whose header has come so far.
  mutating func takeBase(
    _ baseState: TensorState, _ state: inout TensorState, _ format: ElementFormat
  ) -> Bool {
    state.isDifference = true
    let count = decodeNumber(bitCount: format.levelBits)
    guard let base = DifferenceBase(baseState), state.topLevel != TensorState.none,
      state.topLevel >= base.topLevel, count <= Int(state.topLevel) &+ 1
    else { return false }
    // All that there is place for is too many: it is found out where the pass begins.
    let known = UInt8(truncatingIfNeeded: min(count, PlaneByte.planeLimit))
    state.commonPlaneCount = known
    state.passCount = known == 0 ? 0 : 2 &* known &- 1
    return true
  }

  /// Goes on with a pass.
  @inline(never)
  mutating func decodeDifferences<Store: WeightStore & ~Copyable>(
    _ isComplete: Bool, _ store: inout Store
  ) {
    let state = store[stateOf: index]
    guard let base = DifferenceBase(store.baseState(index)) else { return }
    let shift = UInt32(min(state.topLevel &- base.topLevel, 31))
    let isFirst = state.lacksBasePlanes
    // Planes above this one: an image that a transfer goes on with may have some of what comes already.
    let above = PlaneByte.magnitude & (0 &- bit &- bit)
    var (interval, place) = (coder.interval, place)
    defer { (coder.interval, self.place) = (interval, place) }
    while place < end {
      guard isComplete || coder.digits.count >= Self.elementByteCount else { return }
      let baseByte = store.baseByte(place)
      let magnitude = base.magnitude(baseByte, shift: shift)
      let before = store[place]
      var byte = before
      if isFirst {
        let common = UInt8(truncatingIfNeeded: magnitude >> 9) & above
        if common > 0 { byte |= common | baseByte & PlaneByte.sign }
      }
      if byte & above != 0 {
        if isRefinement, decodeBit(byte, above, baseByte, magnitude, &interval) { byte |= bit }
      } else if !isRefinement, decodeIsSignificant(magnitude, &interval) {
        let kind = signKind(magnitude, isZero: baseByte & PlaneByte.magnitude == 0)
        let isSame = decide(Self.signPlace &+ kind, &interval)
        byte |= bit | (isSame ? baseByte : ~baseByte) & PlaneByte.sign
      }
      // What is written is programmed, where the image is in flash.
      if byte != before { store[place] = byte }
      place &+= 1
    }
  }

  // The weight of the plane in units in which plane 0 is 2 to the 15.
  private var weight: UInt32 { UInt32(bit) << 9 }

  /// Whether a weight is at least the threshold, where nothing has told so before.
  private mutating func decodeIsSignificant(
    _ magnitude: UInt32, _ interval: inout DecodingInterval
  ) -> Bool {
    let held = min(magnitude, 2 &* weight &- 1)
    let isExpected = held >= weight
    let kind =
      isExpected
      ? slack(held) : held < weight >> 2 ? Self.lowKind : Self.belowKind &+ slack(held)
    return decide(kind, &interval) == isExpected
  }

  /// The plane's bit of a weight that is known to be at least twice the threshold.
  private mutating func decodeBit(
    _ byte: UInt8, _ above: UInt8, _ baseByte: UInt8, _ magnitude: UInt32,
    _ interval: inout DecodingInterval
  ) -> Bool {
    let lowest = UInt32(byte & above) << 9
    let isSameSign = (byte ^ baseByte) & PlaneByte.sign == 0
    let held =
      isSameSign ? min(max(magnitude, lowest), lowest | (2 &* weight &- 1)) : lowest
    return decide(slack(held), &interval) == (held & weight != 0)
  }

  /// The bits behind the plane's that are not like it, up to the first that is or the last of the mantissa.
  @inline(never)
  private func slack(_ held: UInt32) -> Int {
    var last: UInt32 = 1 << 15
    while held & last == 0, last > 1 { last >>= 1 }
    last >>= UInt32(mantissaBits)
    var (count, place) = (0, weight >> 1)
    while count < Self.slackLimit, place > last >> 1, (held & place == 0) == (held & weight != 0) {
      count &+= 1
      place >>= 1
    }
    return count
  }

  /// How far below the threshold what is held is; 7 for zero.
  private func signKind(_ magnitude: UInt32, isZero: Bool) -> Int {
    guard !isZero else { return Self.slackLimit &+ 1 }
    let held = min(magnitude, 2 &* weight &- 1)
    var distance = 0
    while distance < Self.slackLimit, held << UInt32(distance) < weight { distance &+= 1 }
    return distance
  }

  @inline(never)
  private mutating func decide(_ place: Int, _ interval: inout DecodingInterval) -> Bool {
    var model = BitModel()
    model.word = differences[place]
    let isYes = interval.decode(&model, from: &coder.digits)
    differences[place] = model.word
    return isYes
  }
}

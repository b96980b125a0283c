/// The models of a pass over a tensor that has a base, all begun anew in each: they learn how large the
/// differences are beside the plane's threshold.
///
/// Each decision is whether what the held value tells comes true. By how far that value is from where
/// it would not, and with codec `lines` by how often rows and columns have differed so far.
struct BaseModels {
  /// Distances are halves, quarters, … of the way, down to 2 to the minus this.
  static let distanceLimit = 6
  /// Kinds from here on are of held values below the threshold.
  static let belowKind = 7
  /// That of the smallest.
  static let zeroKind = 14
  static let kindCount = 15
  static let signCount = 8
  static let lineClassCount = 7
  // A model for a class of lines begins with what that for all has learnt, as if from so few decisions.
  private static let inheritedCount: UInt32 = 4

  private var kinds = InlineArray<15, BitModel>(repeating: BitModel())
  private var ofLines = InlineArray<105, BitModel>(repeating: BitModel())
  var signs = InlineArray<8, BitModel>(repeating: BitModel())

  /// Calls with the model of a kind.
  @inline(__always)
  mutating func encode(
    _ isRight: Bool, kind: Int, _ interval: inout EncodingInterval, to digits: inout OutgoingDigits
  ) {
    interval.encode(isRight, &kinds[kind], to: &digits)
  }

  /// Decides by the model of a kind.
  @inline(__always)
  mutating func decode(
    kind: Int, _ interval: inout DecodingInterval, from digits: inout IncomingDigits
  ) -> Bool {
    interval.decode(&kinds[kind], from: &digits)
  }

  /// The same with that of a class of lines, beside which the kind's own learns.
  @inline(__always)
  mutating func encode(
    _ isRight: Bool, kind: Int, lineClass: Int, _ interval: inout EncodingInterval,
    to digits: inout OutgoingDigits
  ) {
    let place = prepare(kind: kind, lineClass: lineClass)
    interval.encode(isRight, &ofLines[place], to: &digits)
    kinds[kind].update(isRight)
  }

  /// Twin of the above.
  @inline(__always)
  mutating func decode(
    kind: Int, lineClass: Int, _ interval: inout DecodingInterval,
    from digits: inout IncomingDigits
  ) -> Bool {
    let place = prepare(kind: kind, lineClass: lineClass)
    let isRight = interval.decode(&ofLines[place], from: &digits)
    kinds[kind].update(isRight)
    return isRight
  }

  @inline(__always)
  private mutating func prepare(kind: Int, lineClass: Int) -> Int {
    let place = lineClass &* Self.kindCount &+ kind
    if !ofLines[place].hasLearnt {
      ofLines[place] = BitModel(after: kinds[kind], countLimit: Self.inheritedCount)
    }
    return place
  }
}

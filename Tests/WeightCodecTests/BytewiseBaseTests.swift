import Tensors
import Testing
import WeightCodec

/// What a device can do that has a byte for each weight: it holds the planes of the earlier version in one
/// slot and makes those of the new one in another, and what an encoder takes to be held follows from both.
struct BytewiseBaseTests {
  @Test(arguments: [DType.f32, .bf16, .f16], [0.002, 0.05, 1])
  func planesOfBasesNeedNoMoreThanTheirBytes(_ dtype: DType, _ spread: Double) throws {
    let old = weights(3000, seed: 31)
    let change = weights(3000, seed: 32)
    // With the top level of the old one, or a higher one.
    for last in [0.1, 2.5, -9] {
      var new = zip(old, change).map { $0 + $1 * spread }
      new[new.count - 1] = last
      try follow(dtype, old: old, new: new)
    }
  }

  private func follow(_ dtype: DType, old: [Double], new: [Double]) throws {
    let oldImage = try Image(dtype, old)
    // The elements that the planes of the old image stand for.
    var model = CodedModel()
    try model.add(
      dtype, [old.count], new.map { FloatBits.bits($0, dtype) }, from: try oldImage.elements())
    let head = model.head(of: 0)
    let top = try #require(head.topLevel)
    let units = try model.basePasses(of: 0, planes: Image.planeCount).dropLast()
    let codeword = model.encode(Array(units), .flat)[0]
    var decoder = BytewiseDecoder(codeword)
    let levelBits = dtype == .f32 || dtype == .bf16 ? 9 : 6
    let made = decoder.decode(
      oldImage.bytes, topLevel: oldImage.topLevel, passCount: units.count, levelBits: levelBits)
    #expect(decoder.topLevel == top)
    #expect(made == (try Image(dtype, new, topLevel: top)).bytes)
  }
}

/// Seven planes of some weights: a byte each, as `PlaneDecoder` of `Device` has them.
private struct Image {
  static let planeCount = 7

  let dtype: DType
  let topLevel: Int
  private let format: FloatFormat
  private(set) var bytes: [UInt8] = []

  init(_ dtype: DType, _ values: [Double], topLevel: Int? = nil) throws {
    var model = CodedModel()
    try model.add(dtype, [values.count], near: values)
    self.dtype = dtype
    self.topLevel = try topLevel ?? #require(model.head(of: 0).topLevel)
    format = try #require(FloatFormat(dtype))
    let step = Double(sign: .plus, exponent: lowestExponent + self.topLevel - 6, significand: 1)
    for value in model.values(of: 0, in: model.bytes) {
      let magnitude = UInt8((value.magnitude / step).rounded(.down))
      bytes.append(magnitude | (value < 0 && magnitude > 0 ? 0x80 : 0))
    }
  }

  private var lowestExponent: Int {
    switch dtype {
    case .f32: -149
    case .bf16: -133
    default: -24
    }
  }

  /// The middle of what each byte leaves possible.
  func elements() throws -> [UInt64] {
    let half = Double(sign: .plus, exponent: lowestExponent + topLevel - 7, significand: 1)
    return bytes.map { byte in
      let magnitude = byte & 0x7F
      guard magnitude > 0 else { return 0 }
      let value = Double(2 * Int(magnitude) + 1) * half
      return FloatBits.bits(byte & 0x80 > 0 ? -value : value, dtype)
    }
  }
}

/// Decodes planes of one tensor by Protocol.md §6.3, Bases, in integers of 16 bits.
private struct BytewiseDecoder: ~Copyable {
  private var coder = RangeDecoder()
  private var rest: ArraySlice<UInt8>
  private var isMantissa = BitModel()
  private var hasExceptions = BitModel()
  private var kinds = [BitModel](repeating: BitModel(), count: 15)
  private var signs = [BitModel](repeating: BitModel(), count: 8)
  private(set) var topLevel = 0

  init(_ codeword: [UInt8]) { rest = codeword[...] + [0, 0, 0, 0, 0, 0, 0, 0] }

  /// What is made of the bytes of a base.
  mutating func decode(
    _ base: [UInt8], topLevel baseLevel: Int, passCount: Int, levelBits: Int
  ) -> [UInt8] {
    fill()
    let hasBegun = coder.begin()
    #expect(hasBegun)
    var made = [UInt8](repeating: 0, count: base.count)
    var (plane, isRefinement, shift) = (0, false, 0)
    for pass in 0..<passCount {
      fill()
      let (index, isLast) = (number(1), coder.decode(&isMantissa))
      #expect(index == 0 && !isLast)
      if pass == 0 {
        (topLevel, plane) = (number(levelBits), number(levelBits))
        let isOdd = coder.decode(&hasExceptions)
        #expect(!isOdd)
        shift = topLevel - baseLevel
        for index in made.indices { made[index] = Self.begin(base[index], plane, shift) }
      }
      kinds = Array(repeating: BitModel(), count: 15)
      signs = Array(repeating: BitModel(), count: 8)
      for index in made.indices {
        fill()
        if isRefinement {
          refine(&made[index], base[index], plane, shift)
        } else {
          tell(&made[index], base[index], plane, shift)
        }
      }
      // S0 S1 R1 S2 R2 …
      if isRefinement || plane == 0 {
        (plane, isRefinement) = (plane + 1, false)
      } else {
        isRefinement = true
      }
    }
    return made
  }

  private mutating func fill() {
    while let byte = rest.first, coder.digits.append(byte) { rest.removeFirst() }
  }

  private mutating func number(_ bitCount: Int) -> Int {
    var (number, left) = (0, bitCount)
    while left > 0 {
      let size = min(left, 8)
      left -= size
      number =
        number << size | Int(coder.interval.decodeGroup(bitCount: size, from: &coder.digits))
    }
    return number
  }

  /// The magnitude of a base's byte where plane 0 has the weight 2^15: the middle.
  private static func magnitude(_ byte: UInt8, _ shift: Int) -> UInt32 {
    byte & 0x7F == 0 ? 0 : ((UInt32(byte & 0x7F) << 1 | 1) << 8) >> UInt32(shift)
  }

  /// The planes that both have in common.
  private static func begin(_ base: UInt8, _ planeCount: Int, _ shift: Int) -> UInt8 {
    let mask = ~(0x7F >> UInt8(planeCount)) & 0x7F as UInt8
    let magnitude = UInt8(truncatingIfNeeded: magnitude(base, shift) >> 9) & mask
    return magnitude > 0 ? magnitude | base & 0x80 : 0
  }

  private static func slack(_ value: UInt32, _ weight: UInt32) -> Int {
    var (count, place) = (0, weight >> 1)
    while count < 6, place > 0, (value & place == 0) == (value & weight != 0) {
      count += 1
      place >>= 1
    }
    return count
  }

  private mutating func tell(_ made: inout UInt8, _ base: UInt8, _ plane: Int, _ shift: Int) {
    guard made & 0x7F == 0 else { return }
    let weight = UInt32(1) << UInt32(15 - plane)
    let held = min(Self.magnitude(base, shift), 2 * weight - 1)
    let isExpected = held >= weight
    let slack = Self.slack(held, weight)
    let kind = isExpected ? slack : held < weight >> 2 ? 14 : 7 + slack
    guard coder.decode(&kinds[kind]) == isExpected else { return }
    var distance = 0
    while distance < 6, held << UInt32(distance) < weight { distance += 1 }
    let isSame = coder.decode(&signs[held == 0 ? 7 : distance])
    let bit: UInt8 = 0x40 >> UInt8(plane)
    made = bit | (isSame ? base & 0x80 : ~base & 0x80)
  }

  private mutating func refine(_ made: inout UInt8, _ base: UInt8, _ plane: Int, _ shift: Int) {
    let bit: UInt8 = 0x40 >> UInt8(plane)
    guard made & 0x7F >= bit << 1 else { return }
    let weight = UInt32(1) << UInt32(15 - plane)
    let lowest = UInt32(made & 0x7F) << 9
    let isSameSign = (made ^ base) & 0x80 == 0
    let held =
      isSameSign
      ? min(max(Self.magnitude(base, shift), lowest), lowest | (2 * weight - 1)) : lowest
    let isRight = coder.decode(&kinds[Self.slack(held, weight)])
    if isRight == (held & weight != 0) { made |= bit }
  }
}

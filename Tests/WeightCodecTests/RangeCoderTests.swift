import LineModel
import Testing

@testable import WeightCodec

/// What a codeword says, decision by decision.
enum Word: Equatable {
  case decision(Bool, model: Int)
  case bits(UInt64, count: Int)
}

/// Encodes words with so many models; also the bits that they took.
func codeword(_ words: [Word], modelCount: Int = 1) -> (bytes: [UInt8], bitCount: Double) {
  var encoder = RangeEncoder()
  var models = Array(repeating: BitModel(), count: modelCount)
  for word in words {
    switch word {
    case .decision(let decision, let model): encoder.encode(decision, &models[model])
    case .bits(let bits, let count): encoder.encode(bits: bits, count: count)
    }
  }
  let bitCount = encoder.bitPosition
  encoder.finish()
  return (encoder.output, bitCount)
}

/// Decodes as many words of the same kinds.
func decode(_ bytes: [UInt8], like words: [Word], modelCount: Int = 1) -> [Word] {
  var decoder = RangeDecoder()
  var models = Array(repeating: BitModel(), count: modelCount)
  var position = 0
  decoder.fill(from: bytes.span, at: &position)
  if !decoder.begin() { decoder.beginWithoutMore() }
  return words.map { word in
    decoder.fill(from: bytes.span, at: &position)
    switch word {
    case .decision(_, let model): return .decision(decoder.decode(&models[model]), model: model)
    case .bits(_, let count): return .bits(decoder.decode(bitCount: count), count: count)
    }
  }
}

struct RangeCoderTests {
  /// Decisions of any likelihood, with numbers among them.
  private func drawnWords(_ generator: inout SeededGenerator, modelCount: Int) -> [Word] {
    let all = [0, 0.001, 0.1, 0.5, 0.97, 1]
    let shares = (0..<modelCount).map { _ in all[Int.random(in: all.indices, using: &generator)] }
    return (0..<Int.random(in: 0...600, using: &generator)).map { _ in
      guard Int.random(in: 0..<8, using: &generator) > 0 else {
        let count = Int.random(in: 0...64, using: &generator)
        let bits = UInt64.random(in: 0...UInt64.max, using: &generator)
        return .bits(count == 64 ? bits : bits & ((1 << UInt64(count)) - 1), count: count)
      }
      let model = Int.random(in: 0..<modelCount, using: &generator)
      let share = Double.random(in: 0..<1, using: &generator)
      return .decision(share < shares[model], model: model)
    }
  }

  @Test(arguments: 0..<200 as Range<UInt64>)
  func drawnWordsComeBackFromAsFewBytesAsTheyNeed(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    let modelCount = Int.random(in: 1...5, using: &generator)
    let words = drawnWords(&generator, modelCount: modelCount)
    let (bytes, bitCount) = codeword(words, modelCount: modelCount)
    #expect(decode(bytes, like: words, modelCount: modelCount) == words)
    // Some number of so many whole bytes is within any range as wide as that.
    #expect(bytes.count <= Int(((bitCount + 1e-3) / 8).rounded(.up)))
    guard let last = bytes.last, last != 0 else { return }
    let shorter = decode(bytes.dropLast(), like: words, modelCount: modelCount)
    #expect(shorter != words, "the last byte tells something")
  }

  @Test func nothingTakesNoBytes() {
    #expect(codeword([]).bytes.isEmpty)
    #expect(abs(codeword([]).bitCount) < 1e-6)
    #expect(decode([], like: [.bits(0, count: 40)]) == [.bits(0, count: 40)])
  }

  @Test(arguments: 0...64)
  func numbersOfEveryWidthTakeTheirWidth(count: Int) {
    let ones = count == 64 ? UInt64.max : (1 << UInt64(count)) - 1
    for number in [0, 1, 0x5555_5555_5555_5555, 0xAAAA_AAAA_AAAA_AAAA, UInt64.max] {
      let words = (0..<20).map { _ in Word.bits(number & ones, count: count) }
      let (bytes, bitCount) = codeword(words)
      #expect(decode(bytes, like: words) == words)
      #expect(abs(bitCount - Double(20 * count)) < 0.01)
    }
  }

  /// The range is kept around a number that ends in zeros: all bytes before may yet be carried into.
  @Test(arguments: [true, false])
  func carriesRunThroughAnyNumberOfBytes(hasCarry: Bool) {
    for count in 1...300 {
      var words: [Word] = []
      var range = UInt32.max
      // From the low end of the range to the number.
      var distance: UInt64 = 0x8000_0000
      var models = [BitModel()]
      func bound() -> UInt64 { UInt64((range >> 15) * Probability(models[0]).parts) }
      func add(_ decision: Bool) {
        words.append(.decision(decision, model: 0))
        let bound = bound()
        if decision {
          range = UInt32(bound)
        } else {
          distance &-= bound
          range -= UInt32(bound)
        }
        models[0].update(decision)
        while range < 1 << 24 {
          range <<= 8
          distance <<= 8
        }
      }
      while words.count < count, distance > 0 {
        let bound = bound()
        guard distance != bound else { break }
        add(distance < bound)
      }
      // Upwards of the number all those bytes become zero.
      let isAbove = distance <= bound()
      add(hasCarry ? !isAbove : isAbove)
      #expect(decode(codeword(words).bytes, like: words) == words, "\(count) decisions")
    }
  }

  @Test func zerosBehindTheEndAreBorrowed() {
    let words = (0..<400).map { Word.decision($0 % 3 == 0, model: 0) }
    let (bytes, _) = codeword(words)
    var decoder = RangeDecoder()
    var model = BitModel()
    var position = 0
    decoder.fill(from: bytes.span, at: &position)
    let hasBegun = decoder.begin()
    #expect(hasBegun)
    for word in words {
      decoder.fill(from: bytes.span, at: &position)
      let decision = decoder.decode(&model)
      #expect(word == .decision(decision, model: 0))
    }
    let borrowedByteCount = decoder.borrowedByteCount
    #expect(borrowedByteCount <= 4)
    // Whoever reads on notices.
    for _ in 0..<1000 { _ = decoder.decode(bitCount: 1) }
    let furtherByteCount = decoder.borrowedByteCount
    #expect(furtherByteCount > 100)
  }
}

import Framing
import LineModel
import TestVectors
import Testing

/// What parity puts right, and what it cannot.
struct ParityTests {
  @Test func vectorsHoldBothWays() throws {
    for line in try VectorFile("parity").lines {
      let strength = try #require(CorrectionStrength(rawValue: try line.number(0)))
      let (frame, parity) = (try line.bytes(1), try line.bytes(2))
      #expect(covered(frame, strength) == frame + parity, "\(line)")
      #expect(correct(frame + parity, strength) == Corrected(frame + parity, errorCount: 0))
    }
  }

  @Test(arguments: ParitySample.all)
  func errorsUpToTheStrengthArePutRight(sample: ParitySample) {
    var generator = SeededGenerator(seed: UInt64(sample.sound.count))
    for _ in 0..<10 {
      var damaged = sample.sound
      var errorCount = 0
      for codeword in 0..<sample.codewordCount {
        let count = Int.random(in: 0...Int(sample.strength.rawValue), using: &generator)
        let offsets = sample.offsets(of: codeword).shuffled(using: &generator).prefix(count)
        for offset in offsets { damaged[offset] ^= UInt8.random(in: 1...255, using: &generator) }
        errorCount += offsets.count
      }
      #expect(
        correct(damaged, sample.strength) == Corrected(sample.sound, errorCount: errorCount))
    }
  }

  @Test(arguments: ParitySample.all)
  func everySingleErrorIsPutRight(sample: ParitySample) {
    // Every place of short frames; 61 is prime to all counts of codewords.
    for offset in stride(from: 0, to: sample.sound.count, by: sample.sound.count > 100 ? 61 : 1) {
      var damaged = sample.sound
      damaged[offset] ^= UInt8(offset % 255 + 1)
      if correct(damaged, sample.strength) != Corrected(sample.sound, errorCount: 1) {
        Issue.record("byte \(offset) stays wrong")
      }
    }
  }

  @Test(arguments: ParitySample.all)
  func burstIsPutRight(sample: ParitySample) {
    let byteCount = sample.codewordCount * Int(sample.strength.rawValue)
    let last = max(sample.sound.count - byteCount, 0)
    let aroundTheEndOfTheFrame = max(sample.frameByteCount - byteCount, 0)...sample.frameByteCount
    for start in Array(stride(from: 0, to: last, by: 61)) + aroundTheEndOfTheFrame {
      let burst = start..<min(start + byteCount, sample.sound.count)
      var damaged = sample.sound
      for offset in burst { damaged[offset] = ~damaged[offset] }
      #expect(
        correct(damaged, sample.strength) == Corrected(sample.sound, errorCount: burst.count))
    }
  }

  /// Whatever comes out is a codeword or was given up.
  @Test(arguments: ParitySample.all)
  func moreErrorsAreMostlyNoticed(sample: ParitySample) {
    var generator = SeededGenerator(seed: UInt64(sample.sound.count))
    var missedCount = 0
    for round in 0..<40 {
      var damaged = sample.sound
      let offsets = sample.offsets(of: round % sample.codewordCount).shuffled(using: &generator)
      for offset in offsets.prefix(Int.random(in: sample.beyondStrength, using: &generator)) {
        damaged[offset] ^= UInt8.random(in: 1...255, using: &generator)
      }
      guard let corrected = correct(damaged, sample.strength) else { continue }
      missedCount += 1
      #expect(corrected.bytes != sample.sound)
      let frame = Array(corrected.bytes.prefix(sample.frameByteCount))
      #expect(covered(frame, sample.strength) == corrected.bytes)
    }
    // A full codeword of strength 1 takes nearly everything for one error; 1 in t! of others.
    if sample.strength > .two { #expect(missedCount < 20) }
    if sample.strength > .three { #expect(missedCount < 8) }
  }

  @Test(arguments: CorrectionStrength.allCases)
  func noiseOfAnySizeEndsWell(strength: CorrectionStrength) {
    for count in stride(from: 1, through: 2100, by: 7) {
      let noise = sample(count, seed: UInt64(count))
      guard let corrected = correct(noise, strength) else { continue }
      let frameByteCount = strength.frameByteCount(totalByteCount: count) ?? 0
      #expect(covered(Array(corrected.bytes.prefix(frameByteCount)), strength) == corrected.bytes)
    }
  }

  @Test func sizesOfNoFrameAreRefused() {
    for strength in CorrectionStrength.allCases {
      #expect(correct(sample(strength.parityByteCount), strength) == nil)
      #expect(correct(sample(255 + strength.parityByteCount), strength) == nil)
      #expect(correct(sample(8 * 255 + 1 + strength.parityByteCount), strength) == nil)
    }
  }

  @Test func bytesBehindTheFrameAreLeftAlone() {
    var storage = ByteStorage(byteCount: 40)
    for (offset, byte) in covered([1, 2, 3], .two).enumerated() { storage[offset] = byte }
    storage[1] = 0
    storage[7] = 9
    let errorCount = ParityDecoder.correct(&storage, byteCount: 7, strength: .two)
    let (second, behind) = (storage[1], storage[7])
    #expect(errorCount == 1)
    #expect(second == 2)
    #expect(behind == 9)
  }

  @Test func frameBeyondEightCodewordsStops() async {
    await #expect(processExitsWith: .failure) { _ = ParityEncoder(.one, frameByteCount: 2025) }
    await #expect(processExitsWith: .failure) { _ = ParityEncoder(.one, frameByteCount: 0) }
  }
}

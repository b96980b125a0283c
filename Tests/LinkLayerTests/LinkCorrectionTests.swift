import Framing
import LineModel
import Testing

@testable import LinkLayer

/// Parity in data frames: who sends it, and what it puts right.
struct LinkCorrectionTests {
  private func bench(
    _ role: LinkRole, _ capabilities: Capabilities = .correction
  ) -> Bench {
    let bench = Bench(role, mtu: 512, sendByteCount: 4096, receiveByteCount: 4096) {
      $0.usesCorrection = true
    }
    bench.open(mtu: 512, capabilities)
    _ = bench.hear()
    return bench
  }

  /// A data frame whose bytes at these offsets are wrong.
  private func damaged(
    _ bench: Bench, _ block: UInt16, _ payload: [UInt8], _ strength: CorrectionStrength,
    at offsets: [Int]
  ) -> [UInt8] {
    var stuffing = COBSDecoder()
    var plain: [UInt8] = bench.frame(.data, block, payload, strength: strength).dropLast()
      .compactMap { if case .byte(let byte) = stuffing.decode($0) { byte } else { nil } }
    for offset in offsets { plain[offset] ^= 0x41 }
    return [UInt8](capacity: 2 * plain.count + 8) { output in
      var stuffing = COBSEncoder(into: &output)
      for byte in plain { stuffing.append(byte, into: &output) }
      stuffing.finish(into: &output)
      output.append(COBS.delimiter)
    }
  }

  // MARK: - Receiving

  @Test(arguments: CorrectionStrength.allCases)
  func damagedFrameIsPutRightCountedAndReported(strength: CorrectionStrength) {
    let bench = bench(.responder)
    bench.say(.data, 0, sample(64), strength: strength)
    #expect(bench.read() == sample(64))
    #expect(bench.hear().map(\.payload) == [[]], "nothing to report yet")
    let count = Int(strength.rawValue)
    // Header and payload, payload and checksum, parity.
    for (round, offsets) in [
      [0] + Array(10..<9 + count), Array(65..<65 + count), Array(70..<70 + count),
    ].enumerated() {
      let block = UInt16(4 + 4 * round)
      bench.receive(damaged(bench, block, sample(64, seed: 2), strength, at: offsets))
      let answer = bench.hear()
      #expect(bench.read() == sample(64, seed: 2), "at \(offsets)")
      #expect(answer.map(\.kind) == [.acknowledgement])
      #expect(answer.map(\.sequence) == [block + 4])
      // Bytes and frames that were put right since the session began. Damage to the parity of a frame
      // that is sound without it is none.
      let frames = UInt8(min(round + 1, 2))
      #expect(answer.map(\.payload) == [[frames * UInt8(count), 0, frames, 0]])
    }
    #expect(bench.statistics.framesCorrected == 2)
    #expect(bench.statistics.bytesCorrected == UInt64(2 * count))
    #expect(bench.statistics.framesCorrupt == 0)
  }

  @Test func moreDamageThanTheStrengthIsABrokenFrame() {
    let bench = bench(.responder)
    bench.receive(damaged(bench, 0, sample(64), .three, at: [10, 20, 30, 40]))
    #expect(bench.hear().map(\.kind) == [.negativeAcknowledgement])
    #expect(bench.readableByteCount == 0)
    #expect(bench.statistics.framesCorrupt == 1)
    #expect(bench.statistics.framesCorrected == 0)
  }

  /// The strength that the header says may be what is damaged.
  @Test func strengthOfTheFrameBeforeIsTriedToo() {
    let bench = bench(.responder)
    bench.say(.data, 0, sample(64), strength: .two)
    _ = bench.hear()
    _ = bench.read()
    for kind in [0x40, 0x10, 0xF0] as [UInt8] {
      // Another strength, no kind at all, a plain frame: 0xB0 is DATA with parity of strength two.
      var wire = damaged(bench, 4, sample(64), .two, at: [])
      #expect(wire[1] == 4 && wire[2] == 0xB0)
      wire[2] ^= kind
      let before = bench.statistics.framesCorrected
      bench.receive(wire)
      #expect(bench.statistics.framesCorrected == before + 1)
      _ = bench.hear()
    }
    #expect(bench.read() == sample(64))
  }

  @Test func endWithoutTheWishTakesNoParityIntoAccount() {
    let bench = Bench(.responder, mtu: 512)
    bench.open(mtu: 512, .correction)
    _ = bench.hear()
    bench.receive(damaged(bench, 0, sample(64), .two, at: [10]))
    #expect(bench.hear().map(\.kind) == [.negativeAcknowledgement])
    #expect(bench.readableByteCount == 0)
  }

  @Test(arguments: 0..<30 as Range<UInt64>)
  func whateverDamageNothingWrongIsDelivered(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    let bench = bench(.responder)
    var (block, expected, read): (UInt16, [UInt8], [UInt8]) = (0, [], [])
    for round in 0..<40 as Range<UInt64> {
      let strength = CorrectionStrength(index: Int.random(in: 0..<6, using: &generator))
      let payload = sample(16 * Int.random(in: 1...24, using: &generator), seed: round)
      let total =
        payload.count + 6
        + strength.parityByteCount(frameByteCount: payload.count + 6)
      let offsets = (0..<Int.random(in: 0...12, using: &generator)).map { _ in
        Int.random(in: 0..<total, using: &generator)
      }
      bench.receive(damaged(bench, block, payload, strength, at: Array(Set(offsets))))
      let new = bench.read()
      #expect(new.isEmpty || new == payload)
      if !new.isEmpty {
        expected += payload
        block += UInt16(payload.count / 16)
      }
      read += new
      _ = bench.hear()
    }
    #expect(read == expected)
    #expect(bench.isEstablished)
  }

  // MARK: - Sending

  /// Every frame is lost until there is parity, from then on two bytes in each are put right.
  private func run(_ bench: Bench, rounds: Int) -> [HeardFrame] {
    bench.write(sample(4096))
    var frames: [HeardFrame] = []
    var (bytes, corrected, count): (UInt16, UInt16, Int) = (0, 0, 0)
    for _ in 0..<rounds {
      guard let frame = bench.hear(for: .milliseconds(60)).last(where: { $0.kind == .data })
      else { continue }
      frames.append(frame)
      count += 1
      if frame.strength != nil {
        bytes += 2
        corrected += 1
      }
      if frame.strength == nil, count % 3 > 0 {
        bench.say(.negativeAcknowledgement, frame.sequence)
      } else {
        let payload = [bytes, corrected].flatMap {
          [UInt8(truncatingIfNeeded: $0), UInt8($0 >> 8)]
        }
        bench.say(
          .acknowledgement, UInt16(frame.blocks.upperBound), corrected > 0 ? payload : [])
        let room = bench.link.writableByteCount
        bench.write(sample(room))
      }
    }
    return frames
  }

  @Test func noisyLineGetsParityIfThePeerTakesIt() {
    let frames = run(bench(.initiator), rounds: 60)
    #expect(frames.first?.strength == nil)
    #expect(frames.last?.strength != nil)
    #expect(frames.allSatisfy { $0.payload.count + 6 <= 512 })
    for frame in frames {
      let parity = frame.strength?.parityByteCount(frameByteCount: frame.payload.count + 6) ?? 0
      #expect(frame.payload.count + 6 + parity <= 512, "the MTU is that of the whole")
    }
  }

  @Test func peerWithoutTheCapabilityGetsPlainFrames() {
    let frames = run(bench(.initiator, []), rounds: 60)
    #expect(frames.count > 30)
    #expect(frames.allSatisfy { $0.strength == nil })
    let unwanted = Bench(.initiator, mtu: 512, sendByteCount: 4096)
    unwanted.open(mtu: 512, .correction)
    #expect(run(unwanted, rounds: 60).allSatisfy { $0.strength == nil })
  }
}

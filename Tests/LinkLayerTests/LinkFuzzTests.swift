import Framing
import LineModel
import Testing

@testable import LinkLayer

/// A peer that says anything at any time, with sound checksums or without: the link may close, and
/// never traps, never hangs and never hands out more than it was told to make room for.
struct LinkFuzzTests {
  @Test(arguments: 0..<160 as Range<UInt64>)
  func anyPeerAtAnyTimeIsSurvived(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    let role: LinkRole = seed % 2 == 0 ? .initiator : .responder
    let mtu = [32, 128, 1024].randomElement(using: &generator) ?? 32
    let baud = [300, 115_200, 0].randomElement(using: &generator) ?? 0
    let bench = Bench(
      role, baud: UInt32(baud), mtu: mtu,
      sendByteCount: [16, 100, 4096].randomElement(using: &generator) ?? 16
    ) {
      $0.usesWindow = seed % 4 > 1
      $0.usesCorrection = seed % 8 > 3
      $0.reconnectLimit = .seconds(Int64(seed % 3 * 5))
    }
    let capabilities = Capabilities(rawValue: .random(in: 0...7, using: &generator))
    bench.open(mtu: [32, 33, 4096, .max].randomElement(using: &generator) ?? 32, capabilities)
    // On a line that takes no time, all of a window goes out at once: a frame for each block at most.
    let limit = seed % 4 > 1 && baud == 0 ? 6 + 64 : 6
    for _ in 0..<120 {
      act(on: bench, mtu: mtu, &generator)
      // After each input: bounded output, a deadline that time can reach, no event storm.
      #expect(bench.frames(in: bench.transmit()).count <= limit)
      #expect(bench.events().count <= 6)
      if let deadline = bench.deadline { #expect(deadline - bench.now <= .seconds(80)) }
      if !bench.isEstablished, Bool.random(using: &generator) { bench.open(mtu: 128, capabilities) }
    }
  }

  private func act(on bench: Bench, mtu: Int, _ generator: inout SeededGenerator) {
    switch Int.random(in: 0..<11, using: &generator) {
    case 10: bench.sayReady()
    case 0: bench.receive(bytes(upTo: 300, &generator))
    case 1: bench.write(bytes(upTo: 400, &generator), flush: Bool.random(using: &generator))
    case 2: _ = bench.read(Int.random(in: 0...200, using: &generator))
    case 3: bench.advance(by: Interval(microseconds: .random(in: 0...3_000_000, using: &generator)))
    case 4: bench.advanceToDeadline()
    case 5:
      var handshake = bench.handshake(answering: Bench.nonce)
      handshake.nonce = .random(in: 0...3, using: &generator)
      handshake.mtu = .random(in: 0...UInt16.max, using: &generator)
      handshake.capabilities = Capabilities(rawValue: .random(in: 0...7, using: &generator))
      handshake.continuedSession =
        [
          0,
          Seal.sessionNumber(
            initiatorNonce: bench.nonces.initiator, responderNonce: bench.nonces.responder),
        ].randomElement(using: &generator) ?? 0
      handshake.versionMaximum = .random(in: 0...2, using: &generator)
      bench.say(Bool.random(using: &generator) ? .hello : .welcome, handshake)
    default:
      let kinds: [FrameKind] = [
        .data, .data, .acknowledgement, .acknowledgement, .negativeAcknowledgement, .busy, .ping,
        .hello, .welcome,
      ]
      let kind = kinds.randomElement(using: &generator) ?? .data
      // Mostly near what is expected: the rest is refused at once.
      let block = bench.link.receiving.expected.advanced(by: .random(in: -3...3, using: &generator))
      let wild = UInt16.random(in: 0...0xFFF, using: &generator)
      let isNear = Int.random(in: 0..<4, using: &generator) > 0
      let payload = bytes(upTo: mtu - FrameHeader.overheadByteCount, &generator)
      let strength =
        kind == .data && Bool.random(using: &generator)
        ? CorrectionStrength(index: Int.random(in: 0..<6, using: &generator)) : nil
      bench.say(kind, isNear ? block.rawValue : wild, payload, strength: strength)
    }
  }

  private func bytes(upTo limit: Int, _ generator: inout SeededGenerator) -> [UInt8] {
    sample(Int.random(in: 0...limit, using: &generator), seed: generator.next())
  }
}

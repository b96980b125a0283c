import Framing
import LineModel
import Testing

@testable import LinkLayer

/// A peer that says anything at any time, with sound checksums or without: the link may close, and
/// never traps, never hangs and never hands out more than it was told to make room for.
struct LinkFuzzTests {
  @Test(arguments: 0..<80 as Range<UInt64>)
  func anyPeerAtAnyTimeIsSurvived(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    let role: LinkRole = seed % 2 == 0 ? .initiator : .responder
    let mtu = [32, 128, 1024].randomElement(using: &generator) ?? 32
    let bench = Bench(
      role, baud: [300, 115_200, 0].randomElement(using: &generator) ?? 0, mtu: mtu,
      sendByteCount: [16, 100, 4096].randomElement(using: &generator) ?? 16)
    bench.open(mtu: [32, 33, 4096, .max].randomElement(using: &generator) ?? 32)
    for _ in 0..<120 {
      act(on: bench, mtu: mtu, &generator)
      // After each input: bounded output, a deadline that time can reach, no event storm.
      #expect(bench.frames(in: bench.transmit()).count <= 6)
      #expect(bench.events().count <= 4)
      if let deadline = bench.deadline { #expect(deadline - bench.now <= .seconds(80)) }
      if !bench.isEstablished { bench.open(mtu: 128) }
    }
  }

  private func act(on bench: Bench, mtu: Int, _ generator: inout SeededGenerator) {
    switch Int.random(in: 0..<10, using: &generator) {
    case 0: bench.receive(bytes(upTo: 300, &generator))
    case 1: bench.write(bytes(upTo: 400, &generator), flush: Bool.random(using: &generator))
    case 2: _ = bench.read(Int.random(in: 0...200, using: &generator))
    case 3: bench.advance(by: Interval(microseconds: .random(in: 0...3_000_000, using: &generator)))
    case 4: bench.advanceToDeadline()
    case 5:
      var handshake = bench.handshake(answering: Bench.nonce)
      handshake.nonce = .random(in: 0...3, using: &generator)
      handshake.mtu = .random(in: 0...UInt16.max, using: &generator)
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
      bench.say(kind, isNear ? block.rawValue : wild, payload)
    }
  }

  private func bytes(upTo limit: Int, _ generator: inout SeededGenerator) -> [UInt8] {
    sample(Int.random(in: 0...limit, using: &generator), seed: generator.next())
  }
}

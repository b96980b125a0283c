import Framing
import Testing

@testable import LinkLayer

/// What an end answers, and what of the peer's stream it takes.
struct LinkReceivingTests {
  private func bench(receiveByteCount: Int = 1024, mtu: Int = 128) -> Bench {
    let bench = Bench(.responder, mtu: mtu, receiveByteCount: receiveByteCount)
    bench.open()
    _ = bench.hear()
    return bench
  }

  private func answer(_ bench: Bench) -> [String] {
    bench.hear().map { "\($0.kind) \($0.sequence)" }
  }

  @Test func dataIsDeliveredOnceAndEachCopyAnswered() {
    let bench = bench()
    for _ in 0..<3 {
      bench.say(.data, 0, sample(40))
      #expect(answer(bench) == ["acknowledgement 3"])
    }
    #expect(bench.events() == [.readable])
    #expect(bench.read() == sample(40))
    #expect(bench.statistics.framesDuplicate == 2)
    #expect(bench.statistics.bytesDelivered == 40)
  }

  /// The sender has cut anew: what the frame brings beyond the known blocks is taken.
  @Test func overlappingFramesBringWhatIsNewOfThem() {
    let stream = sample(160)
    let bench = bench()
    bench.say(.data, 0, Array(stream[..<48]))
    bench.say(.data, 0, Array(stream[..<32]))
    bench.say(.data, 1, Array(stream[16..<100]))
    #expect(answer(bench) == ["acknowledgement 7"])
    // The short block was the end of what came: nothing fills it up, the next one stands behind it.
    bench.say(.data, 6, Array(stream[96..<100]))
    bench.say(.data, 7, Array(stream[100..<160]))
    #expect(answer(bench) == ["acknowledgement 11"])
    #expect(bench.read() == stream)
  }

  @Test func gapIsAnsweredByTheBlockThatIsMissing() {
    let bench = bench()
    bench.say(.data, 1, sample(16))
    #expect(answer(bench) == ["acknowledgement 0"])
    #expect(bench.readableByteCount == 0)
    bench.say(.data, 2048, sample(16))
    bench.say(.data, 0, [])
    #expect(answer(bench) == ["acknowledgement 0"])
    #expect(bench.readableByteCount == 0)
  }

  @Test func blockNumbersWrap() {
    let bench = bench(mtu: 1024)
    var received: [UInt8] = []
    var block = 0
    for round in 0..<70 as Range<UInt64> {
      bench.say(.data, UInt16(block % 4096), sample(992, seed: round))
      block += 62
      #expect(answer(bench) == ["acknowledgement \(block % 4096)"])
      // A copy from before the wrap is still a copy behind it.
      bench.say(.data, UInt16((block - 62) % 4096), sample(992, seed: round))
      received += bench.read()
      _ = bench.hear()
    }
    #expect(block > 4096)
    #expect(received == (0..<70 as Range<UInt64>).flatMap { sample(992, seed: $0) })
  }

  @Test func withoutRoomItIsBusyAndLosesNothing() {
    let bench = bench(receiveByteCount: 128)
    bench.say(.data, 0, sample(112))
    #expect(answer(bench) == ["acknowledgement 7"])
    bench.say(.data, 7, sample(64, seed: 2))
    let busy = bench.hear()
    #expect(busy.map(\.kind) == [.busy])
    #expect(busy.map(\.sequence) == [7])
    #expect(busy.map(\.payload) == [[UInt8(Link.busyMilliseconds), 0]])
    // What fits is taken all the same.
    bench.say(.data, 7, sample(16, seed: 2))
    #expect(answer(bench) == ["acknowledgement 8"])
    #expect(bench.read(100) == Array(sample(112)[..<100]))
    bench.say(.data, 7, sample(64, seed: 2))
    #expect(answer(bench) == ["acknowledgement 11"])
    #expect(bench.read() == Array(sample(112)[100...]) + sample(64, seed: 2))
  }

  @Test func brokenFramesAreAnsweredOnceForAllThatCameTogether() {
    let bench = bench()
    bench.receive([9, 9, 9, 0, 5, 0, 1, 2, 0])
    #expect(answer(bench) == ["negativeAcknowledgement 0"])
    #expect(bench.hear().isEmpty)
    #expect(bench.statistics.framesCorrupt == 3)
    // What came whole behind the damage says more.
    bench.receive([9, 9, 0] + bench.frame(.data, 0, sample(16)))
    #expect(answer(bench) == ["acknowledgement 1"])
    bench.receive(bench.frame(.data, 1, sample(16)) + [9, 9, 0])
    #expect(answer(bench) == ["acknowledgement 2"])
  }

  /// But for a responder, which says that it is there: see `LinkContinuationTests`.
  @Test func nothingIsAnsweredOutsideASession() {
    for role in [LinkRole.initiator, .responder] {
      let bench = Bench(role)
      if role == .initiator { bench.link.open(at: bench.now) } else { bench.link.listen() }
      _ = bench.hear()
      bench.receive([9, 9, 0])
      #expect(bench.hear().isEmpty)
      bench.receive(bench.frame(.data, 0, sample(16)) + bench.frame(.ping))
      #expect(bench.hear().map(\.kind) == (role == .responder ? [.ready] : []))
      #expect(bench.statistics.framesCorrupt == 3)
    }
  }

  /// On a two-wire line, or from a terminal that echoes, everything comes back: it is counted, and
  /// never answered, or each answer would come back in turn.
  @Test func echoOfItsOwnFramesIsNotAnswered() {
    let bench = bench()
    bench.write(sample(100))
    bench.say(.data, 0, sample(16))
    let own = bench.transmit()
    #expect(bench.frames(in: own).map(\.kind) == [.acknowledgement, .data])
    bench.receive(own)
    #expect(bench.hear().isEmpty)
    #expect(bench.statistics.framesEchoed == 2)
    #expect(bench.statistics.framesCorrupt == 0)
    #expect(bench.events() == [.readable])

    let initiator = Bench(.initiator)
    initiator.link.open(at: initiator.now)
    initiator.receive(initiator.transmit())
    #expect(initiator.statistics.framesEchoed == 1)
    #expect(!initiator.isEstablished)
  }

  @Test func pingIsAnsweredAndDoesNotHideAnotherAnswer() {
    let bench = bench()
    bench.say(.ping)
    #expect(answer(bench) == ["acknowledgement 0"])
    bench.receive([9, 9, 0] + bench.frame(.ping))
    #expect(answer(bench) == ["negativeAcknowledgement 0"])
  }

  @Test func payloadBehindTheSpecifiedOneIsIgnored() {
    let bench = bench()
    bench.write(sample(16))
    _ = bench.hear()
    bench.say(.acknowledgement, 1, [1, 2, 3])
    #expect(bench.isDrained)
    bench.say(.ping, 0, [1])
    #expect(answer(bench) == ["acknowledgement 0"])
  }

  @Test func bytesComeInAnyPortions() {
    for portion in 1...20 {
      let bench = bench()
      let wire = bench.frame(.data, 0, sample(100)) + bench.frame(.data, 7, sample(100, seed: 2))
      for start in stride(from: 0, to: wire.count, by: portion) {
        bench.receive(Array(wire[start..<min(start + portion, wire.count)]))
      }
      #expect(bench.read() == sample(100) + sample(100, seed: 2))
    }
  }
}

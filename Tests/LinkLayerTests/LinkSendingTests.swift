import Framing
import Testing

@testable import LinkLayer

/// When data goes out, how much of it, and when again.
struct LinkSendingTests {
  /// An open link at 115200 baud and the given turnaround, which has learnt it by the handshake.
  private func bench(
    turnaround: Interval = .milliseconds(5), mtu: UInt16 = 128,
    _ change: (inout LinkConfiguration) -> Void = { _ in }
  ) -> Bench {
    let bench = Bench(.initiator, change)
    bench.open(mtu: mtu, turnaround: turnaround)
    return bench
  }

  /// The line is free again behind `frame`, and the answer to it on its way.
  private func answered(_ frame: HeardFrame?, _ bench: Bench, after turnaround: Interval) {
    bench.now = bench.now + bench.rate.wireTime(byteCount: frame?.wireByteCount ?? 0)
    bench.now = bench.now + bench.rate.wireTime(byteCount: Link.answerByteCount) + turnaround
  }

  // MARK: - What goes out

  @Test func whatDoesNotFillAFrameWaitsForMoreOrForAFlush() {
    let bench = bench()
    bench.write(sample(111), flush: false)
    #expect(bench.hear().isEmpty)
    bench.write([7], flush: false)
    #expect(bench.hear().map(\.payload) == [sample(111) + [7]])
    bench.say(.acknowledgement, 7)
    bench.write([1, 2, 3], flush: false)
    #expect(bench.hear().isEmpty)
    bench.link.flush()
    #expect(bench.hear().map(\.payload) == [[1, 2, 3]])
  }

  @Test func onlyOneFrameIsUnanswered() {
    let bench = bench()
    bench.write(sample(300))
    #expect(bench.hear().map(\.sequence) == [0])
    #expect(bench.hear().isEmpty)
    bench.say(.acknowledgement, 7)
    #expect(bench.hear().map(\.sequence) == [7])
    bench.say(.acknowledgement, 14)
    let last = bench.hear()
    #expect(last.map(\.payload) == [Array(sample(300)[224...])])
    #expect(bench.events().isEmpty)
    bench.say(.acknowledgement, 19)
    #expect(bench.events() == [.drained])
    #expect(bench.hear().isEmpty)
  }

  @Test func nothingGoesOutBehindAShortBlockBeforeItsAnswer() {
    let bench = bench()
    bench.write(sample(20))
    #expect(bench.hear().map(\.payload) == [sample(20)])
    bench.write(sample(300, seed: 2))
    #expect(bench.hear().isEmpty)
    bench.advanceToDeadline()
    #expect(bench.hear().map(\.payload) == [sample(20)], "neither cut nor filled up")
    bench.say(.acknowledgement, 2)
    #expect(bench.hear().map(\.sequence) == [2])
  }

  /// Bytes behind flushed ones do not keep them from going out.
  @Test func flushedBytesGoOutWhateverStandsBehindThem() {
    let bench = bench()
    bench.write(sample(20))
    bench.write([1, 2, 3], flush: false)
    let heard = bench.hear()
    #expect(heard.map(\.payload) == [sample(20) + [1, 2, 3]])
    bench.say(.acknowledgement, 2)
    #expect(bench.isDrained)
  }

  @Test func flushedBytesTakeWholeBlocksWithThem() {
    let bench = bench()
    bench.write(sample(20))
    bench.write(sample(30, seed: 2), flush: false)
    #expect(bench.hear().map(\.payload) == [sample(20) + sample(28, seed: 2)])
    bench.say(.acknowledgement, 3)
    #expect(bench.hear().isEmpty, "the rest was not flushed")
  }

  @Test func frameNeverPassesTheMTUOfThePeer() {
    for mtu in [32, 48, 127, 128, 1024, 65535] as [UInt16] {
      let bench = Bench(.initiator, baud: 0, sendByteCount: 1 << 17)
      bench.open(mtu: mtu)
      bench.write(sample(1 << 17))
      // As much as fits, but for a window of 2047 blocks.
      let most = min((Int(mtu) - 6) & ~15, 2047 * 16)
      var sizes: [Int] = []
      var next = 0
      while sizes.last != most, sizes.count < 20 {
        let frame = bench.hear().first
        let payload = frame?.payload ?? []
        #expect(frame?.sequence == UInt16(next % 4096))
        #expect(payload.count % 16 == 0)
        #expect(payload.count + FrameHeader.overheadByteCount <= mtu)
        sizes.append(payload.count)
        next += payload.count / 16
        bench.say(.acknowledgement, UInt16(next % 4096))
        #expect(bench.events().isEmpty, "an answer to all of it is no misbehaviour")
      }
      #expect(sizes.last == most)
    }
  }

  @Test func frameIsNoLongerOnTheWireThanItsLimit() {
    let bench = Bench(.initiator, baud: 1200, sendByteCount: 4096)
    bench.open(mtu: 4096)
    bench.write(sample(4096))
    // 1.5 s are 180 bytes.
    #expect(bench.hear().map(\.payload.count) == [176])
  }

  @Test func blockNumbersWrap() {
    let bench = Bench(.initiator, sendByteCount: 4096)
    bench.open(mtu: 4096)
    var next = 0
    var sent: [UInt8] = []
    for round in 0..<40 as Range<UInt64> {
      bench.write(sample(2048, seed: round))
      while let frame = bench.hear().first {
        #expect(Int(frame.sequence) == next % 4096)
        next += frame.payload.count / 16
        sent += frame.payload
        bench.say(.acknowledgement, UInt16(next % 4096))
      }
    }
    #expect(next > 4096)
    #expect(sent == (0..<40 as Range<UInt64>).flatMap { sample(2048, seed: $0) })
  }

  // MARK: - The timer

  @Test(arguments: [0, 1, 4999, 5000, 50_000, 700_000] as [Int64])
  func timeoutIsTheWireTimePlusTheTurnaround(microseconds: Int64) {
    let turnaround = Interval(microseconds: microseconds)
    let bench = bench(turnaround: turnaround)
    bench.write(sample(100))
    let start = bench.now
    let frame = bench.hear().first
    // 20 ms, a sixteenth less with the sample; the ACK that opened the session has the line first.
    let margin = max(Interval(microseconds: microseconds / 2 * 4), Interval(microseconds: 18_750))
    let timeout = min(turnaround + margin, .seconds(2))
    let wire = bench.rate.wireTime(byteCount: frame?.wireByteCount ?? 0)
    let answer = bench.rate.wireTime(byteCount: Link.answerByteCount)
    let due = start + bench.openingWireTime + wire + answer + timeout
    #expect(bench.deadline == due)
    bench.advance(by: due - start - Interval(microseconds: 1))
    #expect(bench.hear().isEmpty)
    bench.advance(by: Interval(microseconds: 1))
    let again = bench.hear().map(\.payload)
    #expect(again.count == 1)
    #expect(again.first.map(sample(100).starts) == true, "all or, on a fast line, less of it")
    #expect(bench.statistics.timeouts == 1)
    #expect(bench.statistics.retransmissions == 1)
  }

  @Test func framesSentAgainAreNotSampled() {
    let bench = bench()
    bench.write(sample(100))
    _ = bench.hear()
    let before = bench.turnaround.smoothed
    bench.advanceToDeadline()
    _ = bench.hear()
    bench.advance(by: .milliseconds(100))
    bench.say(.acknowledgement, 7)
    #expect(bench.turnaround.smoothed == before)
    bench.write(sample(100))
    answered(bench.hear().first, bench, after: .milliseconds(13))
    bench.say(.acknowledgement, 14)
    // 5 ms and an eighth of the 8 more.
    #expect(bench.turnaround.smoothed == 6000)
  }

  @Test func timeoutDoublesUntilAnAnswerAndNoFurtherThanItsLimit() {
    let bench = bench(turnaround: .milliseconds(5))
    let single = bench.turnaround.timeout
    bench.write(sample(100))
    var frame = bench.hear().first
    for doubling in 1...7 {
      bench.advanceToDeadline()
      frame = bench.hear().first
      let factor = Int64(1) << min(doubling, 6)
      let expected = min(Interval(microseconds: single.microseconds * factor), .seconds(2))
      #expect(bench.turnaround.timeout == expected)
    }
    let smoothed = bench.turnaround.smoothed
    answered(frame, bench, after: .milliseconds(9))
    bench.say(.acknowledgement, 7)
    #expect(bench.turnaround.timeout == single, "what was lost was lost to noise")
    #expect(bench.turnaround.smoothed == smoothed, "an ambiguous answer is no sample")
  }

  /// As slow, but it takes all copies at once and answers them by one ACK, as a device does whose
  /// receive buffer fills while it writes its flash.
  @Test func slowPeerThatAnswersCopiesTogetherIsLearnt() {
    let bench = bench(turnaround: .milliseconds(1))
    var frameCounts: [Int] = []
    var sizes: [Int] = []
    for _ in 0..<60 {
      bench.write(sample(bench.link.writableByteCount))
      let frames = bench.hear(for: .milliseconds(400))
      let next = frames.blocks.max().map { $0 + 1 } ?? 0
      frameCounts.append(frames.count)
      sizes.append(frames.first?.payload.count ?? 0)
      bench.say(.acknowledgement, UInt16(next % 4096))
    }
    #expect(frameCounts.suffix(20).allSatisfy { $0 == 1 }, "\(frameCounts)")
    #expect(sizes.suffix(20).allSatisfy { $0 == 112 }, "\(sizes)")
  }

  /// Slower than the timeout: each frame goes out more than once, the first answer comes soon after
  /// the last copy, and the copies are answered, too.
  ///
  /// The margin grows, and nothing is sent twice from then on.
  @Test func slowPeerIsLearnt() {
    let bench = bench(turnaround: .milliseconds(1))
    let turnaround = Interval.milliseconds(400)
    var block: UInt16 = 0
    var retransmissions: [UInt64] = []
    var rounds = 0
    for _ in 0..<40 {
      bench.write(sample(112))
      while !bench.isDrained, bench.isEstablished, rounds < 1000 {
        rounds += 1
        // When each copy is answered, and by which block.
        var answers: [(due: Instant, block: UInt16)] = []
        repeat {
          for frame in bench.hear() {
            let wire = bench.rate.wireTime(byteCount: frame.wireByteCount + 8)
            let next = frame.sequence + UInt16(frame.payload.count / 16)
            answers.append((bench.now + wire + turnaround, max(next, block)))
          }
          guard let first = answers.first else { break }
          if let deadline = bench.deadline, deadline < first.due {
            bench.advance(by: deadline - bench.now)
          } else {
            bench.advance(by: max(first.due - bench.now, Interval(microseconds: 0)))
            block = max(block, first.block)
            bench.say(.acknowledgement, block)
            answers.removeFirst()
          }
        } while !answers.isEmpty && bench.isEstablished
      }
      retransmissions.append(bench.statistics.retransmissions)
    }
    #expect(bench.isDrained)
    #expect(rounds <= 60)
    #expect(retransmissions.last == retransmissions[30], "\(retransmissions)")
    #expect((retransmissions.last ?? 0) < 40, "\(retransmissions)")
  }

  // MARK: - Answers

  @Test func brokenFrameIsSentAgainAtOnce() {
    let bench = bench()
    bench.write(sample(100))
    let first = bench.hear().first
    answered(first, bench, after: .milliseconds(20))
    bench.say(.negativeAcknowledgement, 0)
    let second = bench.hear()
    #expect(second.map(\.payload) == [sample(100)])
    // One zero more: half a frame may stand before it.
    #expect(second.first?.wireByteCount == (first?.wireByteCount ?? 0) + 1)
    #expect(bench.statistics.timeouts == 0)
  }

  @Test func brokenFrameBeforeOursHasLeftWasAnotherOne() {
    let bench = bench()
    bench.write(sample(100))
    let frame = bench.hear().first
    let wire = bench.openingWireTime + bench.rate.wireTime(byteCount: frame?.wireByteCount ?? 0)
    bench.advance(by: wire - Interval(microseconds: 1))
    bench.say(.negativeAcknowledgement, 0)
    #expect(bench.hear().isEmpty)
    bench.advance(by: Interval(microseconds: 1))
    bench.say(.negativeAcknowledgement, 0)
    #expect(bench.hear().map(\.sequence) == [0])
  }

  /// A USB device carries bytes faster than the rate that its port is set to.
  @Test func answeredFrameHasLeftTheLineHoweverEarlyTheAnswer() {
    let bench = bench()
    bench.write(sample(224))
    _ = bench.hear()
    bench.say(.acknowledgement, 7)
    let second = bench.hear().first
    let expected =
      bench.now + bench.rate.wireTime(byteCount: second?.wireByteCount ?? 0)
      + bench.rate.wireTime(byteCount: Link.answerByteCount) + bench.turnaround.timeout
    #expect(bench.deadline == expected)
  }

  @Test func negativeAnswerAcknowledgesWhatIsBeforeIt() {
    let bench = bench()
    bench.write(sample(224))
    _ = bench.hear()
    bench.advance(by: .milliseconds(15))
    bench.say(.negativeAcknowledgement, 7)
    #expect(bench.hear().map(\.sequence) == [7])
    #expect(bench.statistics.retransmissions == 0)
  }

  /// A peer that saw noise, and then our frame: both answers come in one portion.
  @Test func answerToAFrameThatWasJustGivenUpIsTaken() {
    let bench = bench()
    bench.write(sample(100))
    _ = bench.hear()
    bench.advance(by: .milliseconds(15))
    bench.receive(bench.frame(.negativeAcknowledgement, 0) + bench.frame(.acknowledgement, 7))
    #expect(bench.isDrained)
    #expect(bench.events() == [.drained])
    #expect(bench.statistics.bytesAcknowledged == 100)
    #expect(bench.link.failures == 0)
    #expect(bench.hear().isEmpty)
  }

  /// After some failures a piece goes out in smaller ones, and answers to any cut of it fit.
  @Test func failedPieceIsCutAnewAndAnswersToEitherCutAreTaken() {
    let bench = bench()
    bench.write(sample(112))
    #expect(bench.hear().map(\.payload.count) == [112])
    for _ in 0..<4 {
      bench.advance(by: .milliseconds(20))
      bench.say(.negativeAcknowledgement, 0)
      _ = bench.hear()
    }
    bench.advance(by: .milliseconds(20))
    bench.say(.negativeAcknowledgement, 0)
    let smaller = bench.hear()
    #expect((smaller.first?.payload.count ?? 0) <= 64)
    #expect(smaller.first?.payload == Array(sample(112)[..<(smaller.first?.payload.count ?? 0)]))
    // A late answer to the first, long one.
    bench.say(.acknowledgement, 7)
    #expect(bench.isDrained)
    // And then one to the short one: old, not wrong.
    bench.say(.acknowledgement, 3)
    #expect(bench.isEstablished)
  }

  @Test func busyPeerIsLeftAloneForTheTimeThatItNames() {
    let bench = bench()
    bench.write(sample(100))
    _ = bench.hear()
    bench.advance(by: .milliseconds(15))
    bench.say(.busy, 0, [0xE8, 0x03])
    let due = bench.now + .seconds(1)
    #expect(bench.deadline == due)
    bench.advance(by: .milliseconds(999))
    #expect(bench.hear().isEmpty)
    bench.advance(by: .milliseconds(1))
    #expect(bench.hear().map(\.payload) == [sample(100)], "as large as before: the line is good")
    #expect(bench.statistics.timeouts == 0)
    #expect(bench.link.failures == 0)
  }

  /// What a busy peer is sent again was not lost: it is counted apart from what was.
  @Test func repeatsForABusyPeerAreNoRetransmissions() {
    let bench = bench()
    bench.write(sample(100))
    #expect(bench.hear().count == 1)
    for count in 1...3 {
      bench.advance(by: .milliseconds(15))
      bench.say(.busy, 0, [50, 0])
      bench.advance(by: .milliseconds(50))
      #expect(bench.hear().map(\.payload) == [sample(100)])
      #expect(bench.statistics.busyRepeats == UInt64(count))
    }
    #expect(bench.statistics.retransmissions == 0)
    // No word at all: now it is lost.
    while bench.statistics.timeouts == 0 { bench.advanceToDeadline() }
    #expect(bench.hear().map(\.payload) == [sample(100)])
    #expect(bench.statistics.retransmissions == 1)
    #expect(bench.statistics.busyRepeats == 3)
  }

  /// A device that erases its flash for longer than silence is borne.
  @Test func busyPeerIsNotTakenForASilentOne() {
    let bench = bench()
    bench.write(sample(100))
    _ = bench.hear()
    bench.advance(by: .milliseconds(15))
    bench.say(.busy, 0, [0x98, 0x3A])
    while bench.statistics.busyRepeats == 0, bench.isEstablished { bench.advanceToDeadline() }
    #expect(bench.isEstablished)
    #expect(bench.now == Instant(microseconds: 15_000_000) + .milliseconds(15) + bench.openingTime)
    while bench.isEstablished {
      bench.advanceToDeadline()
      _ = bench.hear()
    }
    #expect(bench.events() == [.closed(.peerSilent)])
  }

  @Test func busyWithoutATimeSaysNothing() {
    let bench = bench()
    bench.write(sample(16))
    _ = bench.hear()
    let deadline = bench.deadline
    bench.advance(by: .milliseconds(15))
    bench.say(.busy, 0)
    bench.say(.busy, 0, [50])
    #expect(bench.deadline == deadline)
  }

  @Test func answerToUnsentBlocksIsMisbehaviour() {
    for kind in [FrameKind.acknowledgement, .negativeAcknowledgement, .busy] {
      for (sequence, isWrong) in [(0, false), (6, true), (7, true), (2047, true), (2048, false)]
        as [(UInt16, Bool)]
      {
        let bench = bench()
        bench.write(sample(80))
        _ = bench.hear()
        bench.say(kind, sequence, kind == .busy ? [50, 0] : [])
        #expect(bench.isEstablished == !isWrong, "\(kind) \(sequence)")
        guard isWrong else { continue }
        let reason = CloseReason.peerMisbehaved(.acknowledgedUnsentBlocks)
        #expect(bench.events() == [.closed(reason)])
        let told = bench.hear().map(\.payload)
        #expect(told == [[CloseCode.misbehaved.rawValue], [CloseCode.misbehaved.rawValue]])
      }
    }
  }

  @Test func pieceThatFailsAgainAndAgainEndsTheSession() {
    let bench = bench { $0.attemptLimit = 10 }
    bench.write(sample(100))
    var count = 0
    while bench.isEstablished, count < 50 {
      count += bench.hear().count
      bench.advance(by: .milliseconds(20))
      bench.say(.negativeAcknowledgement, 0)
    }
    #expect(count == 10)
    #expect(bench.events() == [.closed(.lineUnusable)])
  }

  /// The last attempt fails by a NAK that names a block never sent: closed once, for the graver cause.
  @Test func linkClosesForOneReasonOnly() {
    let bench = bench { $0.attemptLimit = 1 }
    bench.write(sample(100))
    _ = bench.hear()
    bench.advance(by: .milliseconds(20))
    bench.say(.negativeAcknowledgement, 8)
    #expect(bench.events() == [.closed(.peerMisbehaved(.acknowledgedUnsentBlocks))])
    #expect(bench.statistics.retransmissions == 0)
  }

  @Test func successStartsTheCountOfFailuresAnew() {
    let bench = bench { $0.attemptLimit = 10 }
    for block in 0..<5 as Range<UInt16> {
      bench.write(sample(16))
      for _ in 0..<9 {
        _ = bench.hear()
        bench.advance(by: .milliseconds(20))
        bench.say(.negativeAcknowledgement, block)
      }
      _ = bench.hear()
      bench.say(.acknowledgement, block + 1)
    }
    #expect(bench.isEstablished)
    #expect(bench.isDrained)
  }

  @Test func unknownKindIsNoReasonToRepeat() {
    let bench = bench()
    bench.write(sample(16))
    _ = bench.hear()
    bench.receive(bench.unknownFrame)
    #expect(bench.hear().isEmpty)
    #expect(bench.statistics.framesCorrupt == 0)
    #expect(bench.isEstablished)
  }
}

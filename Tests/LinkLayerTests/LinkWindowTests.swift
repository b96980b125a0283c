import Framing
import LineModel
import Testing

@testable import LinkLayer

/// Many frames under way: what goes out when, and what is sent again.
///
/// The peer of all tests has a window of 64 blocks, frames have 7 blocks at most and take 10.4 ms.
struct LinkWindowTests {
  private func bench(_ role: LinkRole = .initiator) -> Bench {
    let bench = Bench(role, sendByteCount: 4096) { $0.usesWindow = true }
    bench.open(.selective)
    // A WELCOME has the line until then.
    if role == .responder { _ = bench.hear(for: .milliseconds(10)) }
    return bench
  }

  /// A bench whose first frame has been answered: with what is under way when the window is full, in
  /// nine frames.
  private func streaming() -> (bench: Bench, frames: [HeardFrame]) {
    let bench = bench()
    bench.write(sample(4096), flush: false)
    _ = bench.hear(for: .milliseconds(17))
    bench.acknowledge(7)
    return (bench, bench.hear(for: .milliseconds(94)))
  }

  // MARK: - What goes out

  @Test func bothEndsHaveToHaveTheMemory() {
    for (isWanted, capabilities) in [(true, []), (false, .selective)] as [(Bool, Capabilities)] {
      let bench = Bench(.initiator, sendByteCount: 4096) { $0.usesWindow = isWanted }
      bench.open(capabilities)
      bench.write(sample(1000))
      _ = bench.hear()
      bench.say(.acknowledgement, 7)
      #expect(bench.hear(for: .milliseconds(25)).map(\.sequence) == [7])
    }
  }

  @Test func firstFrameGoesAloneUntilItIsAnswered() {
    let bench = bench()
    bench.write(sample(4096))
    #expect(bench.hear(for: .milliseconds(30)).map(\.sequence) == [0])
    bench.acknowledge(7)
    #expect(bench.hear(for: .milliseconds(30)).count > 2)
  }

  @Test func framesFollowEachOtherUntilTheWindowIsFull() {
    let (bench, frames) = streaming()
    #expect(frames.blocks == Array(7..<70))
    #expect(frames.map(\.sequence) == Array(stride(from: 7, to: 70, by: 7)))
    #expect(bench.hear(for: .milliseconds(10)).isEmpty, "the line is not what holds it back now")
    bench.acknowledge(14)
    #expect(bench.hear(for: .milliseconds(1)).blocks == Array(70..<77))
  }

  /// What is handed out cannot be overtaken: it is little, and enough to bridge a scheduler's tick.
  @Test func framesAreHandedOutShortlyBeforeTheLineIsFree() {
    let bench = bench()
    bench.write(sample(4096))
    _ = bench.hear(for: .milliseconds(17))
    bench.acknowledge(7)
    var lineFreeAt = bench.now
    for _ in 0..<6 {
      for frame in bench.hear() {
        #expect(lineFreeAt - bench.now <= .milliseconds(10))
        let wire = bench.rate.wireTime(byteCount: frame.wireByteCount)
        lineFreeAt = max(lineFreeAt, bench.now) + wire
      }
      #expect(bench.deadline == lineFreeAt - .milliseconds(10))
      bench.advanceToDeadline()
    }
  }

  @Test(arguments: 0..<20 as Range<UInt64>)
  func windowOfThePeerIsNeverExceeded(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    let bench = bench()
    var (base, next, written) = (0, 0, 0)
    for _ in 0..<200 {
      if written < 30_000 {
        let room = bench.link.writableByteCount
        bench.write(sample(room), flush: Bool.random(using: &generator))
        written += room
      }
      let frames = bench.hear(
        for: Interval(microseconds: .random(in: 0...15_000, using: &generator)))
      for block in frames.blocks {
        // Numbers do not wrap here.
        #expect(block < base + 64, "beyond the window from \(base)")
        next = max(next, block + 1)
      }
      guard Bool.random(using: &generator), next > base else { continue }
      base = Int.random(in: base...next, using: &generator)
      let held = Int.random(in: base...next, using: &generator)
      if held > base {
        bench.acknowledge(base, holding: held..<next)
      } else {
        bench.acknowledge(base)
      }
    }
    #expect(bench.isEstablished)
    #expect(next > 1000)
  }

  // MARK: - Losses

  @Test func reportLeadsToTheLostFrameAndNoOther() {
    let (bench, _) = streaming()
    bench.acknowledge(21, holding: 28..<70)
    let frames = bench.hear(for: .milliseconds(60))
    #expect(frames.blocks.filter { $0 < 70 } == Array(21..<28))
    #expect(frames.blocks.prefix(7) == Array(21..<28)[...], "before anything new")
    #expect(bench.statistics.retransmissions == 1)
    #expect(bench.statistics.timeouts == 0)
    // It arrives, and the report says the same of what is behind.
    bench.acknowledge(70)
    #expect(bench.hear(for: .milliseconds(60)).blocks.allSatisfy { $0 >= 70 })
    #expect(bench.statistics.retransmissions == 1)
  }

  @Test func frameBehindTheLastOneAnsweredIsNotLost() {
    let (bench, _) = streaming()
    bench.acknowledge(14, holding: 21..<35)
    let frames = bench.hear(for: .milliseconds(20))
    #expect(frames.blocks.filter { $0 < 70 } == Array(14..<21), "those from 35 on are on their way")
  }

  /// The frame that was sent again is lost again: nothing sent after it has been answered.
  @Test func repeatedFrameIsLostWhenALaterOneIsAnswered() {
    let (bench, _) = streaming()
    bench.acknowledge(21, holding: 28..<70)
    let frames = bench.hear(for: .milliseconds(40))
    #expect(frames.blocks.max() ?? 0 > 72)
    bench.acknowledge(21, holding: 28..<70)
    #expect(!bench.hear().blocks.contains(21), "no news")
    bench.acknowledge(21, holding: 28..<72)
    #expect(bench.hear(for: .milliseconds(20)).blocks.contains(21))
    #expect(bench.statistics.timeouts == 0)
  }

  @Test func negativeAnswerWithoutNewsMakesOverdueFramesLost() {
    let (bench, frames) = streaming()
    // The end of each frame: they have left one after the other since the answer to the first.
    var end = bench.now - .milliseconds(94)
    let answer = bench.rate.wireTime(byteCount: Link.answerByteCount)
    let overdue = frames.filter { frame in
      end = end + bench.rate.wireTime(byteCount: frame.wireByteCount)
      return end < bench.now - bench.turnaround.timeout - answer
    }
    #expect(overdue.count > 2 && overdue.count < 9)
    let deadline = bench.deadline ?? bench.now
    #expect(deadline > bench.now, "the timer waits for the last of them")
    bench.acknowledge(7, kind: .negativeAcknowledgement)
    let again = bench.hear(for: .milliseconds(1))
    #expect(!again.blocks.isEmpty)
    #expect(Int(bench.statistics.retransmissions) == overdue.count)
    #expect(bench.statistics.timeouts == 0)
    let all = again + bench.hear(for: .milliseconds(100))
    #expect(Set(all.blocks).isSuperset(of: overdue.blocks))
  }

  @Test func negativeAnswerWithNewsIsJustAnAnswer() {
    let (bench, _) = streaming()
    bench.acknowledge(63, kind: .negativeAcknowledgement)
    #expect(bench.hear(for: .milliseconds(10)).blocks.allSatisfy { $0 >= 70 })
    #expect(bench.statistics.retransmissions == 0)
  }

  // MARK: - Timeouts

  @Test func afterATimeoutOneFrameAsksWhatElseIsLost() {
    let (bench, _) = streaming()
    bench.advanceToDeadline()
    let probe = bench.hear()
    #expect(bench.statistics.timeouts == 1)
    #expect(probe.count == 1)
    #expect(probe.blocks.first == 7)
    // A delimiter in front: half a frame may stand on the line.
    #expect(probe.first.map { $0.wireByteCount - $0.payload.count } == 9)
    #expect(bench.hear(for: .milliseconds(10)).isEmpty)
    // Only the frame before the last was lost.
    let next = probe.blocks.count + 7
    bench.advance(by: .milliseconds(20))
    bench.acknowledge(next == 14 ? 56 : next, holding: 63..<70)
    #expect(bench.statistics.timeouts == 1)
    #expect(bench.hear(for: .milliseconds(5)).blocks.first == (next == 14 ? 56 : next))
  }

  /// All that was under way was lost, and the answer to the probe tells.
  @Test func answerToTheProbeMakesWhatWasBeforeItLost() {
    let (bench, _) = streaming()
    bench.advanceToDeadline()
    let probe = bench.hear().blocks
    bench.advance(by: .milliseconds(25))
    bench.acknowledge((probe.last ?? 6) + 1)
    let frames = bench.hear(for: .milliseconds(100))
    #expect(frames.blocks.starts(with: (probe.last ?? 6) + 1..<70))
    #expect(bench.statistics.timeouts == 1)
  }

  @Test func lateAnswerToWhatWasBeforeTheProbeRaisesTheMarginAndNothingIsLost() {
    let (bench, _) = streaming()
    bench.advanceToDeadline()
    let smoothed = bench.turnaround.smoothed
    let retransmissions = bench.statistics.retransmissions
    _ = bench.hear()
    bench.advance(by: .milliseconds(1))
    let backedOff = bench.turnaround.timeout
    bench.acknowledge(14)
    #expect(bench.turnaround.smoothed == smoothed)
    #expect(bench.statistics.retransmissions == retransmissions)
    #expect(bench.hear(for: .milliseconds(15)).blocks.allSatisfy { $0 >= 70 })
    #expect(bench.turnaround.timeout <= backedOff, "not both doubled")
    #expect(bench.statistics.timeouts == 1)
  }

  /// A probe that was answered twice went out for nothing, too.
  @Test func secondAnswerToTheProbeRaisesTheMargin() {
    let bench = bench()
    bench.write(sample(112))
    _ = bench.hear(for: .milliseconds(17))
    bench.acknowledge(7)
    bench.write(sample(112))
    _ = bench.hear()
    bench.advanceToDeadline()
    let next = (bench.hear().blocks.last ?? 0) + 1
    #expect(next > 7)
    bench.advance(by: .milliseconds(20))
    bench.acknowledge(next)
    let before = bench.turnaround.timeout
    bench.acknowledge(next)
    #expect(bench.turnaround.timeout > before)
    let raised = bench.turnaround.timeout
    bench.acknowledge(next)
    #expect(bench.turnaround.timeout == raised, "once for each")
  }

  // MARK: - Answers

  /// One answer serves all that has come while the line was busy.
  @Test func answersWaitForTheLine() {
    let bench = bench(.responder)
    bench.write(sample(112))
    let frame = bench.hear()
    #expect(frame.map(\.kind) == [.acknowledgement, .data] || frame.map(\.kind) == [.data])
    let start = bench.now
    for block in 0..<3 as Range<UInt16> {
      bench.say(.data, block, sample(16))
      #expect(bench.hear().isEmpty)
    }
    #expect((bench.deadline ?? start) - start <= .milliseconds(12))
    bench.advanceToDeadline()
    #expect(bench.hear().map(\.sequence) == [3])
  }

  @Test func earlyFramesAreHeldAndReported() {
    let bench = bench(.responder)
    let stream = sample(320)
    bench.say(.data, 2, Array(stream[32..<64]))
    var answer = bench.hear()
    #expect(answer.map(\.sequence) == [0])
    #expect(answer.map(\.payload) == [[0, 0, 0, 0, 0b110]])
    bench.advance(by: .milliseconds(10))
    bench.say(.data, 10, Array(stream[160..<176]))
    answer = bench.hear()
    #expect(answer.map(\.payload) == [[0, 0, 0, 0, 0b110, 0b10]])
    bench.advance(by: .milliseconds(10))
    #expect(bench.readableByteCount == 0)
    bench.say(.data, 0, Array(stream[..<32]))
    #expect(bench.read() == Array(stream[..<64]))
    answer = bench.hear()
    #expect(answer.map(\.sequence) == [4])
    #expect(answer.map(\.payload) == [[0, 0, 0, 0, 0b10_0000]])
  }

  // MARK: - Pauses

  @Test func busyPeerIsLeftAloneAndNothingIsRepeatedNeedlessly() {
    let (bench, _) = streaming()
    bench.say(.busy, 14, [100, 0])
    #expect(bench.deadline == bench.now + .milliseconds(100))
    #expect(bench.hear(for: .milliseconds(99)).isEmpty)
    // The peer is asked what it has, and gets nothing twice meanwhile.
    let first = bench.hear(for: .milliseconds(1))
    #expect(first.contains { $0.kind == .ping })
    #expect(first.blocks.allSatisfy { $0 >= 70 })
    bench.advance(by: .milliseconds(20))
    // All that was sent before the pause had arrived.
    bench.acknowledge(70)
    #expect(bench.hear(for: .milliseconds(50)).blocks.allSatisfy { $0 >= 70 })
    #expect(bench.statistics.retransmissions == 0)
    #expect(bench.statistics.timeouts == 0)
    #expect(bench.link.failures == 0)
  }

  @Test func receiverWithoutRoomSaysSoWithItsReport() {
    let bench = bench(.responder)
    let window = bench.link.receiving.windowBlockCount
    bench.say(.data, UInt16(window), sample(16))
    var answer = bench.hear()
    #expect(answer.map(\.kind) == [.busy])
    bench.advance(by: .milliseconds(10))
    bench.say(.data, 1, sample(16))
    bench.say(.data, UInt16(window), sample(16))
    answer = bench.hear()
    #expect(answer.map(\.kind) == [.busy])
    #expect(
      answer.map(\.payload) == [[UInt8(Link.busyMilliseconds), 0, 0, 0, 0, 0, 1]])
  }

  @Test func reportBehindTheTimeOfABusyIsRead() {
    let (bench, _) = streaming()
    bench.say(.busy, 14, [50, 0, 0, 0, 0, 0] + reportBytes(Array(6..<55)))
    _ = bench.hear(for: .milliseconds(50))
    bench.advance(by: .milliseconds(20))
    bench.acknowledge(21, holding: 21..<21)
    #expect(bench.isEstablished)
    // 14 to 20 were missing, 21 to 69 held.
    bench.acknowledge(70)
    #expect(bench.statistics.retransmissions <= 2)
  }

  @Test func idleInitiatorAsksWhetherThePeerIsThere() {
    let bench = bench()
    bench.write(sample(112))
    _ = bench.hear(for: .milliseconds(17))
    bench.acknowledge(7)
    #expect(bench.events() == [.drained])
    let frames = bench.hear(for: .milliseconds(1010))
    #expect(frames.map(\.kind) == [.ping])
    bench.say(.acknowledgement, 7)
    #expect(bench.hear(for: .milliseconds(1010)).map(\.kind) == [.ping])
  }

  /// Under way frames are a question of their own.
  @Test func nobodyIsAskedWhileFramesAreUnderWay() {
    let (bench, _) = streaming()
    for _ in 0..<5 {
      #expect(bench.hear(for: .milliseconds(1000)).allSatisfy { $0.kind == .data })
    }
  }
}

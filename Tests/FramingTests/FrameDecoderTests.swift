import Framing
import Testing

/// How the decoder finds its way in a stream of frames, noise and halves.
struct FrameDecoderTests {
  private let header = FrameHeader(.data, sequence: 5)

  private func frame(_ payload: [UInt8]) -> Found {
    .frame(header, payload: payload, isSealed: true)
  }

  @Test(arguments: [1, 2, 3, 7, .max])
  func portionsMakeNoDifference(portionByteCount: Int) {
    let payloads = [[], [0], sample(40), sample(300), [UInt8](repeating: 0, count: 20)]
    let stream = payloads.flatMap { encoded(header, $0) }
    #expect(findings(in: stream, portionByteCount: portionByteCount) == payloads.map(frame))
  }

  @Test func extraDelimitersAreNothing() {
    let wire = encoded(header, [1, 2])
    #expect(
      findings(in: [0, 0] + wire + [0, 0, 0] + wire + [0]) == [frame([1, 2]), frame([1, 2])])
  }

  @Test func missingDelimiterCostsTheTwoFramesBesideIt() {
    let wire = encoded(header, [1, 2])
    let found = findings(in: wire.dropLast() + wire + wire)
    #expect(found.count == 2)
    #expect(found.last == frame([1, 2]))
    #expect(found.first != frame([1, 2]))
  }

  @Test(arguments: 0..<200 as Range<UInt64>)
  func garbageCostsOnlyTheFrameThatItTouches(seed: UInt64) {
    let garbage = sample(Int(seed % 50) + 1, seed: seed)
    let wire = encoded(header, [1, 2])
    let found = findings(in: wire + garbage + wire + wire)
    #expect(found.first == frame([1, 2]))
    #expect(found.last == frame([1, 2]))
    // The garbage has swallowed at most the frame behind it, and made no sound one.
    #expect([2, 3].contains(found.count { $0 == frame([1, 2]) }))
  }

  @Test func groupThatGoesOnBehindTheDelimiterIsBroken() {
    #expect(findings(in: [9, 1, 2, 0]) == [.malformed(.brokenStuffing)])
  }

  @Test func lessThanAHeaderAndAChecksumIsTooShort() {
    #expect(findings(in: [1, 0]) == [.malformed(.tooShort)])
    #expect(findings(in: [6, 1, 2, 3, 4, 5, 0]) == [.malformed(.tooShort)])
    // Six bytes are a frame, if not a sound one.
    #expect(
      findings(in: [7, 1, 0x40, 3, 4, 5, 6, 0]) == [
        .frame(FrameHeader(.data, sequence: 1), payload: [], isSealed: false)
      ])
  }

  @Test func frameOfTheMTUIsTakenAndNoLongerOne() {
    let mtu = 300
    let limit = mtu - FrameHeader.overheadByteCount
    let (fits, above) = (sample(limit), sample(limit + 1))
    let stream =
      encoded(header, above) + encoded(header, fits) + encoded(header, sample(5000))
      + encoded(header)
    #expect(
      findings(in: stream, mtu: mtu) == [
        .malformed(.tooLong), frame(fits), .malformed(.tooLong), frame([]),
      ])
  }
}

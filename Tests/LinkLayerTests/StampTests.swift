import Testing

@testable import LinkLayer

struct StampTests {
  /// All stamps near the wrap, and every distance within half the circle of 2¹⁵.
  @Test func orderHoldsWithinHalfTheCircle() {
    for start in stride(from: 0, to: 0x8000, by: 977) as StrideTo<UInt16> {
      let first = Stamp(start)
      #expect(!first.isOlder(than: first))
      for distance in 1..<0x4000 as Range<UInt16> {
        let second = Stamp(start &+ distance)
        if !first.isOlder(than: second) || second.isOlder(than: first) {
          Issue.record("\(start) and \(distance) later")
        }
      }
    }
  }

  @Test func stampsHaveFifteenBits() {
    #expect(Stamp(0x7FFF).next == Stamp(0))
    #expect(Stamp(0x8001) == Stamp(1))
    #expect(Stamp(0x7FFF).isOlder(than: Stamp(0)))
  }
}

struct MarkTests {
  @Test func marksComeBackFromTheirBits() {
    for mark in [Mark.pending, .held] { #expect(Mark(mark.rawValue) == mark) }
    for stamp in 0..<0x8000 as Range<UInt16> {
      let mark = Mark.underWay(Stamp(stamp))
      if Mark(mark.rawValue) != mark { Issue.record("stamp \(stamp)") }
    }
    #expect(Mark(0) == .pending, "cleared storage is pending")
  }
}

struct FrameTallyTests {
  @Test func runsOfOneStampAreAFrame() {
    var tally = FrameTally()
    #expect(tally == FrameTally())
    for stamp in [5, 5, 5, 6, 9, 9] as [UInt16] { tally.note(Stamp(stamp)) }
    #expect(tally.frameCount == 3)
    #expect(tally.blockCount == 6)
    #expect(tally.payloadByteCount == 96)
  }
}

import Testing

@testable import SerialDriver

@Suite struct ResetSequenceTests {
  @Test func stepsAreReadInOrder() throws {
    let sequence = try #require(ResetSequence("D0|R1|W0.1|U1,0|D1|R0|W10"))
    #expect(
      sequence.steps == [
        .set(.dtr, isRaised: false), .set(.rts, isRaised: true), .wait(milliseconds: 100),
        .setBoth(dtr: true, rts: false), .set(.dtr, isRaised: true), .set(.rts, isRaised: false),
        .wait(milliseconds: 10_000),
      ])
  }

  @Test func namesStandForSequences() throws {
    #expect(try #require(ResetSequence("none")).steps == [])
    for name in ResetSequence.names.dropFirst() {
      #expect(!(try #require(ResetSequence(name))).steps.isEmpty)
    }
    // A board that is reset is never left so: RTS, which holds an ESP in reset, ends dropped.
    for name in ["rts", "esp"] {
      let last = try #require(ResetSequence(name)).steps.last { step in
        if case .set(.rts, _) = step { true } else { false }
      }
      #expect(last == .set(.rts, isRaised: false))
    }
  }

  @Test(arguments: [
    "", "|", "D0|", "D", "D2", "D00", "d0", "R", "U", "U1", "U1,", "U1,2", "U1,0,1", "W", "W-1",
    "W11",
    "Wnan", "Winf", "W1s", "X1", "esp|D0", "D0 |R1",
  ])
  func nonsenseIsRefused(text: String) {
    #expect(ResetSequence(text) == nil)
  }

  @Test func aSequenceHasALimit() {
    let steps = [String](repeating: "W10", count: 64)
    #expect(ResetSequence(steps.joined(separator: "|")) != nil)
    #expect(ResetSequence((steps + ["D0"]).joined(separator: "|")) == nil)
  }

  @Test func settingRTSIsKnown() throws {
    #expect(try #require(ResetSequence("D0|W1|D1")).setsRTS == false)
    #expect(try #require(ResetSequence("R0")).setsRTS)
    #expect(try #require(ResetSequence("U0,0")).setsRTS)
  }
}

import Testing

@testable import SerialDriver

@Suite struct ResetSequenceTests {
  @Test func stepsAreReadInOrder() throws {
    let sequence = try ResetSequence(parsing: "D0|R1|W0.1|U1,0|D1|R0|W10")
    #expect(
      sequence.steps == [
        .set(.dtr, isRaised: false), .set(.rts, isRaised: true), .wait(milliseconds: 100),
        .setBoth(dtr: true, rts: false), .set(.dtr, isRaised: true), .set(.rts, isRaised: false),
        .wait(milliseconds: 10_000),
      ])
  }

  @Test func namesStandForSequences() throws {
    #expect(try ResetSequence(parsing: "none").steps == [])
    for name in ResetSequence.names.dropFirst() {
      #expect(try !ResetSequence(parsing: name).steps.isEmpty)
    }
    // A board that is reset is never left so: RTS, which holds an ESP in reset, ends dropped.
    for name in ["rts", "esp"] {
      let last = try ResetSequence(parsing: name).steps.last { step in
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
    #expect(throws: ResetSequence.Flaw.self) { try ResetSequence(parsing: text) }
  }

  @Test func stepThatThereIsNotIsNamed() {
    for (text, number, step) in [
      ("D0|X1|R0", 2, "X1"), ("R1|W0.1|W11", 3, "W11"), ("D0|", 2, ""), ("", 1, ""),
      ("espp", 1, "espp"),
    ] {
      #expect(throws: ResetSequence.Flaw.step(number: number, text: step)) {
        try ResetSequence(parsing: text)
      }
    }
  }

  @Test func aSequenceHasALimit() throws {
    let steps = [String](repeating: "W10", count: 64)
    #expect(try ResetSequence(parsing: steps.joined(separator: "|")).steps.count == 64)
    #expect(throws: ResetSequence.Flaw.tooManySteps(limit: 64)) {
      try ResetSequence(parsing: (steps + ["D0"]).joined(separator: "|"))
    }
  }

  @Test func settingRTSIsKnown() throws {
    #expect(try ResetSequence(parsing: "D0|W1|D1").setsRTS == false)
    #expect(try ResetSequence(parsing: "R0").setsRTS)
    #expect(try ResetSequence(parsing: "U0,0").setsRTS)
  }
}

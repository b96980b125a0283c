import LineModel
import LinkLayer
import LinkSimulator
import Testing

/// Whole runs over a modelled line in virtual time.
struct LinkScenarioTests {
  @Test func cleanLineDeliversEverythingOnce() throws {
    let scenario = LinkScenario()
    let run = try LinkRun(scenario)
    #expect(run.delivered.elementsEqual(scenario.payload))
    #expect(run.senderStatistics.retransmissions == 0)
  }

  @Test(arguments: 0..<200 as Range<UInt64>)
  func drawnFaultsNeverDeliverAWrongByteAndEnd(seed: UInt64) throws {
    let scenario = LinkScenario(drawnFrom: seed)
    let run = try LinkRun(scenario)
    #expect(run.isPrefixOfSent, "\(scenario)")
    #expect(run.closed == nil, "\(scenario)")
    #expect(run.delivered.elementsEqual(scenario.payload), "\(scenario)")
  }

  @Test func deadLineEndsTheSession() throws {
    var scenario = LinkScenario()
    scenario.cuts = [200_000_000 ..< .max]
    let run = try LinkRun(scenario)
    #expect(run.closed == .peerSilent)
    #expect(run.isPrefixOfSent)
  }

  @Test func nobodyThereIsNoAnswer() throws {
    var scenario = LinkScenario()
    scenario.cuts = [0 ..< .max]
    let run = try LinkRun(scenario)
    #expect(run.closed == .noAnswer)
    #expect(run.delivered.isEmpty)
  }
}

/// Runs in which both ends send, and in which one of them dies.
struct TwoWayScenarioTests {
  @Test(arguments: 0..<100 as Range<UInt64>)
  func bothStreamsArriveWhenTheLineHeals(seed: UInt64) throws {
    let scenario = LinkScenario(drawnFrom: seed)
    let run = try TwoWayRun(scenario)
    #expect(run.isPrefixOfSent, "\(scenario)")
    #expect(run.isComplete, "\(scenario)")
  }

  @Test(arguments: [LinkRole.initiator, .responder], 0..<50 as Range<UInt64>)
  func endThatIsKilledStartsAnewAndNothingOldIsTaken(_ role: LinkRole, _ seed: UInt64) throws {
    let scenario = LinkScenario(drawnFrom: 1000 + seed)
    // From the handshake on into the streams.
    let run = try TwoWayRun(scenario, kill: .init(role, at: 20_000_000 + seed * 37_000_000))
    #expect(run.isPrefixOfSent, "\(scenario)")
    #expect(run.isComplete, "\(scenario)")
  }
}

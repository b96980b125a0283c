import LineModel
import LinkLayer
import LinkSimulator
import Runtime
import Testing

/// A device's link at the other end of a host's, in virtual time.
struct DeviceLinkTests {
  private struct Outcome {
    var delivered: [UInt8] = []
    var heard: [UInt8] = []
    var openings = 0
    var isComplete = false
  }

  /// Runs until both streams are there, or virtual time is up.
  private func run(
    _ scenario: LinkScenario, says: [UInt8], until limit: UInt64 = 900_000_000_000
  ) throws -> Outcome {
    let payload = scenario.payload
    let (there, back) = try scenario.lines()
    var host = scenario.link(.initiator)
    host.open(at: Instant(microseconds: 0))
    let device = DeviceEnd(
      mtu: scenario.mtu, nonce: UInt32(truncatingIfNeeded: scenario.seed), says: says,
      rate: scenario.line.baudRate)
    var simulation = Simulation(host, device, aToB: there, bToA: back)
    simulation.isHalfDuplex = scenario.isHalfDuplex
    var outcome = Outcome()
    var sent = 0
    outcome.isComplete = !simulation.run(until: limit) { host, device, _ in
      while let event = host.nextEvent() {
        if case .opened = event { (sent, outcome.heard) = (0, []) }
      }
      if host.isEstablished, sent < payload.count {
        sent += host.write(payload.span.extracting(sent..<payload.count))
        if sent == payload.count { host.flush() }
      }
      outcome.heard += [UInt8](capacity: host.readableByteCount) { _ = host.read(into: &$0) }
      return
        !(device.delivered.count >= payload.count && outcome.heard.count >= says.count
        && host.isDrained)
    }
    #expect(payload.starts(with: simulation.b.delivered), "\(scenario)")
    #expect(says.starts(with: outcome.heard), "\(scenario)")
    outcome.delivered = simulation.b.delivered
    outcome.openings = simulation.b.openings
    return outcome
  }

  private func words(_ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: $0 * 7) }
  }

  @Test(arguments: [32, 64, 255, 1024]) func bothStreamsArriveOverACleanLine(mtu: Int) throws {
    var scenario = LinkScenario()
    scenario.mtu = mtu
    scenario.window = 1
    let outcome = try run(scenario, says: words(333))
    #expect(outcome.isComplete)
    #expect(outcome.openings == 1)
  }

  @Test(arguments: 0..<100 as Range<UInt64>)
  func drawnFaultsDelayBothStreamsAndNoMore(seed: UInt64) throws {
    var scenario = LinkScenario(drawnFrom: 40_000 + seed)
    scenario.window = 1
    let outcome = try run(scenario, says: words(Int(seed) * 3))
    #expect(outcome.isComplete, "\(scenario)")
  }
}

import Framing
import LineModel
import Runtime
import Testing

@testable import LinkLayer

/// Both ends look for a faster rate, over a line that garbles where they differ.
struct LinkRateTests {
  private static let rates: LineRates = {
    var rates: LineRates = []
    for rate in [230_400, 460_800, 921_600] as [UInt32] { rates.insert(baudRate: rate) }
    return rates
  }()

  private func link(_ role: LinkRole, _ rates: LineRates = Self.rates) -> Link {
    var configuration = LinkConfiguration(
      role: role, nonce: UInt32(role.rawValue) &+ 77, baudRate: 115_200)
    configuration.rates = rates
    return Link(
      configuration, frameStorage: ByteStorage(byteCount: 512),
      sendStorage: ByteStorage(byteCount: 18 * 1024), receiveStorage: ByteStorage(byteCount: 17_000)
    )
  }

  /// What became of a run.
  private struct Outcome {
    var isComplete = false
    var seconds = 0.0
    var baudRates: (UInt32, UInt32) = (0, 0)
    var failed: UInt32 = .max
    var isRight = true
  }

  private func run(
    _ byteCount: Int, initiator: LineRates = Self.rates, responder: LineRates = Self.rates,
    follows: Bool = true, limit: UInt64 = 60_000_000_000,
    _ change: (inout LineConfiguration) -> Void = { _ in }
  ) throws -> Outcome {
    var line = LineConfiguration()
    line.baudRateLimit = 921_600
    line.latencyNanoseconds = 1_000_000
    change(&line)
    let (payload, there, back) = (
      sample(byteCount), try LineDirection(line, seed: 1), try LineDirection(line, seed: 2)
    )
    var sender = link(.initiator, initiator)
    var receiver = link(.responder, responder)
    receiver.listen()
    sender.open(at: Instant(microseconds: 0))
    var simulation = Simulation(sender, receiver, aToB: there, bToA: back)
    simulation.followsRates = follows
    var outcome = Outcome()
    var (sent, got) = (0, 0)
    outcome.isComplete = !simulation.run(until: limit) { sender, receiver, _ in
      while sender.nextEvent() != nil {}
      while receiver.nextEvent() != nil {}
      sent += sender.write(payload.span.extracting(sent..<payload.count))
      if sent == payload.count { sender.flush() }
      let new = [UInt8](capacity: receiver.readableByteCount) { _ = receiver.read(into: &$0) }
      if new[...] != payload[got..<got + new.count] { outcome.isRight = false }
      got += new.count
      return !(sent == payload.count && sender.isDrained)
    }
    outcome.seconds = Double(simulation.now) / 1e9
    outcome.baudRates = (simulation.a.baudRate, simulation.b.baudRate)
    outcome.failed = simulation.a.failedBaudRate
    return outcome
  }

  @Test func fastestCommonRateIsUsed() throws {
    let outcome = try run(100_000)
    #expect(outcome.isComplete && outcome.isRight)
    #expect(outcome.baudRates == (921_600, 921_600))
    #expect(outcome.seconds < 2, "at 115200 baud it takes 9 s")
  }

  @Test func onlyRatesOfBothEndsAreUsed() throws {
    var slow: LineRates = []
    slow.insert(baudRate: 230_400)
    let outcome = try run(20_000, responder: slow)
    #expect(outcome.isComplete && outcome.isRight)
    #expect(outcome.baudRates == (230_400, 230_400))
    let fixed = try run(20_000, responder: [])
    #expect(fixed.isComplete && fixed.isRight)
    #expect(fixed.baudRates == (115_200, 115_200))
  }

  @Test func lineSlowerThanItsNameIsFoundOut() throws {
    let outcome = try run(20_000, follows: false)
    #expect(outcome.isComplete && outcome.isRight)
    #expect(outcome.baudRates == (115_200, 115_200))
    #expect(outcome.failed <= 460_800)
  }

  @Test(arguments: [1e-5, 1e-4, 1e-3])
  func noiseDoesNotKeepTheEndsApart(bitErrorRate: Double) throws {
    let outcome = try run(50_000) { $0.bitErrorRate = bitErrorRate }
    #expect(outcome.isComplete && outcome.isRight)
    #expect(outcome.baudRates.0 == outcome.baudRates.1)
  }

  /// A responder that has heard the test stays at the rate for 2.5 s.
  @Test(arguments: [2_500, 3_000, 3_500] as [UInt64])
  func endsWhoseTestsWereHeardAndAnswersLostMeetAgain(milliseconds: UInt64) throws {
    var line = LineConfiguration()
    line.baudRateLimit = 921_600
    var back = try LineDirection(line, seed: 2)
    back.cut(during: 30_000_000..<milliseconds * 1_000_000)
    var sender = link(.initiator)
    var receiver = link(.responder)
    receiver.listen()
    sender.open(at: Instant(microseconds: 0))
    var simulation = Simulation(
      sender, receiver, aToB: try LineDirection(line, seed: 1), bToA: back)
    simulation.followsRates = true
    _ = simulation.run(until: 20_000_000_000) { sender, receiver, _ in
      while sender.nextEvent() != nil {}
      while receiver.nextEvent() != nil {}
      return true
    }
    #expect(simulation.a.failedBaudRate == 921_600)
    #expect(simulation.a.baudRate == 460_800)
    #expect(simulation.b.baudRate == 460_800)
  }

  @Test func deadLineAtARaisedRateBringsBothBackToTheBaseRate() throws {
    var line = LineConfiguration()
    line.baudRateLimit = 921_600
    var (there, back) = (try LineDirection(line, seed: 1), try LineDirection(line, seed: 2))
    there.cut(during: 500_000_000..<5_000_000_000)
    back.cut(during: 500_000_000..<5_000_000_000)
    var sender = link(.initiator)
    var receiver = link(.responder)
    receiver.listen()
    sender.open(at: Instant(microseconds: 0))
    var simulation = Simulation(sender, receiver, aToB: there, bToA: back)
    simulation.followsRates = true
    func rates(at time: UInt64) -> (UInt32, UInt32) {
      _ = simulation.run(until: time) { sender, receiver, _ in
        while sender.nextEvent() != nil {}
        while receiver.nextEvent() != nil {}
        return true
      }
      return (simulation.a.baudRate, simulation.b.baudRate)
    }
    #expect(rates(at: 450_000_000) == (921_600, 921_600))
    #expect(rates(at: 4_500_000_000) == (115_200, 115_200))
    // And they are together again: the line is healed, and a slower rate is tried.
    let last = rates(at: 12_000_000_000)
    #expect(last.0 == last.1 && last.0 < 921_600)
    #expect(simulation.a.isEstablished && simulation.b.isEstablished)
  }
}

import LineModel
import LinkLayer
import LinkSimulator
import Streaming
import Testing
import Transfer

/// Transfers that go on after either end was killed, in virtual time.
struct ResumptionTests {
  // The largest of some drawn models, which take a while.
  private static let whole = largest(isCoded: false)
  private static let coded = largest(isCoded: true)

  private static func largest(isCoded: Bool) -> SampleModel? {
    (0..<60 as Range<UInt64>).map { SampleModel(drawnFrom: $0, isCoded: isCoded) }
      .max { $0.plan.byteCount < $1.plan.byteCount }
  }

  private static func scenario(_ seed: UInt64) -> LinkScenario {
    var scenario = LinkScenario()
    scenario.seed = seed
    scenario.line.baudRate = 9600
    scenario.line.bitErrorRate = 1e-5
    scenario.mtu = 256
    scenario.window = seed % 2 == 0 ? 1 : 4
    return scenario
  }

  /// One kill at a random moment costs what was under way, and a handshake.
  @Test(arguments: 0..<200 as Range<UInt64>)
  func killCostsWhatWasUnderWay(seed: UInt64) throws {
    let model = try #require(seed % 4 < 2 ? Self.coded : Self.whole)
    let scenario = Self.scenario(seed)
    let undisturbed = try KilledTransfer(scenario, model, [])
    #expect(undisturbed.sender.outcomes == [.completed])
    let seconds = UInt64(model.plan.byteCount * 10 / 9600)
    var generator = SeededGenerator(seed: seed)
    let time = UInt64.random(in: 100_000_000..<(seconds + 1) * 1_000_000_000, using: &generator)
    let run = try KilledTransfer(scenario, model, [(seed % 8 < 4, time)])
    #expect(run.isFinished)
    #expect(run.sender.outcomes == [.completed] && run.sender.verified == model.digest)
    let window = scenario.window * scenario.mtu
    // HELLO and WELCOME, some of them again while nobody listens, INFO and the manifest.
    let handshake = 1500 + model.plan.manifestByteCount
    #expect(run.wireByteCount <= undisturbed.wireByteCount * 102 / 100 + window + handshake)
  }

  // MARK: - Receivers that are reset again and again

  @Test func receiverThatIsResetTenTimesInARowIsBorne() throws {
    let model = try #require(Self.coded)
    let run = try KilledTransfer(Self.scenario(1), model) { receiver, killCount in
      killCount < 10 && receiver.manifest != nil
    }
    #expect(run.killCount == 10)
    #expect(run.isFinished)
    #expect(run.sender.outcomes == [.completed] && run.sender.verified == model.digest)
  }

  @Test func receiverThatNeverGetsFurtherIsGivenUp() throws {
    let model = try #require(Self.coded)
    let run = try KilledTransfer(Self.scenario(1), model) { receiver, _ in receiver.manifest != nil
    }
    #expect(run.killCount == 11)
    #expect(run.sender.outcomes == [.linkClosed(.peerReset)])
  }

  /// Without progress nine times in a row, then with some, until all is there.
  @Test func receiverThatGetsFurtherIsNeverGivenUp() throws {
    let model = try #require(Self.coded)
    let run = try KilledTransfer(Self.scenario(1), model) { receiver, killCount in
      guard killCount % 10 == 9 else { return receiver.manifest != nil }
      return receiver.journal.bytes.count >= 1000 * (killCount / 10 + 1)
    }
    #expect(run.killCount > 30)
    #expect(run.isFinished)
    #expect(run.sender.outcomes == [.completed] && run.sender.verified == model.digest)
  }
}

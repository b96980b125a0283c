import LinkLayer
import LinkSimulator
import Streaming
import Testing
import Transfer
import WeightCodec

/// Whole transfers in virtual time: over drawn faults, refused, aborted and begun anew.
struct TransferScenarioTests {
  @Test(arguments: 0..<120 as Range<UInt64>)
  func drawnFaultsDelayATransferAndNoMore(seed: UInt64) throws {
    let scenario = LinkScenario(drawnFrom: seed)
    let model = SampleModel(drawnFrom: seed)
    let run = try TransferRun(scenario, model)
    #expect(run.isFinished, "\(scenario)")
    #expect(run.receiver.outcomes == [.completed], "\(scenario)")
    #expect(run.sender.outcomes == [.completed], "\(scenario)")
    #expect(run.sender.verified == model.digest)
    try expectComplete(run, model)
  }

  @Test(arguments: 0..<30 as Range<UInt64>)
  func whatIsMeasuredReachesTheSender(seed: UInt64) throws {
    let scenario = LinkScenario(drawnFrom: seed)
    let run = try TransferRun(scenario, SampleModel(drawnFrom: seed), measures: true)
    #expect(run.sender.outcomes == [.completed], "\(scenario)")
    let milestones = run.receiver.milestones
    #expect(run.sender.metrics.map(\.tier) == milestones.map(\.tier), "\(scenario)")
    #expect(run.sender.metrics.map { Int($0.value) } == Array(1..<milestones.count + 1))
  }

  @Test func modelWithoutTensorsIsVerifiedToo() throws {
    let models = (0..<100 as Range<UInt64>).map { SampleModel(drawnFrom: $0) }
    let model = try #require(models.first { $0.manifest.entries.isEmpty })
    let run = try TransferRun(LinkScenario(), model)
    #expect(run.sender.outcomes == [.completed])
    #expect(run.sender.verified == model.digest)
  }

  @Test func refusalReachesTheSenderWithItsReason() throws {
    let refusal = ReceiverFailure(.wrongModel, text: Array("another network runs here".utf8))
    let run = try TransferRun(LinkScenario(), SampleModel(drawnFrom: 3), refusal: refusal)
    #expect(run.isFinished)
    #expect(run.sender.outcomes == [.receiverFailed(refusal)])
    #expect(run.receiver.outcomes == [.receiverFailed(refusal)])
    #expect(run.sender.fedCount == 0)
  }

  @Test(arguments: 0..<30 as Range<UInt64>)
  func failureInTheMiddleReachesTheSender(seed: UInt64) throws {
    let failure = ReceiverFailure(.cannotStore, text: [])
    let scenario = seed < 10 ? LinkScenario() : LinkScenario(drawnFrom: 7000 + seed)
    let time = 10_000_000 + seed * 25_000_000
    let run = try TransferRun(
      scenario, SampleModel(drawnFrom: 5), (.receiverFails(failure), time))
    #expect(run.isFinished, "\(scenario)")
    // Before a session there is nobody to tell, and at the end all is well already.
    let outcomes = [run.sender.outcomes, run.receiver.outcomes]
    #expect(
      outcomes == [[.receiverFailed(failure)], [.receiverFailed(failure)]]
        || outcomes == [[.completed], [.completed]], "\(scenario)")
  }

  @Test func abortsEndBothEnds() throws {
    let model = try #require(Self.large)
    let sender = try TransferRun(LinkScenario(), model, (.senderAborts, 150_000_000))
    #expect(sender.isFinished)
    #expect(sender.receiver.outcomes == [.linkClosed(.peer(.aborted))])
    #expect(sender.sender.outcomes.isEmpty, "the caller knows what it did")

    let receiver = try TransferRun(LinkScenario(), model, (.receiverAborts, 150_000_000))
    #expect(receiver.isFinished)
    #expect(receiver.sender.outcomes == [.linkClosed(.peer(.aborted))])
    #expect(receiver.receiver.outcomes.isEmpty)
  }

  @Test(arguments: 0..<30 as Range<UInt64>)
  func senderThatRestartsBeginsAnew(seed: UInt64) throws {
    let model = try #require(Self.large)
    var scenario = LinkScenario(drawnFrom: seed)
    scenario.cuts = []
    let run = try TransferRun(
      scenario, model, (.senderRestarts, 100_000_000 + seed * 10_000_000))
    #expect(run.isFinished, "\(scenario)")
    #expect(run.sender.outcomes == [.completed], "\(scenario)")
    #expect(run.receiver.outcomes == [.completed], "\(scenario)")
    #expect((1...2).contains(run.receiver.connectionCount))
    try expectComplete(run, model)
  }

  @Test func receiverSeesARestartedSenderConnectAgain() throws {
    let model = try #require(Self.large)
    let run = try TransferRun(LinkScenario(), model, (.senderRestarts, 300_000_000))
    #expect(run.receiver.connectionCount == 2)
    #expect(run.receiver.outcomes == [.completed])
  }

  /// A model that takes 115200 baud more than half a second.
  private static let large = (0..<100 as Range<UInt64>).lazy.map { SampleModel(drawnFrom: $0) }
    .first { $0.manifest.byteCount > 8000 && $0.plan.byteCount > 8000 }

  private func expectComplete(_ run: TransferRun, _ model: SampleModel) throws {
    #expect(run.receiver.isSound)
    #expect(run.receiver.manifest == model.manifest)
    for (index, entry) in model.manifest.entries.enumerated() where entry.hasContent {
      let found = try #require(run.receiver.tensors[index])
      #expect(found.count == model.elements[index].count)
      if let expected = model.expected[index] { #expect(found == expected) }
    }
    #expect(run.receiver.tensors.count == model.manifest.entries.count { $0.hasContent })
    let milestones = model.pieces.compactMap { piece in
      if case .milestone(let milestone) = piece { milestone } else { nil }
    }
    #expect(run.receiver.milestones == milestones)
  }
}

import LineModel
import LinkLayer
import LinkSimulator
import Streaming
import Tensors
import Testing
import Transfer
import WeightCodec

/// A small model with what a manifest can hold: contents of all sizes, a shared and an empty tensor.
struct SampleModel {
  let manifest: Manifest
  let units: [(Unit, [UInt8])]

  init(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    func tensor(_ name: TensorName, _ extents: [Int]) throws -> TensorDescriptor {
      let shape = try #require(TensorShape(extents))
      return try #require(TensorDescriptor(name: name, dtype: .u8, shape: shape))
    }
    let entries = [
      Manifest.Entry(try tensor("one", [])), Manifest.Entry(try tensor("empty", [0, 4])),
      Manifest.Entry(try tensor("layer.weight", [Int.random(in: 1...4000, using: &generator)])),
      Manifest.Entry(try tensor("layer.bias", [17])),
      Manifest.Entry(try tensor("tied", []), sharedWith: 0),
    ]
    manifest = Manifest(kind: .tensors, name: Array("sample".utf8), entries: entries)
    units = TransferPlan(manifest, PlanPolicy(compression: .none)).units.map { unit in
      let byteCount = entries[unit.tensorIndex].tensor.byteCount
      return (
        unit, (0..<byteCount).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
      )
    }
  }
}

/// Whole transfers in virtual time.
struct TransferScenarioTests {
  private func run(
    _ scenario: LinkScenario, twist: TransferRun.Twist = .none
  ) throws -> (run: TransferRun, model: SampleModel) {
    let model = try SampleModel(seed: scenario.seed)
    return (try TransferRun(scenario, model.manifest, model.units, twist: twist), model)
  }

  @Test(arguments: 0..<120 as Range<UInt64>)
  func everyContentArrivesWhateverTheLineDoes(seed: UInt64) throws {
    let scenario = LinkScenario(drawnFrom: 5000 + seed)
    let (run, model) = try run(scenario)
    #expect(run.senderOutcome == .completed, "\(scenario)")
    #expect(run.receiverOutcome == .completed, "\(scenario)")
    #expect(run.contents.elementsEqual(model.units.map(\.1)), "\(scenario)")
  }

  @Test(arguments: 0..<30 as Range<UInt64>)
  func aSenderThatRestartsBeginsAnew(seed: UInt64) throws {
    let scenario = LinkScenario(drawnFrom: 6000 + seed)
    let (run, model) = try run(scenario, twist: .senderRestarts(atPortion: 1 + Int(seed % 4)))
    #expect(run.receiverOutcome == .completed, "\(scenario)")
    #expect(run.contents.elementsEqual(model.units.map(\.1)), "\(scenario)")
    // A model that fits few frames may be complete before its sender dies: then the receiver is done.
    let isTooLate = run.sessionCount == 1
    #expect(
      run.senderOutcome == (isTooLate ? .linkClosed(.peer(.done)) : .completed), "\(scenario)")
  }

  @Test(arguments: [0, 2], 0..<15 as Range<UInt64>)
  func bothEndsLearnWhyTheReceiverFails(portion: Int, seed: UInt64) throws {
    let scenario = LinkScenario(drawnFrom: 7000 + seed)
    let (run, _) = try run(scenario, twist: .receiverFails(.noSpace, atPortion: portion))
    let failure = TransferOutcome.receiverFailed(
      ReceiverFailure(.noSpace, text: Array("no".utf8)))
    #expect(run.senderOutcome == failure, "\(scenario)")
    #expect(run.receiverOutcome == failure, "\(scenario)")
  }

  @Test(arguments: [LinkRole.initiator, .responder])
  func anAbortReachesTheOtherEndAtOnce(_ role: LinkRole) throws {
    let (run, _) = try run(LinkScenario(), twist: .aborts(role, atPortion: 1))
    let other = role == .initiator ? run.receiverOutcome : run.senderOutcome
    #expect(other == .linkClosed(.peer(.aborted)))
  }
}

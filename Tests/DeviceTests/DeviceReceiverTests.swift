import Checkpoints
import Device
import LineModel
import LinkLayer
import LinkSimulator
import Streaming
import SystemPackage
import Tensors
import Testing
import Transfer
import WeightCodec

@testable import Runtime

/// A device takes the sample model from the real sender, in virtual time.
struct DeviceReceiverTests {
  private static let digits = FilePath(#filePath).removingLastComponent().removingLastComponent()
    .appending("Fixtures/Digits/digits.pt")

  private struct Outcome {
    var ending: TransferOutcome?
    var milestones: [UInt8] = []
    var image: [UInt8] = []
    var states: [TensorState] = []
    var seconds = 0.0
  }

  private func run(
    _ scenario: LinkScenario, _ checkpoint: Checkpoint, as table: CheckpointTable? = nil
  ) throws -> Outcome {
    let table = table ?? CheckpointTable(checkpoint)
    let image = TestMemory<UInt8>(0xA5, count: imageByteCount(checkpoint))
    let states = TestMemory(TensorState(), count: checkpoint.tensors.count)
    let (there, back) = try scenario.lines()
    var outcome = Outcome()
    let session = try SendSession(
      checkpoint, named: "digits", SendPolicy(), usesThread: false, tell: { _ in })
    var simulation = Simulation(
      SendTransfer(link: scenario.link(.initiator), at: Instant(microseconds: 0)),
      DeviceModelEnd(
        table, MemoryStore(image: image.lent, states: states.lent), mtu: scenario.mtu,
        baudRate: scenario.line.baudRate),
      aToB: there, bToA: back)
    let isTimeUp = try simulation.run(until: 900_000_000_000) { sender, device, _ in
      while try session.respond(&sender) {}
      return session.outcome == nil
    }
    #expect(!isTimeUp)
    outcome.ending = session.outcome
    for event in simulation.b.events {
      if case .milestone(let tier, _) = event { outcome.milestones.append(tier) }
    }
    (outcome.image, outcome.states) = (image.array, states.array)
    outcome.seconds = Double(simulation.now) / 1e9
    return outcome
  }

  private func imageByteCount(_ checkpoint: Checkpoint) -> Int {
    var end = 0
    for tensor in checkpoint.tensors.map(\.descriptor) {
      end = (end + 3) & ~3
      end += isPlaned(tensor) ? tensor.shape.elementCount : tensor.byteCount
    }
    return end
  }

  private func isPlaned(_ tensor: TensorDescriptor) -> Bool {
    tensor.dtype == .f32 && tensor.shape.elementCount >= 512
  }

  /// The image by its definition: magnitudes in units of the level six below the largest, cut.
  private func expectedImage(_ checkpoint: Checkpoint) throws -> [UInt8] {
    var image: [UInt8] = []
    for index in checkpoint.tensors.indices {
      while image.count % 4 != 0 { image.append(0) }
      let tensor = checkpoint.tensors[index].descriptor
      let bytes = try checkpoint.bytes(of: index, in: 0..<tensor.byteCount)
      guard isPlaned(tensor) else {
        image += bytes
        continue
      }
      let values = stride(from: 0, to: bytes.count, by: 4).map { place in
        Float(
          bitPattern: (0..<4).reduce(0) { $0 | UInt32(bytes[place + $1]) << UInt32(8 * $1) })
      }
      let top = try #require(values.map { abs($0) }.max())
      let unit = Float(sign: .plus, exponent: top.exponent - 6, significand: 1)
      image += values.map { value in
        let magnitude = UInt8(abs(value) / unit)
        return magnitude == 0 ? 0 : magnitude | (value < 0 ? 0x80 : 0)
      }
    }
    return image
  }

  @Test func theImageIsTheModelInSevenPlanes() throws {
    let checkpoint = try Checkpoint(opening: Self.digits)
    var scenario = LinkScenario()
    scenario.mtu = 256
    let outcome = try run(scenario, checkpoint)
    #expect(outcome.ending == .completed)
    #expect(outcome.image == (try expectedImage(checkpoint)))
    #expect(outcome.milestones == [0, 1, 2, 3, 4, 5, 6, 7, 65])
    print(outcome.seconds, outcome.milestones)
  }
}

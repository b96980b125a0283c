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

@testable import Runtime

/// One model on its way from the real sender to a device, in virtual time.
struct DeviceRun {
  static let digits = FilePath(#filePath).removingLastComponent().removingLastComponent()
    .appending("Fixtures/Digits/digits.pt")
  /// What is in the image before.
  static let untouched: UInt8 = 0xA5

  private(set) var ending: TransferOutcome?
  /// The time from the verdict to the end of the session.
  private(set) var closing: Interval?
  private(set) var milestones: [UInt8] = []
  /// What the sender was told to wait, in milliseconds.
  private(set) var work = 0
  private(set) var image: [UInt8] = []
  /// Bytes of the stream that the device had already, as the sender has made sure.
  private(set) var resumedByteCount = 0
  /// Whether the device had the model.
  private(set) var isUnchanged = false
  /// Bytes that the sender has sent.
  private(set) var byteCount = 0

  var failure: ReceiverFailure? {
    if case .receiverFailed(let failure) = ending { return failure }
    return nil
  }

  /// Into memory.
  init(
    _ checkpoint: Checkpoint, as model: Checkpoint? = nil, _ scenario: LinkScenario = .device,
    policy: SendPolicy = SendPolicy(), digestsAhead: Bool = true
  ) throws {
    let image = TestMemory(Self.untouched, count: Self.imageByteCount(model ?? checkpoint))
    let states = TestMemory(TensorState(), count: (model ?? checkpoint).tensors.count)
    try self.init(
      checkpoint, as: model, MemoryStore(image: image.lent, states: states.lent), scenario,
      policy: policy, digestsAhead: digestsAhead)
    self.image = image.array
  }

  /// Into any store.
  init<Store: WeightStore & ~Copyable>(
    _ checkpoint: Checkpoint, as model: Checkpoint? = nil, _ store: consuming Store,
    _ scenario: LinkScenario = .device, policy: SendPolicy = SendPolicy(),
    digestsAhead: Bool = true, noteInterval: Int = 1024, rejects: Bool = false,
    until limit: Int = .max, from base: FilePath? = nil,
    overhear: ((ArraySlice<UInt8>) -> Void)? = nil
  ) throws {
    let (there, back) = try scenario.lines()
    var resumed = 0
    let session = try SendSession(checkpoint, named: "model", policy, usesThread: false) {
      if case .goesOn(let byteCount) = $0 { resumed = byteCount }
    }
    if let base { session.library = BaseLibrary(path: base) }
    var simulation = Simulation(
      SendTransfer(link: scenario.link(.initiator), at: Instant(microseconds: 0)),
      DeviceModelEnd(
        CheckpointTable(model ?? checkpoint), store, mtu: scenario.mtu,
        baudRate: scenario.line.baudRate),
      aToB: there, bToA: back)
    simulation.b.digestsAhead = digestsAhead
    simulation.b.receiver.noteInterval = noteInterval
    simulation.b.rejects = rejects
    simulation.isHalfDuplex = scenario.isHalfDuplex
    var sentByteCount = 0
    simulation.observe = { isFromSender, bytes, _ in
      guard isFromSender else { return }
      sentByteCount += bytes.count
      overhear?(bytes)
    }
    var end: Instant?
    let isTimeUp = try simulation.run(until: 900_000_000_000) { sender, _, now in
      while try session.respond(&sender) {}
      if session.outcome != nil, end == nil { end = now }
      return !sender.isFinished && sentByteCount < limit
    }
    (resumedByteCount, byteCount) = (resumed, sentByteCount)
    isUnchanged = simulation.b.events.contains(.unchanged)
    closing = end.map { simulation.instant - $0 }
    #expect(!isTimeUp, "\(scenario)")
    ending = session.outcome
    for event in simulation.b.events {
      switch event {
      case .milestone(let tier, _): milestones.append(tier)
      case .working(let milliseconds): work += Int(milliseconds)
      default: break
      }
    }
  }

  static func imageByteCount(_ checkpoint: Checkpoint) -> Int {
    checkpoint.tensors.map(\.descriptor).reduce(0) { end, tensor in
      let isPlaned = DeviceImage.isPlaned(tensor)
      return (end + 3) & ~3 + (isPlaned ? tensor.shape.elementCount : tensor.byteCount)
    }
  }
}

extension LinkScenario {
  /// A clean line at 115200 baud to a device with little memory.
  static var device: LinkScenario {
    var scenario = LinkScenario()
    (scenario.mtu, scenario.window) = (256, 1)
    return scenario
  }
}

extension SendPolicy {
  /// Planes, so many.
  static func planes(limit: Int) -> SendPolicy {
    SendPolicy(.planes(ProgressivePolicy(planeLimit: limit)))
  }
}

import CDigitsSamples
import Checkpoints
import Device
import Digits
import Framing
import LineModel
import LinkLayer
import LinkSimulator
import Streaming
import Tensors
import Testing
import Transfer

@testable import Runtime

/// The application in the simulation; its processor computes a slice in some time.
private struct DigitsEnd<Store: WeightStore & ~Copyable>: ~Copyable, LineMachine {
  typealias Board = DigitsDevice<CheckpointTable, Store, TestSamples>
  private(set) var device: Board
  private(set) var events: [Board.Event] = []
  private var now: UInt32 = 0
  private var waiting: [UInt8] = []
  // A slice of a trial takes so long, in milliseconds; it is done when it has passed.
  private let sliceMilliseconds: UInt32
  private var freeAt: UInt32 = 0
  let baudRate: UInt32

  init(
    _ table: CheckpointTable, _ store: consuming Store, _ samples: TestSamples,
    _ memory: TestMemory<UInt32>, sliceMilliseconds: UInt32, baudRate: UInt32
  ) {
    let receiver = DeviceReceiver(
      table, store, frame: ByteStorage(byteCount: 256), outbox: ByteStorage(byteCount: 224),
      name: "test", nonce: 7)
    let scratch = unsafe UnsafeMutableRawBufferPointer(memory.buffer)
    device = Board(
      receiver, table, samples, unsafe DigitsMemory(scratch), initialCount: 20,
      milestoneCount: 10)
    self.sliceMilliseconds = sliceMilliseconds
    self.baudRate = baudRate
  }

  var transmitByteCountLimit: Int { DeviceLink.transmitByteCountLimit }

  var deadline: Instant? {
    let times = [device.deadline, device.isIdle ? nil : freeAt].compactMap { $0 }
    return times.min().map { Instant(microseconds: Int64($0) * 1000) }
  }

  mutating func receive(_ bytes: Span<UInt8>, at now: Instant) {
    for index in bytes.indices { waiting.append(bytes[index]) }
    expireTimers(at: now)
  }

  mutating func expireTimers(at now: Instant) {
    self.now = UInt32(now.microseconds / 1000)
    take()
    // A slice at a time: what it has to say goes out before the next one.
    if !device.isIdle, self.now >= freeAt {
      if let event = device.work(at: self.now) { events.append(event) }
      freeAt = self.now + sliceMilliseconds
      take()
    }
  }

  private mutating func take() {
    let bytes = waiting
    var position = 0
    device.receive(bytes.span, from: &position, at: now)
    waiting.removeFirst(position)
  }

  mutating func transmit(into output: inout OutputSpan<UInt8>, at now: Instant) -> Bool {
    device.transmit(into: &output, at: self.now)
  }
}

/// What the application tells the real sender, in virtual time.
struct DigitsDeviceTests {
  private typealias Event = DigitsDevice<CheckpointTable, MemoryStore, TestSamples>.Event

  private struct Outcome {
    var ending: TransferOutcome?
    var metrics: [Metric] = []
    var events: [Event] = []
    var seconds: Int64 = 0
  }

  private func send(
    _ model: Checkpoint, as table: Checkpoint? = nil, samples: Int = 40,
    sliceMilliseconds: UInt32 = 0, _ scenario: LinkScenario = .device
  ) throws -> Outcome {
    let table = table ?? model
    let image = TestMemory(0 as UInt8, count: DeviceRun.imageByteCount(table))
    let states = TestMemory(TensorState(), count: table.tensors.count)
    let memory = TestMemory(0 as UInt32, count: DigitsMemory.byteCount / 4 + 1)
    let (there, back) = try scenario.lines()
    var outcome = Outcome()
    let session = try SendSession(model, named: "model", SendPolicy(), usesThread: false) {
      if case .measured(let metric) = $0 { outcome.metrics.append(metric) }
    }
    var simulation = Simulation(
      SendTransfer(link: scenario.link(.initiator), at: Instant(microseconds: 0)),
      DigitsEnd(
        CheckpointTable(table), MemoryStore(image: image.lent, states: states.lent),
        TestSamples(count: samples), memory, sliceMilliseconds: sliceMilliseconds,
        baudRate: scenario.line.baudRate),
      aToB: there, bToA: back)
    let isTimeUp = try simulation.run(until: 900_000_000_000) { sender, _, _ in
      while try session.respond(&sender) {}
      return session.outcome == nil
    }
    #expect(!isTimeUp)
    outcome.ending = session.outcome
    outcome.events = simulation.b.events
    return outcome
  }

  private func check(_ outcome: Outcome) {
    #expect(outcome.ending == .completed)
    #expect(outcome.metrics.map { $0.tier.map { Milestone($0).name.description } } == Self.tiers)
    #expect(outcome.metrics.allSatisfy { String(decoding: $0.name, as: UTF8.self) == "accuracy" })
    #expect(outcome.metrics.allSatisfy { $0.digits == 2 })
    // 10 images at first, 40 in the end.
    let units = outcome.metrics.map { String(decoding: $0.unit, as: UTF8.self) }
    #expect(units == Self.tiers.map { "% of \($0 == "complete" ? 40 : 10) images" })
    #expect(outcome.metrics.first.map { $0.value < 5000 } == true)
    #expect(outcome.metrics.last?.value == 10_000)
  }

  private static let tiers = [
    "small", "int2", "int3", "int4", "int5", "int6", "int7", "int8", "complete",
  ]

  @Test func accuraciesAreToldAfterEachMilestoneAndBeforeTheEnd() throws {
    let outcome = try send(try Checkpoint(opening: DeviceRun.digits))
    check(outcome)
    guard case .tried(let result, tier: 65) = outcome.events.last else {
      Issue.record("no trial of the whole model")
      return
    }
    #expect(result.correct == 40 && result.count == 40)
    #expect(outcome.events.contains(.completed))
  }

  /// An image takes two seconds: the sender has to be kept waiting for twenty.
  @Test func aSlowProcessorKeepsTheSenderWaiting() throws {
    check(try send(try Checkpoint(opening: DeviceRun.digits), sliceMilliseconds: 11))
  }

  @Test func onABadLineTheSame() throws {
    var scenario = LinkScenario.device
    scenario.line.bitErrorRate = 1e-4
    scenario.line.dropRate = 1e-4
    check(try send(try Checkpoint(opening: DeviceRun.digits), sliceMilliseconds: 1, scenario))
  }

  @Test func withoutImagesNothingIsTried() throws {
    let outcome = try send(try SmallModel(.f32).checkpoint, samples: 0)
    #expect(outcome.ending == .completed)
    #expect(outcome.metrics.isEmpty)
  }

  @Test func anotherModelIsRefused() throws {
    let outcome = try send(
      try SmallModel(.f32).checkpoint, as: try Checkpoint(opening: DeviceRun.digits))
    #expect(outcome.events.contains(.failed(2)))
    #expect(!outcome.events.contains(.began))
  }

  @Test func theTableIsThatOfTheSampleModel() throws {
    let table = CheckpointTable(try Checkpoint(opening: DeviceRun.digits))
    let digits = DigitsTable()
    #expect((0..<digits.byteCount).map { digits.byte(at: $0) } == table.bytes)
  }
}

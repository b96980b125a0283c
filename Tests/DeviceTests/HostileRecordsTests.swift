import Checkpoints
import Device
import Framing
import LineModel
import LinkLayer
import LinkSimulator
import Tensors
import Testing
import Transfer

@testable import Runtime

/// A device that is told nonsense, over a link that is sound: it says so, and keeps nothing of it.
struct HostileRecordsTests {
  private let checkpoint: Checkpoint
  /// What a sender says in a whole transfer.
  private let stream: [UInt8]

  init() throws {
    checkpoint = try SmallModel(.f32).checkpoint
    stream = try Self.record(checkpoint)
  }

  /// The payloads of all frames that a sender sends over a clean line.
  static func record(_ checkpoint: Checkpoint) throws -> [UInt8] {
    var stream: [UInt8] = []
    var decoder = FrameDecoder(storage: ByteStorage(byteCount: 1024))
    let image = TestMemory(0 as UInt8, count: DeviceRun.imageByteCount(checkpoint))
    let states = TestMemory(TensorState(), count: checkpoint.tensors.count)
    let store = MemoryStore(image: image.lent, states: states.lent)
    _ = try DeviceRun(checkpoint, store) { bytes in
      let bytes = Array(bytes)
      var position = 0
      while case .frame(let byteCount)? = decoder.decode(bytes.span, from: &position) {
        guard decoder.header?.kind == .data else { continue }
        decoder.withPayload(byteCount: byteCount) { payload in
          for index in payload.indices { stream.append(payload[index]) }
        }
      }
    }
    return stream
  }

  /// What a device makes of a stream: its events and its image.
  private func tell(
    _ stream: [UInt8]
  ) throws -> (events: [DeviceReceiver<CheckpointTable, MemoryStore>.Event], image: [UInt8]) {
    let image = TestMemory(0 as UInt8, count: DeviceRun.imageByteCount(checkpoint))
    let states = TestMemory(TensorState(), count: checkpoint.tensors.count)
    let scenario = LinkScenario.device
    let (there, back) = try scenario.lines()
    var host = scenario.link(.initiator)
    host.open(at: Instant(microseconds: 0))
    let device = DeviceModelEnd(
      CheckpointTable(checkpoint), MemoryStore(image: image.lent, states: states.lent),
      mtu: scenario.mtu, baudRate: scenario.line.baudRate)
    var simulation = Simulation(host, device, aToB: there, bToA: back)
    var sent = 0
    _ = simulation.run(until: 20_000_000_000) { host, device, _ in
      while host.nextEvent() != nil {}
      if host.isEstablished, sent < stream.count {
        sent += host.write(stream.span.extracting(sent..<stream.count))
        if sent == stream.count { host.flush() }
      }
      return !(sent == stream.count && host.isDrained)
    }
    return (simulation.b.events, image.array)
  }

  @Test func whatASenderSaysIsTaken() throws {
    let (events, image) = try tell(stream)
    #expect(events.last == .completed)
    #expect(image == (try DeviceImage(checkpoint).bytes))
  }

  @Test(arguments: 0..<400 as Range<UInt64>) func nonsenseIsNotTaken(seed: UInt64) throws {
    var generator = SeededGenerator(seed: 90_000 + seed)
    var told = stream
    for _ in 0..<Int.random(in: 1...3, using: &generator) {
      let place = Int.random(in: 0..<told.count, using: &generator)
      switch Int.random(in: 0..<5, using: &generator) {
      case 0: told[place] = UInt8.random(in: 0...255, using: &generator)
      case 1: told[place] ^= 1 << UInt8.random(in: 0...7, using: &generator)
      case 2: told.remove(at: place)
      case 3: told.insert(told[Int.random(in: 0..<told.count, using: &generator)], at: place)
      default: told.removeSubrange(place..<min(place + 40, told.count))
      }
    }
    let (events, image) = try tell(told)
    if events.contains(.completed) {
      // A name that nobody compares, or a size that is only an estimate.
      #expect(image == (try DeviceImage(checkpoint).bytes))
    } else {
      #expect(told != stream)
    }
  }
}

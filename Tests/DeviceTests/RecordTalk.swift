import Checkpoints
import Device
import LineModel
import LinkLayer
import LinkSimulator

@testable import Runtime
@testable import Streaming

/// A conversation with a device, record by record, over a clean line.
struct RecordTalk {
  struct Answer: Equatable {
    let kind: UInt8
    let body: [UInt8]
  }

  /// What the device has said.
  private(set) var answers: [Answer] = []
  /// With `isRaw` all that it has said behind its fifth record, which need not be whole records.
  private(set) var bytes: [UInt8] = []
  private(set) var isUnchanged = false
  private(set) var isStored = false
  private(set) var isSwitched = false

  /// Says what `next` has to say to the answers so far, until that is nil or the device closes.
  init<Store: WeightStore & ~Copyable>(
    _ table: Checkpoint, _ store: consuming Store, confirms: Bool = true, isRaw: Bool = false,
    _ next: ([Answer]) -> [UInt8]?
  ) throws {
    let scenario = LinkScenario.device
    let (there, back) = try scenario.lines()
    var host = scenario.link(.initiator)
    host.open(at: Instant(microseconds: 0))
    var device = DeviceModelEnd(
      CheckpointTable(table), store, mtu: scenario.mtu, baudRate: scenario.line.baudRate)
    device.confirms = confirms
    var simulation = Simulation(host, device, aToB: there, bToA: back)
    var (heard, waiting): ([UInt8], [UInt8]) = ([], [])
    var (answers, raw): ([Answer], [UInt8]) = ([], [])
    _ = simulation.run(until: 60_000_000_000) { host, device, _ in
      var isOver = false
      while let event = host.nextEvent() { if case .closed = event { isOver = true } }
      let said = [UInt8](capacity: host.readableByteCount) { _ = host.read(into: &$0) }
      if answers.count >= 5 { raw += said }
      if !isRaw || answers.count < 5 { heard += said }
      while let answer = Self.parse(&heard) {
        answers.append(answer)
        guard let words = next(answers) else { return false }
        waiting += words
      }
      if host.isEstablished, !waiting.isEmpty {
        waiting.removeFirst(host.write(waiting.span))
        if waiting.isEmpty { host.flush() }
      }
      return !isOver
    }
    (self.answers, bytes) = (answers, raw)
    isUnchanged = simulation.b.events.contains(.unchanged)
    isStored = simulation.b.events.contains(.stored)
    isSwitched = simulation.b.events.contains(.switched)
  }

  /// Takes a record off the beginning, if it is there.
  private static func parse(_ bytes: inout [UInt8]) -> Answer? {
    var (length, shift, place) = (0, 0, 1)
    repeat {
      guard place < bytes.count else { return nil }
      length |= Int(bytes[place] & 0x7F) << shift
      shift += 7
      place += 1
    } while bytes[place - 1] & 0x80 != 0
    guard place + length <= bytes.count else { return nil }
    defer { bytes.removeFirst(place + length) }
    return Answer(kind: bytes[0], body: Array(bytes[place..<place + length]))
  }

  /// A record.
  static func record(_ kind: UInt8, _ body: [UInt8] = []) -> [UInt8] {
    var bytes = [kind]
    Varint.append(body.count, to: &bytes)
    return bytes + body
  }
}

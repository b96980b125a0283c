import LineModel
import SerialDriver
import SystemPackage
import Testing

@testable import Runtime

/// Two ports and a lane between them, whose clock is in the test's hand.
private struct Bench: ~Copyable {
  let clients: LoopbackClients
  let source: PseudoTerminal
  let sender: OwnedDescriptor
  var port: LoopbackPort
  var lane: LoopbackLane

  init(_ change: (inout LineConfiguration) -> Void = { _ in }) throws {
    var configuration = LineConfiguration()
    change(&configuration)
    let clients = try LoopbackClients()
    let source = try PseudoTerminal()
    let sender = try openTerminal(source.path)
    let port = try LoopbackPort(link: nil, baudRate: 115_200, watchedBy: clients)
    lane = try LoopbackLane(configuration, seed: 0)
    self.clients = clients
    self.source = source
    self.sender = sender
    self.port = port
  }

  /// Opens the far port and lets the bench hear of it.
  mutating func attend() throws -> OwnedDescriptor {
    let client = try openTerminal(port.path)
    #expect(try hearClients())
    return client
  }

  /// Hears of clients, and tells whether the far port has one.
  mutating func hearClients() throws -> Bool {
    while let (_, event) = try clients.next() { try port.handle(event) }
    try port.settle(port.recount())
    return port.isAttended
  }

  mutating func step(at now: UInt64) throws {
    _ = try lane.pull(from: source.master, at: now)
    try lane.push(to: port, at: now)
  }
}

@Suite(.timeLimit(.minutes(1))) struct LoopbackLaneTests {
  @Test func bytesAreHandedOverOnTheLinesSchedule() throws {
    var bench = try Bench()
    let receiver = try bench.attend()
    try bench.sender.writeAll([UInt8](repeating: 5, count: 2000))
    try bench.step(at: 0)
    var count: UInt64 = 0
    var now: UInt64 = 0
    while let deadline = bench.lane.deadline {
      now = max(now, deadline)
      try bench.step(at: now)
      let due = (now + 1) * 11_520 / 1_000_000_000  // a byte ends within the nanosecond
      let part = try receiver.read(exactly: Int(due - count))
      count += UInt64(part.count)
      #expect(count == due)
    }
    #expect(count == 2000)
    #expect(now == 2000 * 10_000_000_000 / 115_200)
  }

  @Test func theWaysOfAFastLineAreGathered() throws {
    var bench = try Bench { $0.baudRate = 3_000_000 }
    let receiver = try bench.attend()
    try bench.sender.writeAll([UInt8](repeating: 5, count: 3000))
    try bench.step(at: 0)
    var stepCount = 0
    while let deadline = bench.lane.deadline {
      try bench.step(at: deadline)
      stepCount += 1
    }
    // 10 ms of line, at most two wakes a millisecond and a few at the edges.
    #expect(stepCount <= 24)
    #expect(bench.lane.statistics.line.bytesReceived == 3000)
    #expect(try receiver.read(exactly: 3000).count == 3000)
  }

  @Test func theSendersTerminalPushesBack() throws {
    var bench = try Bench()
    _ = try bench.attend()
    try bench.sender.writeAll([UInt8](repeating: 5, count: 4096))
    try bench.sender.writeAll([UInt8](repeating: 6, count: 100))
    while bench.lane.wantsBytes { try bench.step(at: 0) }
    #expect(bench.lane.statistics.line.bytesSent <= 4096)
    let refill = try #require(bench.lane.deadline)
    #expect(refill < 4096 * 10_000_000_000 / 115_200)
  }

  @Test func bytesArriveWhereNobodyIs() throws {
    var bench = try Bench { $0.baudRate = 0 }
    try bench.sender.writeAll([1, 2, 3])
    try bench.step(at: 0)
    #expect(bench.lane.statistics.bytesUnattended == 3)
    let receiver = try bench.attend()
    try bench.sender.writeAll([4])
    try bench.step(at: 0)
    #expect(try receiver.read(exactly: 1) == [4])
    #expect(bench.lane.deadline == nil)
  }

  @Test func whatAClientLeavesUnreadIsNotForTheNextOne() throws {
    var bench = try Bench { $0.baudRate = 0 }
    let first = try bench.attend()
    try bench.sender.writeAll([1, 2, 3])
    try bench.step(at: 0)
    #expect(try first.read(exactly: 1) == [1])
    first.close()
    #expect(try !bench.hearClients())
    let second = try bench.attend()
    try bench.sender.writeAll([4])
    try bench.step(at: 0)
    #expect(try second.read(exactly: 1) == [4])
  }

  @Test func twoClientsOfOnePortCountTwice() throws {
    var bench = try Bench()
    let first = try bench.attend()
    let second = try bench.attend()
    first.close()
    #expect(try bench.hearClients())
    second.close()
    #expect(try !bench.hearClients())
  }

  @Test func aFIFOThatNobodyReadsOverruns() throws {
    var bench = try Bench { $0.receiver = .overruns(byteCount: 16) }
    let receiver = try bench.attend()
    try bench.sender.writeAll(Array(0..<100))
    try bench.step(at: 0)
    try bench.step(at: 500_000)
    // The kernel shows bytes as unread only when it has moved them to the slave.
    var poller = Poller()
    poller.watch(receiver.rawValue, for: .readable)
    try poller.wait(nanoseconds: 10_000_000_000)
    for step in 6...200 as ClosedRange<UInt64> { try bench.step(at: step * 100_000) }
    let statistics = bench.lane.statistics.line
    #expect(statistics.bytesOverrun > 0)
    #expect(statistics.bytesReceived + statistics.bytesOverrun + 16 == 100)
    #expect(statistics.bytesReceived <= 16)
    // What is in the FIFO comes when the client reads, without any new byte.
    #expect(bench.lane.deadline != nil)
    let first = try receiver.read(exactly: Int(statistics.bytesReceived))
    #expect(first == Array(0..<UInt8(statistics.bytesReceived)))
    try bench.step(at: 30_000_000)
    #expect(try receiver.read(exactly: 16).count == 16)
    #expect(bench.lane.deadline == nil)
  }

  @Test func aSlowReaderHoldsTheLineBack() throws {
    var bench = try Bench { $0.baudRate = 0 }
    let receiver = try bench.attend()
    let bytes = (0..<400_000).map { UInt8(truncatingIfNeeded: $0 ^ $0 >> 8) }
    var sent = 0
    var received: [UInt8] = []
    while received.count < bytes.count {
      sent += try bench.sender.write(bytes.span.extracting(sent...))
      try bench.step(at: 0)
      received += try receiver.readNow(limit: 1000)
    }
    #expect(received == bytes)
  }
}

import CSerial
import LineModel
import SerialDriver
import SystemPackage
import Testing

@testable import Runtime

/// Two ports that clients have open and the lane from A to B, whose clock is in the test's hand.
private struct Bench: ~Copyable {
  let clients: LoopbackClients
  var portA: LoopbackPort
  var portB: LoopbackPort
  var lane: LoopbackLane
  let a: OwnedDescriptor
  let b: OwnedDescriptor

  init() throws {
    var configuration = LineConfiguration()
    configuration.baudRateLimit = 4_000_000
    let clients = try LoopbackClients()
    let portA = try LoopbackPort(link: nil, baudRate: 115_200, watchedBy: clients)
    let portB = try LoopbackPort(link: nil, baudRate: 115_200, watchedBy: clients)
    let a = try openTerminal(portA.path)
    let b = try openTerminal(portB.path)
    lane = try LoopbackLane(configuration, seed: 0)
    self.clients = clients
    self.portA = portA
    self.portB = portB
    self.a = a
    self.b = b
  }

  /// Lets the ports hear that they have been opened.
  mutating func hearClients() throws {
    while let (watch, event) = try clients.next() {
      if watch == portA.watch { try portA.handle(event) } else { try portB.handle(event) }
    }
  }

  mutating func step(at now: UInt64) throws {
    try hearClients()
    try follow(at: now)
    _ = try lane.pull(from: portA.terminal.master, at: now)
    try follow(at: now)
    try lane.push(to: portB, at: now)
  }

  /// Steps from deadline to deadline, those from `end` on left out; returns the last time.
  mutating func run(from start: UInt64 = 0, until end: UInt64 = .max) throws -> UInt64 {
    var now = start
    while let deadline = lane.deadline, deadline < end {
      now = max(now, deadline)
      try step(at: now)
    }
    return now
  }

  private mutating func follow(at now: UInt64) throws {
    try portA.updateRate()
    try portB.updateRate()
    lane.follow(sender: portA.baudRate, receiver: portB.baudRate, at: now)
  }
}

@Suite(.timeLimit(.minutes(1))) struct LoopbackRateTests {
  private let bytes = (0..<500).map { UInt8(truncatingIfNeeded: $0 &* 31 ^ ($0 >> 8)) }

  @Test(arguments: [9600, 115_200, 250_001, 3_000_000] as [UInt32])
  func endsOfOneRateUnderstandEachOther(baudRate: UInt32) throws {
    var bench = try Bench()
    bench.a.setBaudRate(baudRate)
    bench.b.setBaudRate(baudRate)
    try bench.a.writeAll(bytes)
    try bench.step(at: 0)
    #expect(try bench.run() == 500 * 10_000_000_000 / UInt64(baudRate))
    #expect(try bench.b.read(exactly: 500) == bytes)
    #expect(bench.lane.statistics.line.bytesMisread == 0)
  }

  @Test(arguments: [(9600, 115_200, 1500), (115_200, 9600, 42)] as [(UInt32, UInt32, Int)])
  func endsOfDifferentRatesDoNot(a: UInt32, b: UInt32, count: Int) throws {
    var bench = try Bench()
    bench.a.setBaudRate(a)
    bench.b.setBaudRate(b)
    try bench.a.writeAll(bytes)
    try bench.step(at: 0)
    #expect(try bench.run() == 500 * 10_000_000_000 / UInt64(a))
    #expect(try bench.b.read(exactly: count).count == count)
    #expect(bench.lane.statistics.line.bytesMisread == 500)
  }

  @Test func whatWasWrittenBeforeAChangeGoesAtTheOldRate() throws {
    var bench = try Bench()
    bench.a.setBaudRate(9600)
    bench.b.setBaudRate(9600)
    try bench.a.writeAll(bytes)
    try bench.step(at: 0)
    bench.a.setBaudRate(115_200)
    try bench.a.writeAll(bytes)
    let change: UInt64 = 500 * 10_000_000_000 / 9600
    _ = try bench.run(until: change)
    bench.b.setBaudRate(115_200)
    try bench.step(at: change)
    #expect(try bench.b.read(exactly: 500) == bytes)
    #expect(try bench.run(from: change) == change + 500 * 10_000_000_000 / 115_200)
    #expect(try bench.b.read(exactly: 500) == bytes)
    #expect(bench.lane.statistics.line.bytesMisread == 0)
  }

  @Test func aReceiverThatChangesMisreadsFromThenOn() throws {
    var bench = try Bench()
    try bench.a.writeAll(bytes)
    try bench.step(at: 0)
    let change: UInt64 = 100 * 10_000_000_000 / 115_200
    try bench.step(at: change)
    bench.b.setBaudRate(57_600)
    _ = try bench.run(from: change)
    // The change is noticed at the next step, a millisecond later at most.
    #expect(388...400 ~= bench.lane.statistics.line.bytesMisread)
    #expect(try bench.b.read(exactly: 100) == Array(bytes[..<100]))
  }

  @Test func aRateThatIsTakenBackNeedNotWait() throws {
    var bench = try Bench()
    try bench.a.writeAll(bytes)
    try bench.step(at: 0)
    bench.a.setBaudRate(9600)
    try bench.step(at: 1_000_000)
    #expect(!bench.lane.wantsBytes)
    bench.a.setBaudRate(115_200)
    try bench.step(at: 2_000_000)
    #expect(bench.lane.wantsBytes)
  }

  @Test func theWordToHangUpIsNoRate() throws {
    var bench = try Bench()
    bench.a.setBaudRate(9600)
    try bench.portA.updateRate()
    var termios = bench.a.termios
    termios.control_flags &= ~0o10017  // CBAUD: B0
    #expect(unsafe cserial_set_termios(bench.a.rawValue, &termios) == 0)
    #expect(try bench.portA.terminal.baudRate == 0)
    try bench.portA.updateRate()
    #expect(bench.portA.baudRate == 9600)
  }

  @Test func aPortThatNobodyHasOpenIsBackAtItsOwnRate() throws {
    let clients = try LoopbackClients()
    var port = try LoopbackPort(link: nil, baudRate: 57_600, watchedBy: clients)
    let client = try openTerminal(port.path)
    client.setBaudRate(9600)
    try port.updateRate()
    #expect(port.baudRate == 9600)
    client.close()
    while let (_, event) = try clients.next() { try port.handle(event) }
    try port.settle(port.recount())
    try port.updateRate()
    #expect(port.baudRate == 57_600)
  }

  @Test func aPortThatIsOpenedAgainAtOnceKeepsTheRateThatItIsSetTo() throws {
    let clients = try LoopbackClients()
    var port = try LoopbackPort(link: nil, baudRate: 57_600, watchedBy: clients)
    let first = try openTerminal(port.path)
    first.setBaudRate(9600)
    first.close()
    let second = try openTerminal(port.path)
    second.setBaudRate(9600)
    // The loop hears of all of that later.
    while let (_, event) = try clients.next() { try port.handle(event) }
    // A count would miss a client that does not have its descriptor yet.
    #expect(port.needsCount == false)
    try port.updateRate()
    #expect(port.baudRate == 9600)
    #expect(port.isAttended == true)
    second.close()
  }

  @Test func aPortThatIsOpenedWhileItsClientsAreCountedKeepsItsRate() throws {
    let clients = try LoopbackClients()
    var port = try LoopbackPort(link: nil, baudRate: 57_600, watchedBy: clients)
    try openTerminal(port.path).close()
    while let (_, event) = try clients.next() { try port.handle(event) }
    let count = port.recount()
    #expect(count == 0)
    let client = try openTerminal(port.path)
    client.setBaudRate(9600)
    // As the loop does: it listens again before it settles, and counts again only where it has to.
    while let (_, event) = try clients.next() { try port.handle(event) }
    #expect(port.needsCount == false)
    #expect(port.isAttended == true)
    try port.updateRate()
    #expect(port.baudRate == 9600)
    client.close()
  }

  @Test func lanesThatPullTogetherCollide() throws {
    var bench = try Bench()
    var back = try LoopbackLane(LineConfiguration(), seed: 1)
    try bench.a.writeAll(bytes)
    try bench.b.writeAll(Array(bytes[..<100]))
    _ = try bench.lane.pull(from: bench.portA.terminal.master, at: 0)
    _ = try back.pull(from: bench.portB.terminal.master, at: 0)
    bench.lane.collide(with: &back, at: 0)
    try bench.hearClients()
    try back.push(to: bench.portA, at: 1_000_000_000)
    try bench.lane.push(to: bench.portB, at: 1_000_000_000)
    #expect(back.statistics.line.bytesGarbled == 100)
    #expect(bench.lane.statistics.line.bytesGarbled == 100)
    #expect(try bench.b.read(exactly: 500).suffix(400) == bytes[100...])
  }
}

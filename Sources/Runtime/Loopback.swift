import Glibc
import LineModel
import SerialDriver
package import SystemPackage

/// Two pseudo-terminals joined by a modelled line in real time: a cable without hardware.
///
/// Clients open either port as they like, close it, or are killed; the next one finds a raw terminal
/// without a lock. Bytes that arrive where no client has the port open are lost, as at a connector
/// with nothing behind it.
///
/// A rate that a client sets is looked at only where the line follows it. A pty does not tell of a
/// change, so the rates are looked up whenever the loop wakes, which every write makes it do. Bytes
/// taken before go at the old rate, ahead of any at the new one. Bytes that are still in the terminal
/// then go at the new rate: those that a client wrote in the instant before it changed the rate, for
/// tcdrain(3) does not wait on a pty, or that found the line's buffer full.
///
/// The machines of the line know when each byte arrives; this loop sleeps until the earliest of these
/// times or until a descriptor is ready, whichever comes first.
package struct Loopback: ~Copyable {
  private let clients: LoopbackClients
  private var a: LoopbackPort
  private var b: LoopbackPort
  private var forward: LoopbackLane
  private var backward: LoopbackLane
  private var cut: LoopbackConfiguration.Cut?
  private let isHalfDuplex: Bool
  private let followsTermios: Bool
  private let highestBaudRate: UInt32
  private let start = MonotonicClock.nanoseconds

  /// Makes the terminals and their names.
  package init(_ configuration: LoopbackConfiguration) throws(LoopbackError) {
    if let name = configuration.linkA?.lexicallyNormalized(),
      name == configuration.linkB?.lexicallyNormalized()
    {
      throw .sameName(name)
    }
    var seeds = SeededGenerator(seed: configuration.seed)
    let forward = try LoopbackLane(configuration.line, seed: configuration.seed)
    let backward = try LoopbackLane(configuration.line, seed: seeds.next())
    let clients = try LoopbackClients()
    let rate = configuration.line.baudRate > 0 ? configuration.line.baudRate : 115_200
    let a = try LoopbackPort(link: configuration.linkA, baudRate: rate, watchedBy: clients)
    let b = try LoopbackPort(link: configuration.linkB, baudRate: rate, watchedBy: clients)
    self.clients = clients
    self.a = a
    self.b = b
    self.forward = forward
    self.backward = backward
    cut = configuration.cut
    isHalfDuplex = configuration.isHalfDuplex
    followsTermios = configuration.followsTermios
    highestBaudRate = configuration.highestBaudRate
  }

  /// The names that clients open, links where there are any.
  package var pathA: FilePath { a.path }
  package var pathB: FilePath { b.path }
  /// The terminals themselves.
  package var terminalA: FilePath { a.terminal.path }
  package var terminalB: FilePath { b.terminal.path }

  /// What went from the first port to the second, and back.
  package var statisticsAToB: LoopbackStatistics { forward.statistics }
  package var statisticsBToA: LoopbackStatistics { backward.statistics }

  /// Carries bytes until the descriptor `stop` becomes readable.
  package mutating func run(until stop: CInt) throws(LoopbackError) {
    var poller = Poller()
    poller.watch(stop, for: .readable)
    poller.watch(clients.descriptor, for: .readable)
    while true {
      watchTerminals(&poller)
      do throws(Errno) {
        try poller.wait(nanoseconds: timeLeft)
      } catch {
        throw .system(.wait, nil, error)
      }
      try pull()
      // Whoever opened a port before those bytes were written is heard of by now.
      try hearClients()
      try push()
      // Only now, so that what clients wrote before the stop is counted.
      if poller.isReadable(stop) { return }
    }
  }

  private func watchTerminals(_ poller: inout Poller) {
    poller.watch(
      a.terminal.master.rawValue, for: Self.interest(from: forward, to: backward))
    poller.watch(
      b.terminal.master.rawValue, for: Self.interest(from: backward, to: forward))
  }

  /// What a terminal is watched for, whose bytes leave by `outgoing` and come by `incoming`.
  private static func interest(
    from outgoing: LoopbackLane, to incoming: LoopbackLane
  ) -> Poller.Interest {
    var interest: Poller.Interest = []
    if outgoing.wantsBytes { interest.insert(.readable) }
    if incoming.isBlocked { interest.insert(.writable) }
    return interest
  }

  private var timeLeft: UInt64? {
    let deadlines = [forward.deadline, backward.deadline].compactMap { $0 }
    guard let deadline = deadlines.min() else { return nil }
    let now = MonotonicClock.nanoseconds - start
    return deadline > now ? deadline - now : 0
  }

  private mutating func hearClients() throws(LoopbackError) {
    _ = try takeEvents()
    while a.needsCount || b.needsCount {
      let countA = a.recount()
      let countB = b.recount()
      if try takeEvents() { continue }
      try a.settle(countA)
      try b.settle(countB)
    }
  }

  /// Tells the ports what has happened, and the caller whether anything has.
  private mutating func takeEvents() throws(LoopbackError) -> Bool {
    var hasEvents = false
    while let (watch, event) = try clients.next() {
      if watch == a.watch || event == .overflow { try a.handle(event) }
      if watch == b.watch || event == .overflow { try b.handle(event) }
      hasEvents = true
    }
    return hasEvents
  }

  private mutating func pull() throws(LoopbackError) {
    let now = MonotonicClock.nanoseconds - start
    try followRates(at: now)
    do throws(Errno) {
      let hasForward = try forward.pull(from: a.terminal.master, at: now)
      let hasBackward = try backward.pull(from: b.terminal.master, at: now)
      if isHalfDuplex { forward.collide(with: &backward, at: now) }
      if hasForward || hasBackward { scheduleCut(from: now) }
    } catch {
      throw .system(.read, nil, error)
    }
  }

  private mutating func push() throws(LoopbackError) {
    let now = MonotonicClock.nanoseconds - start
    try followRates(at: now)
    do throws(Errno) {
      try forward.push(to: b, at: now)
      try backward.push(to: a, at: now)
    } catch {
      throw .system(.write, nil, error)
    }
  }

  private mutating func followRates(at now: UInt64) throws(LoopbackError) {
    guard followsTermios else { return }
    try a.updateRate()
    try b.updateRate()
    // Bytes that are too fast are read as if they were slower, which garbles them.
    let readA = min(a.baudRate, highestBaudRate)
    let readB = min(b.baudRate, highestBaudRate)
    forward.follow(sender: a.baudRate, receiver: readB, at: now)
    backward.follow(sender: b.baudRate, receiver: readA, at: now)
  }

  /// The first byte of all starts the time to the cut.
  private mutating func scheduleCut(from now: UInt64) {
    guard let cut else { return }
    self.cut = nil
    let start = now + cut.afterNanoseconds
    forward.cut(during: start..<start + cut.forNanoseconds)
    backward.cut(during: start..<start + cut.forNanoseconds)
  }
}

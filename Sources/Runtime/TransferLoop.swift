internal import LinkLayer
internal import Logging
internal import SerialDriver
internal import SystemPackage
package import Transfer

/// Drives one end of a transfer over a port: the only place where the clock, the descriptor and the
/// machine meet.
package struct TransferLoop: ~Copyable {
  /// Why a loop ended before the transfer did.
  package enum Interruption: Error, Equatable, Sendable {
    case signal(EndSignal)
  }

  // Bytes read at a time, and bytes of frames kept ready for a full port.
  private static let portionByteCount = 1 << 14
  // How often the observer is called at least, in nanoseconds.
  private static let tick: UInt64 = 100_000_000
  // How long a last word may take to leave: a close discards what is in the port's queue.
  private static let farewellLimit = Interval.seconds(2)

  private var port: FollowedPort
  // What the machine wants the line to run at, as last heard.
  private var baudRate: UInt32
  private let signals: SignalWatcher
  private var poller = Poller()
  private let watch = LinkWatch()
  private var waiting: [UInt8] = []
  // 0 <= written <= waiting.count
  private var written = 0

  package init(port: consuming FollowedPort, signals: consuming SignalWatcher) {
    baudRate = port.baudRate
    self.port = port
    self.signals = signals
    poller.watch(self.signals.descriptor, for: .readable)
  }

  /// Runs until the machine is finished and its last frame has left.
  ///
  /// `respond` answers events and feeds content, after every input, and again at once while it returns
  /// true; `observe` is called ten times a second at least, to show progress.
  ///
  /// - Throws: what `respond` throws, what the port throws, or `Interruption` after a signal, when the
  ///   machine has been aborted and the peer told.
  package mutating func run<M: TransferMachine & ~Copyable>(
    _ machine: inout M, _ respond: (inout M) throws -> Bool, observe: (borrowing M) -> Void
  ) throws {
    while !machine.isFinished {
      let isBusy = try respond(&machine)
      try followRate(of: machine)
      try transmit(&machine)
      observe(machine)
      watch.note(machine.statistics)
      if machine.isFinished { break }
      try wait(for: isBusy ? MonotonicClock.now : machine.deadline)
      if let signal = try signals.next() {
        machine.abort()
        try? farewell(&machine)
        throw Interruption.signal(signal)
      }
      try receive(into: &machine)
      try port.follow(poller)
      let now = MonotonicClock.now
      if let deadline = machine.deadline, deadline <= now { machine.expireTimers(at: now) }
    }
    try farewell(&machine)
  }

  /// Whether the server of the port speaks Telnet where bytes are to go as they are: then nothing makes sense to
  /// either end.
  package var soundsLikeTelnet: Bool { port.soundsLikeTelnet }

  /// Does nothing for a while, between two machines.
  ///
  /// - Throws: `Interruption` after a signal.
  package mutating func pause(milliseconds: Int) throws {
    let end = MonotonicClock.now + .milliseconds(Int64(milliseconds))
    port.watch(in: &poller, for: [])
    while MonotonicClock.now < end {
      let left = max((end - MonotonicClock.now).microseconds, 0)
      try poller.wait(nanoseconds: min(Self.tick, UInt64(left) * 1000))
      if let signal = try signals.next() { throw Interruption.signal(signal) }
    }
  }

  /// Aborts, for an error that is none of the line's, and lets the peer know.
  package mutating func abort<M: TransferMachine & ~Copyable>(_ machine: inout M) {
    machine.abort()
    try? farewell(&machine)
  }

  // MARK: - Steps

  /// Runs the port at the rate that the machine wants; what it handed out before has left by then.
  private mutating func followRate<M: TransferMachine & ~Copyable>(
    of machine: borrowing M
  ) throws {
    guard machine.baudRate != baudRate else { return }
    baudRate = machine.baudRate
    LineLog.link.debug("changing the rate to \(baudRate) baud")
    try port.setRate(baudRate)
  }

  private mutating func wait(for deadline: Instant?) throws {
    port.watch(in: &poller, for: port.interest(hasOutput: !waiting.isEmpty))
    var nanoseconds = port.hasInput ? 0 : Self.tick
    if let deadline {
      let left = max((deadline - MonotonicClock.now).microseconds, 0)
      nanoseconds = min(nanoseconds, UInt64(left) * 1000)
    }
    try poller.wait(nanoseconds: nanoseconds)
  }

  private mutating func receive<M: TransferMachine & ~Copyable>(into machine: inout M) throws {
    guard port.isReadable(in: poller) else { return }
    let bytes = try [UInt8](capacity: Self.portionByteCount) { output in
      _ = try port.read(into: &output)
    }
    watch.noteReceived(bytes.span)
    machine.receive(bytes.span, at: MonotonicClock.now)
  }

  private mutating func transmit<M: TransferMachine & ~Copyable>(_ machine: inout M) throws {
    repeat {
      try flush()
      // Frames wait in the machine, where an answer can still overtake them.
      guard waiting.isEmpty else { return }
      append(frameOf: &machine)
    } while !waiting.isEmpty
  }

  private mutating func append<M: TransferMachine & ~Copyable>(frameOf machine: inout M) {
    waiting = [UInt8](capacity: machine.transmitByteCountLimit) { output in
      _ = machine.transmit(into: &output, at: MonotonicClock.now)
    }
    watch.noteSent(waiting.span)
  }

  private mutating func flush() throws {
    try port.flush()
    // The compiler takes a span of `self` for an access to all of it.
    let bytes = waiting
    while written < bytes.count {
      let count = try port.write(bytes.span.extracting(written..<bytes.count))
      if count == 0 { return }
      written += count
    }
    waiting = []
    written = 0
  }

  /// Lets what is ready leave the machine and the port, within a limit.
  private mutating func farewell<M: TransferMachine & ~Copyable>(_ machine: inout M) throws {
    let end = MonotonicClock.now + Self.farewellLimit
    while MonotonicClock.now < end {
      try transmit(&machine)
      let queued = try port.outputQueueByteCount()
      if waiting.isEmpty, queued == 0 { return }
      port.watch(in: &poller, for: waiting.isEmpty ? [] : .writable)
      try poller.wait(nanoseconds: 2_000_000)
    }
  }
}

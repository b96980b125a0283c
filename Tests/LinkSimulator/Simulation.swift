package import LineModel
package import LinkLayer

/// Two machines, the line between them, and virtual time.
///
/// Time jumps from one wake-up to the next: an arrival, a deadline, or room in a transmit buffer. The
/// same machines, lines and seeds give the same run, to the microsecond.
package struct Simulation<A: LineMachine & ~Copyable, B: LineMachine & ~Copyable>: ~Copyable {
  // As the loopback in real time does: a machine shall not be woken for every byte.
  private static var gatherNanoseconds: UInt64 { 1_000_000 }

  package var a: A
  package var b: B
  package var aToB: LineDirection
  package var bToA: LineDirection
  /// Nanoseconds since the start.
  package private(set) var now: UInt64 = 0
  /// Wake-ups so far.
  package private(set) var stepCount = 0
  /// Whether the line runs at the rates that the machines want, and garbles where they differ.
  package var followsRates = false
  /// Told of each frame that a machine hands out: whether it is `a`'s, its bytes, and the time.
  package var observe: ((_ isFromA: Bool, _ bytes: [UInt8], _ now: UInt64) -> Void)?
  // Frames that a transmit buffer had no room for.
  private var waitingInA: [UInt8] = []
  private var waitingInB: [UInt8] = []

  package init(_ a: consuming A, _ b: consuming B, aToB: LineDirection, bToA: LineDirection) {
    self.a = a
    self.b = b
    self.aToB = aToB
    self.bToA = bToA
  }

  package var instant: Instant { Instant(microseconds: Int64(now / 1000)) }

  /// Runs until `respond` returns false or `end` (nanoseconds) is reached; true in the first case.
  ///
  /// `respond` is called after every input to drain events and to feed data.
  package mutating func run(
    until end: UInt64, _ respond: (inout A, inout B, Instant) throws -> Bool
  ) rethrows -> Bool {
    while true {
      guard try respond(&a, &b, instant) else {
        drain()
        return false
      }
      drain()
      guard let next = nextWakeUp, next <= end else {
        now = end
        return true
      }
      // A machine that asks to be woken in the past would stop the clock.
      now = max(now, next)
      stepCount += 1
      deliver()
    }
  }

  /// When something can happen next.
  private var nextWakeUp: UInt64? {
    var times: [UInt64] = []
    // Rounded up: a deadline has passed when the microsecond is over.
    if let deadline = a.deadline { times.append(UInt64(max(deadline.microseconds, 0)) * 1000) }
    if let deadline = b.deadline { times.append(UInt64(max(deadline.microseconds, 0)) * 1000) }
    if let arrival = Self.handover(of: aToB) { times.append(arrival) }
    if let arrival = Self.handover(of: bToA) { times.append(arrival) }
    if !waitingInA.isEmpty { times.append(aToB.timeOfRoom(for: 64)) }
    if !waitingInB.isEmpty { times.append(bToA.timeOfRoom(for: 64)) }
    return times.min()
  }

  /// When what arrives is handed over: gathered for a millisecond, but the end of what was sent is
  /// never late, since answers depend on it.
  private static func handover(of line: LineDirection) -> UInt64? {
    guard let next = line.nextArrival else { return nil }
    return max(next, min(next + gatherNanoseconds, line.lastArrival ?? next))
  }

  private mutating func deliver() {
    let atB = Self.arrivals(from: &aToB, at: now)
    let atA = Self.arrivals(from: &bToA, at: now)
    if !atB.isEmpty { b.receive(atB.span, at: instant) }
    if !atA.isEmpty { a.receive(atA.span, at: instant) }
    if let deadline = a.deadline, deadline <= instant { a.expireTimers(at: instant) }
    if let deadline = b.deadline, deadline <= instant { b.expireTimers(at: instant) }
  }

  private static func arrivals(from line: inout LineDirection, at now: UInt64) -> [UInt8] {
    [UInt8](capacity: 8192) { line.receive(into: &$0, at: now) }
  }

  private mutating func drain() {
    if followsRates {
      aToB.setRates(sender: a.baudRate, receiver: b.baudRate, at: now)
      bToA.setRates(sender: b.baudRate, receiver: a.baudRate, at: now)
    }
    let (instant, now, observe) = (instant, now, observe)
    Self.drain(&a, into: &waitingInA, at: instant) { observe?(true, $0, now) }
    Self.drain(&b, into: &waitingInB, at: instant) { observe?(false, $0, now) }
    Self.send(&waitingInA, over: &aToB, at: now)
    Self.send(&waitingInB, over: &bToA, at: now)
  }

  private static func send(
    _ waiting: inout [UInt8], over line: inout LineDirection, at now: UInt64
  ) {
    let count = line.send(waiting.span, at: now)
    waiting.removeFirst(count)
  }

  private static func drain<M: LineMachine & ~Copyable>(
    _ machine: inout M, into waiting: inout [UInt8], at instant: Instant,
    _ observe: ([UInt8]) -> Void
  ) {
    while true {
      var sent = false
      let frame = [UInt8](capacity: machine.transmitByteCountLimit) { output in
        sent = machine.transmit(into: &output, at: instant)
      }
      guard sent else { return }
      observe(frame)
      waiting += frame
    }
  }
}

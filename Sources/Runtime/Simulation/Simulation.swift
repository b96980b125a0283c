package import LineModel
package import LinkLayer

/// Two machines, the line between them, and virtual time.
///
/// Time jumps from one wake-up to the next: an arrival, a deadline, or room in a transmit buffer. The
/// same machines, lines and seeds give the same run, to the microsecond.
package struct Simulation<A: LineMachine & ~Copyable, B: LineMachine & ~Copyable>: ~Copyable {
  package var a: A
  package var b: B
  package var aToB: LineDirection
  package var bToA: LineDirection
  /// Whether bytes that cross garble each other.
  package var isHalfDuplex = false
  /// Whether the line runs at the rates that the machines want, and garbles where they differ.
  package var followsRates = false
  /// Nanoseconds since the start.
  package private(set) var now: UInt64 = 0
  /// Wake-ups so far.
  package private(set) var stepCount = 0
  /// Told of each frame that a machine hands out: whether it is `a`'s, its bytes, and the time.
  package var observe: ((_ isFromA: Bool, _ bytes: ArraySlice<UInt8>, _ now: UInt64) -> Void)?
  private var fromA = Outlet()
  private var fromB = Outlet()
  // What has arrived, in memory that is used again.
  private var arrivals: [UInt8] = []

  package init(_ a: consuming A, _ b: consuming B, aToB: LineDirection, bToA: LineDirection) {
    self.a = a
    self.b = b
    self.aToB = aToB
    self.bToA = bToA
  }

  package var instant: Instant { Instant(microseconds: Int64(now / 1000)) }

  /// Runs until `respond` returns false or `end` (nanoseconds) is reached; true in the second case.
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
    var time: UInt64?
    func consider(_ other: UInt64?) {
      guard let other else { return }
      time = min(time ?? other, other)
    }
    consider(a.deadline.map { UInt64(max($0.microseconds, 0)) * 1000 })
    consider(b.deadline.map { UInt64(max($0.microseconds, 0)) * 1000 })
    consider(Self.handover(of: aToB))
    consider(Self.handover(of: bToA))
    if !fromA.isEmpty { consider(aToB.timeOfRoom(for: Outlet.portionByteCount)) }
    if !fromB.isEmpty { consider(bToA.timeOfRoom(for: Outlet.portionByteCount)) }
    return time
  }

  /// When what arrives is handed over: gathered for a while, but the end of what was sent is never
  /// late, since answers depend on it.
  private static func handover(of line: borrowing LineDirection) -> UInt64? {
    guard let next = line.nextArrival else { return nil }
    return max(next, min(next + line.gatherNanoseconds, line.lastArrival ?? next))
  }

  private mutating func deliver() {
    let instant = instant
    Self.hand(from: &bToA, to: &a, at: now, by: &arrivals)
    Self.hand(from: &aToB, to: &b, at: now, by: &arrivals)
    if let deadline = a.deadline, deadline <= instant { a.expireTimers(at: instant) }
    if let deadline = b.deadline, deadline <= instant { b.expireTimers(at: instant) }
  }

  private static func hand<M: LineMachine & ~Copyable>(
    from line: inout LineDirection, to machine: inout M, at now: UInt64,
    by arrivals: inout [UInt8]
  ) {
    arrivals.removeAll(keepingCapacity: true)
    arrivals.append(addingCapacity: 8192) { line.receive(into: &$0, at: now) }
    guard !arrivals.isEmpty else { return }
    machine.receive(arrivals.span, at: Instant(microseconds: Int64(now / 1000)))
  }

  private mutating func drain() {
    if followsRates {
      aToB.setRates(sender: a.baudRate, receiver: b.baudRate, at: now)
      bToA.setRates(sender: b.baudRate, receiver: a.baudRate, at: now)
    }
    let (instant, now, observe) = (instant, now, observe)
    fromA.take(from: &a, at: instant) { observe?(true, $0, now) }
    fromB.take(from: &b, at: instant) { observe?(false, $0, now) }
    let isSending = !fromA.isEmpty || !fromB.isEmpty
    fromA.move(to: &aToB, at: now)
    fromB.move(to: &bToA, at: now)
    if isHalfDuplex, isSending { aToB.collide(with: &bToA, at: now) }
  }
}

/// Frames on their way from a machine into a transmit buffer that may have no room for them yet.
private struct Outlet {
  /// The room that is waited for.
  static let portionByteCount = 64

  private var bytes: [UInt8] = []
  // 0 <= movedByteCount <= bytes.count
  private var movedByteCount = 0

  var isEmpty: Bool { bytes.isEmpty }

  /// Takes all frames that the machine hands out now, and shows them one by one.
  mutating func take<M: LineMachine & ~Copyable>(
    from machine: inout M, at instant: Instant, _ show: ((ArraySlice<UInt8>) -> Void)?
  ) {
    while true {
      let start = bytes.count
      var isSent = false
      bytes.append(addingCapacity: machine.transmitByteCountLimit) { output in
        isSent = machine.transmit(into: &output, at: instant)
      }
      guard isSent else { return }
      show?(bytes[start...])
    }
  }

  mutating func move(to line: inout LineDirection, at now: UInt64) {
    guard !bytes.isEmpty else { return }
    movedByteCount += line.send(bytes.span.extracting(movedByteCount...), at: now)
    guard movedByteCount == bytes.count else { return }
    bytes.removeAll(keepingCapacity: true)
    movedByteCount = 0
  }
}

extension LineDirection {
  /// How long arrivals are gathered at most, as by the loopback in real time: a machine shall not be
  /// woken for every byte, and a small FIFO must not overrun by that alone.
  fileprivate var gatherNanoseconds: UInt64 {
    let longest: UInt64 = 1_000_000
    switch configuration.receiver {
    case .waits: return longest
    case .overruns(let byteCount):
      guard configuration.baudRate > 0 else { return 0 }
      let quarter = UInt64(byteCount) * 2_500_000_000 / UInt64(configuration.baudRate)
      return min(longest, quarter)
    }
  }
}

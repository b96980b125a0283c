internal import LineModel
package import LinkLayer
internal import Runtime

/// Both ends send at once, over a line that is hostile at first and healed then; either end may be
/// killed in the middle and started again.
///
/// An end that sees its session close opens the next one. The streams begin anew with each. The line is
/// full-duplex whatever the scenario says: both ends speak whenever they like, and on one pair of wires
/// nothing tells whose turn it is.
package struct TwoWayRun {
  /// An end dies, at a time in nanoseconds, and another one takes its place.
  package struct Kill: Sendable {
    package var role: LinkRole
    package var time: UInt64

    package init(_ role: LinkRole, at time: UInt64) {
      self.role = role
      self.time = time
    }
  }

  // When the line is healed.
  private static let healing: UInt64 = 6_000_000_000

  /// False once an end has read a byte that the other one did not send there.
  package let isPrefixOfSent: Bool
  /// Whether both streams arrived whole, in one session.
  package let isComplete: Bool
  /// Sessions that the ends have seen open.
  package let sessionCount: Int

  /// Runs until both streams are there, or until `limit` (nanoseconds) after the healing.
  package init(
    _ scenario: LinkScenario, kill: Kill? = nil, limit: UInt64 = 300_000_000_000
  ) throws {
    let (there, back) = try scenario.lines()
    let payloads = (scenario.payload, Array(scenario.payload.reversed()))
    var ends = (
      StreamEnd(.initiator, sends: payloads.0, expects: payloads.1),
      StreamEnd(.responder, sends: payloads.1, expects: payloads.0)
    )
    var simulation = Simulation(
      scenario.link(.initiator, silenceLimit: .seconds(8)),
      scenario.link(.responder, silenceLimit: .seconds(8)), aToB: there, bToA: back)
    func run(until end: UInt64) -> Bool {
      simulation.run(until: end) { a, b, now in
        ends.0.respond(&a, at: now)
        ends.1.respond(&b, at: now)
        return !(ends.0.isComplete && ends.1.isComplete && a.isDrained && b.isDrained)
      }
    }
    var isRunning = true
    if let kill, run(until: kill.time) {
      let fresh = scenario.link(kill.role, life: 1, silenceLimit: .seconds(8))
      switch kill.role {
      case .initiator:
        simulation.a = fresh
        ends.0 = StreamEnd(.initiator, sends: payloads.0, expects: payloads.1)
      case .responder:
        simulation.b = fresh
        ends.1 = StreamEnd(.responder, sends: payloads.1, expects: payloads.0)
      }
    }
    isRunning = run(until: max(Self.healing, kill?.time ?? 0))
    if isRunning {
      var clean = LineConfiguration()
      clean.baudRate = scenario.line.baudRate
      simulation.aToB = try LineDirection(clean, seed: 0)
      simulation.bToA = try LineDirection(clean, seed: 0)
      isRunning = run(until: Self.healing + limit)
    }
    isComplete = !isRunning
    isPrefixOfSent = ends.0.isPrefixOfSent && ends.1.isPrefixOfSent
    sessionCount = max(ends.0.sessionCount, ends.1.sessionCount)
  }
}

/// One end of a run: writes its stream anew in each session, and compares what it reads.
struct StreamEnd {
  private let role: LinkRole
  private let outgoing: [UInt8]
  private let expected: [UInt8]
  private var written = 0
  private var deliveredCount = 0
  private var hasBegun = false
  private(set) var isPrefixOfSent = true
  private(set) var sessionCount = 0

  init(_ role: LinkRole, sends outgoing: [UInt8], expects expected: [UInt8]) {
    self.role = role
    self.outgoing = outgoing
    self.expected = expected
  }

  var isComplete: Bool { written == outgoing.count && deliveredCount == expected.count }

  mutating func respond(_ link: inout Link, at now: Instant) {
    if !hasBegun { begin(&link, at: now) }
    while let event = link.nextEvent() {
      switch event {
      case .opened:
        (written, deliveredCount) = (0, 0)
        sessionCount += 1
      case .readable, .drained, .interrupted, .resumed: break
      case .closed: begin(&link, at: now)
      }
    }
    write(to: &link)
    read(from: &link)
  }

  private mutating func begin(_ link: inout Link, at now: Instant) {
    hasBegun = true
    if role == .initiator { link.open(at: now) } else { link.listen() }
  }

  private mutating func write(to link: inout Link) {
    guard link.isEstablished, written < outgoing.count else { return }
    written += link.write(outgoing.span.extracting(written..<outgoing.count))
    if written == outgoing.count { link.flush() }
  }

  private mutating func read(from link: inout Link) {
    let count = link.readableByteCount
    guard count > 0 else { return }
    let new = [UInt8](capacity: count) { _ = link.read(into: &$0) }
    let end = deliveredCount + count
    if end > expected.count || new[...] != expected[deliveredCount..<end] { isPrefixOfSent = false }
    deliveredCount = end
  }
}

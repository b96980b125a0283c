import LinkLayer
import Testing
import Transfer

@testable import Runtime

@Suite struct GreetingProbeTests {
  private let start = Instant(microseconds: 0)

  @Test func aResponderAnswersAndNothingBegins() {
    var responder = responder()
    var probe = GreetingProbe(baudRate: 115_200, limit: .seconds(3), at: start)
    exchange(&probe, &responder)
    // A macro would copy the probe.
    let (isFinished, peer) = (probe.isFinished, probe.peer)
    #expect(isFinished)
    #expect(peer?.mtu == 512)
    let event = responder.nextEvent()
    #expect(event == nil)
    // What the peer repeats is not answered.
    #expect(frame(of: &probe, at: start).isEmpty)

    // Whoever comes next is the first.
    var initiator = HostLink.make(
      LinkConfiguration(role: .initiator, nonce: 7, baudRate: 115_200))
    initiator.open(at: start)
    exchange(&initiator, &responder)
    guard case .opened = responder.nextEvent() else {
      Issue.record("no session was opened")
      return
    }
  }

  @Test func silenceIsToldWhenItsTimeIsOver() throws {
    var probe = GreetingProbe(baudRate: 115_200, limit: .seconds(3), at: start)
    var greetings = 0
    while !probe.isFinished {
      while !frame(of: &probe, at: start).isEmpty { greetings += 1 }
      let deadline = probe.deadline
      probe.expireTimers(at: try #require(deadline))
    }
    let (failure, peer) = (probe.failure, probe.peer)
    #expect(failure == .noAnswer)
    #expect(peer == nil)
    #expect(greetings > 1)
  }

  @Test func anAbortedProbeSendsNothing() {
    var probe = GreetingProbe(baudRate: 115_200, limit: .seconds(3), at: start)
    probe.abort()
    let isFinished = probe.isFinished
    #expect(isFinished)
    #expect(frame(of: &probe, at: start).isEmpty)
  }

  private func responder() -> Link {
    var link = HostLink.make(
      LinkConfiguration(role: .responder, nonce: 5, baudRate: 115_200), mtu: 512)
    link.listen()
    return link
  }

  /// Carries all frames both ways for a second.
  private func exchange<A: LineMachine & ~Copyable, B: LineMachine & ~Copyable>(
    _ one: inout A, _ other: inout B
  ) {
    for step in 0..<100 {
      let now = start + .milliseconds(Int64(10 * step))
      let (there, back) = (frame(of: &one, at: now), frame(of: &other, at: now))
      other.receive(there.span, at: now)
      one.receive(back.span, at: now)
      one.expireTimers(at: now)
      other.expireTimers(at: now)
    }
  }

  private func frame<M: LineMachine & ~Copyable>(of machine: inout M, at now: Instant) -> [UInt8] {
    [UInt8](capacity: machine.transmitByteCountLimit) { output in
      _ = machine.transmit(into: &output, at: now)
    }
  }
}

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
    #expect(probe.isFinished)
    #expect(probe.peer?.mtu == 512)
    #expect(responder.nextEvent() == nil)
    // What the peer repeats is not answered.
    #expect(frame(of: &probe).isEmpty)

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
      while !frame(of: &probe).isEmpty { greetings += 1 }
      probe.expireTimers(at: try #require(probe.deadline))
    }
    #expect(probe.failure == .noAnswer)
    #expect(probe.peer == nil)
    #expect(greetings > 1)
  }

  @Test func anAbortedProbeSendsNothing() {
    var probe = GreetingProbe(baudRate: 115_200, limit: .seconds(3), at: start)
    probe.abort()
    #expect(probe.isFinished)
    #expect(frame(of: &probe).isEmpty)
  }

  private func responder() -> Link {
    var link = HostLink.make(
      LinkConfiguration(role: .responder, nonce: 5, baudRate: 115_200), mtu: 512)
    link.listen()
    return link
  }

  /// Carries all frames both ways until neither end has one.
  private func exchange<A: LineMachine & ~Copyable, B: LineMachine & ~Copyable>(
    _ one: inout A, _ other: inout B
  ) {
    while true {
      let (there, back) = (frame(of: &one), frame(of: &other))
      if there.isEmpty, back.isEmpty { return }
      other.receive(there.span, at: start)
      one.receive(back.span, at: start)
    }
  }

  private func frame<M: LineMachine & ~Copyable>(of machine: inout M) -> [UInt8] {
    [UInt8](capacity: machine.transmitByteCountLimit) { output in
      _ = machine.transmit(into: &output, at: start)
    }
  }
}

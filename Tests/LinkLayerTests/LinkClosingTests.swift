import Framing
import Testing

@testable import LinkLayer

/// How sessions end: by either end, and by silence.
struct LinkClosingTests {
  @Test(arguments: [LinkRole.initiator, .responder])
  func closingTellsThePeerTwiceAndIsToldOnce(_ role: LinkRole) {
    let bench = Bench(role)
    bench.open()
    bench.write(sample(100))
    _ = bench.hear()
    bench.link.close(.aborted)
    #expect(bench.events() == [.closed(.local(.aborted))])
    let heard = bench.hear()
    #expect(heard.map(\.kind) == [.close, .close])
    #expect(heard.map(\.payload) == [[1], [1]])
    #expect(bench.deadline == nil)
    bench.link.close(.done)
    #expect(bench.events().isEmpty)
    #expect(bench.hear().isEmpty)
  }

  @Test(arguments: [LinkRole.initiator, .responder])
  func closeOfThePeerIsToldWithItsCodeAndNotAnswered(_ role: LinkRole) {
    for code in [CloseCode.done, .aborted, .refused, .misbehaved] {
      let bench = Bench(role)
      bench.open()
      _ = bench.hear()
      bench.say(.close, 0, [code.rawValue, 9])
      bench.say(.close, 0, [code.rawValue])
      bench.say(.data, 0, sample(16))
      #expect(bench.events() == [.closed(.peer(code))])
      #expect(bench.hear().isEmpty)
      #expect(bench.deadline == nil)
      #expect(bench.readableByteCount == 0)
    }
  }

  @Test func codeOfALaterRevisionAndNoneAtAllCloseToo() {
    for payload in [[], [77]] as [[UInt8]] {
      let bench = Bench(.initiator)
      bench.open()
      bench.say(.close, 0, payload)
      #expect(bench.events() == [.closed(.peer(.other))])
    }
  }

  @Test func whatCameBeforeTheCloseCanStillBeRead() {
    let bench = Bench(.responder)
    bench.open()
    bench.receive(bench.frame(.data, 0, sample(40)) + bench.frame(.close, 0, [0]))
    #expect(bench.events() == [.readable, .closed(.peer(.done))])
    #expect(bench.read() == sample(40))
  }

  /// A WELCOME that was owed does not go out of a link that is closed.
  @Test func closingBeforeTheSessionSaysNothing() {
    let responder = Bench(.responder)
    responder.link.listen()
    responder.say(.hello, responder.handshake())
    responder.link.close(.aborted)
    #expect(responder.hear().isEmpty)
    #expect(responder.events().isEmpty)

    let initiator = Bench(.initiator)
    initiator.link.open(at: initiator.now)
    initiator.link.close(.aborted)
    #expect(initiator.hear().isEmpty)
    #expect(initiator.deadline == nil)
  }

  @Test func closedResponderListensAgain() {
    let bench = Bench(.responder)
    bench.open()
    bench.say(.data, 0, sample(16))
    bench.say(.close, 0, [0])
    _ = bench.events()
    bench.open()
    bench.say(.data, 0, sample(16, seed: 2))
    #expect(bench.read() == sample(16, seed: 2))
    #expect(bench.isEstablished)
  }

  /// A responder that has not noticed the end would take the old nonce for a late copy.
  @Test func initiatorThatOpensAgainHasANewNonce() {
    let bench = Bench(.initiator)
    var nonces: Set<UInt32> = []
    for _ in 0..<3 {
      bench.link.open(at: bench.now)
      let hello = bench.hear().first.flatMap { Handshake(parsing: $0.payload.span) }
      nonces.insert(hello?.nonce ?? 0)
      bench.link.close(.aborted)
    }
    #expect(nonces.count == 3)
    #expect(nonces.contains(Bench.nonce))
  }

  // MARK: - Silence

  @Test func initiatorAsksWhetherThePeerIsThere() {
    let bench = Bench(.initiator)
    bench.open()
    let quiet = bench.now + bench.openingWireTime
    #expect(bench.deadline == quiet + .seconds(1))
    bench.advanceToDeadline()
    #expect(bench.hear().map(\.kind) == [.ping])
    bench.say(.acknowledgement)
    let next = bench.now + bench.rate.wireTime(byteCount: 9)
    #expect((bench.deadline ?? bench.now) - next < .milliseconds(1001))
    bench.advanceToDeadline()
    #expect(bench.hear().map(\.kind) == [.ping])
    #expect(bench.events().isEmpty)
  }

  @Test func responderAsksNothing() {
    let bench = Bench(.responder)
    bench.open()
    _ = bench.hear()
    #expect(bench.deadline == bench.now + .seconds(8))
  }

  @Test(arguments: [LinkRole.initiator, .responder])
  func silenceEndsTheSessionAtItsLimit(_ role: LinkRole) {
    for isSending in [false, true] {
      let bench = Bench(role)
      bench.open()
      _ = bench.hear()
      let start = bench.now
      if isSending { bench.write(sample(100)) }
      _ = bench.hear()
      var steps = 0
      while bench.isEstablished, steps < 1000 {
        bench.advanceToDeadline()
        if bench.isEstablished { _ = bench.hear() }
        steps += 1
      }
      #expect(bench.now == start + .seconds(8))
      #expect(bench.events() == [.closed(.peerSilent)])
      #expect(bench.hear().map(\.kind) == [.close, .close], "should it hear without being heard")
    }
  }

  @Test(arguments: [LinkRole.initiator, .responder])
  func anythingSoundOfTheSessionBreaksTheSilence(_ role: LinkRole) {
    let bench = Bench(role)
    bench.open()
    for _ in 0..<5 {
      bench.advance(by: .seconds(7))
      bench.receive(bench.unknownFrame)
      _ = bench.hear()
    }
    #expect(bench.isEstablished)
    bench.advance(by: .seconds(7))
    // Noise and strangers do not.
    bench.receive([1, 2, 3, 0])
    bench.say(.hello, bench.handshake(answering: 5))
    bench.advance(by: .seconds(1))
    #expect(!bench.isEstablished)
  }

  @Test func timersThatAreCalledTooEarlyOrTooOftenDoNothing() {
    let bench = Bench(.initiator)
    bench.open()
    bench.write(sample(100))
    _ = bench.hear()
    let deadline = bench.deadline
    for _ in 0..<100 { bench.advance(by: Interval(microseconds: 10)) }
    #expect(bench.deadline == deadline)
    #expect(bench.hear().isEmpty)
  }
}

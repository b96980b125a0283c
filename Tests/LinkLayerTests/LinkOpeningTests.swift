import Framing
import TestVectors
import Testing

@testable import LinkLayer

/// How a session comes about, and what does not make one.
struct LinkOpeningTests {
  @Test func handshakeVectorsHoldBothWays() throws {
    for line in try VectorFile("handshake").lines {
      let payload = try line.bytes(8)
      var handshake = Handshake(
        nonce: try line.number(2), echoedNonce: try line.number(3), mtu: try line.number(4),
        windowBlockCount: try line.number(5))
      handshake.versionMaximum = try line.number(0)
      handshake.versionMinimum = try line.number(1)
      handshake.capabilities = Capabilities(rawValue: try line.number(6))
      let continued = try line.number(7, UInt32.self)
      handshake.continuedSession = continued ?? 0
      let parsed = Handshake(parsing: payload.span)
      #expect(parsed == handshake, "\(line)")
      let grown = Handshake(parsing: (payload + [1, 2, 3]).span)  // Not a whole field more.
      #expect(grown == handshake, "extensions are ignored")
      let short = Handshake(parsing: payload.span.extracting(0..<19))
      #expect(short == nil)
      guard continued != nil else { continue }
      // Through a frame, since that is where a handshake is written.
      let bench = Bench(.responder)
      let wire = [UInt8](capacity: 64) { output in
        var frame = FrameEncoder(
          FrameHeader(.welcome), seal: Seal(outsideSessions: .fromResponder), into: &output)
        handshake.emit(&frame, into: &output)
        frame.finish(into: &output)
      }
      let heard = bench.frames(in: wire)
      #expect(heard.map(\.payload) == [payload], "\(line)")
    }
  }

  @Test func initiatorSendsHelloAndOpensWithTheWelcomeThatEchoesIt() {
    let bench = Bench(.initiator, mtu: 256, receiveByteCount: 512)
    bench.link.open(at: bench.now)
    let hello = bench.hear()
    #expect(hello.map(\.kind) == [.hello])
    let said = hello.first.flatMap { Handshake(parsing: $0.payload.span) }
    #expect(said == Handshake(nonce: Bench.nonce, mtu: 256, windowBlockCount: 32))
    bench.expect(initiatorNonce: Bench.nonce, responderNonce: Bench.peerNonce)
    bench.say(.welcome, bench.handshake(answering: Bench.nonce, mtu: 100))
    let peer = PeerLimits(
      version: 1, mtu: 100, windowBlockCount: 64, usesWindow: false, usesCorrection: false,
      rates: [])
    #expect(bench.events() == [.opened(peer)])
    // Its first frame opens the session at the other end.
    let heard = bench.hear()
    #expect(heard.map(\.kind) == [.acknowledgement])
  }

  @Test func helloIsRepeatedUntilTheLimit() {
    let bench = Bench(.initiator) { $0.openLimit = .seconds(2) }
    bench.link.open(at: bench.now)
    let first = bench.hear()
    let answer = bench.rate.wireTime(byteCount: Handshake.byteCount + Link.answerByteCount)
    let frame = bench.rate.wireTime(byteCount: first.first?.wireByteCount ?? 0)
    let due = bench.now + frame + answer + .milliseconds(100)
    #expect(bench.deadline == due)
    bench.advance(by: due - bench.now - Interval(microseconds: 1))
    #expect(bench.hear().isEmpty)
    bench.advance(by: Interval(microseconds: 1))
    let second = bench.hear()
    #expect(second == first, "the same nonce again")
    while bench.deadline != nil {
      bench.advanceToDeadline()
      _ = bench.hear()
    }
    #expect(bench.now == Instant(microseconds: 2_000_000))
    #expect(bench.events() == [.closed(.noAnswer)])
  }

  @Test func ambiguousHelloTellsNoTurnaround() {
    let bench = Bench(.initiator)
    bench.link.open(at: bench.now)
    _ = bench.hear()
    bench.advanceToDeadline()
    _ = bench.hear()
    bench.advance(by: .milliseconds(50))
    bench.say(.welcome, bench.handshake(answering: Bench.nonce))
    #expect(bench.isEstablished)
    #expect(bench.turnaround.smoothed == nil)
  }

  @Test func welcomeForAnotherHelloIsNotTaken() {
    let bench = Bench(.initiator)
    bench.link.open(at: bench.now)
    bench.say(.welcome, bench.handshake(answering: Bench.nonce &+ 1))
    bench.say(.welcome, bench.handshake(answering: 0))
    #expect(!bench.isEstablished)
    #expect(bench.events().isEmpty)
  }

  @Test func secondWelcomeChangesNothing() {
    let bench = Bench(.initiator)
    bench.open()
    bench.write(sample(16))
    _ = bench.hear()
    var other = bench.handshake(answering: Bench.nonce)
    other.nonce = 77
    bench.say(.welcome, other)
    bench.say(.acknowledgement, 1)
    #expect(bench.events() == [.drained])
  }

  @Test func otherVersionsAreToldApart() {
    for (maximum, minimum, isSpoken) in [(1, 1, true), (9, 1, true), (9, 2, false), (0, 0, false)]
      as [(UInt8, UInt8, Bool)]
    {
      let bench = Bench(.initiator)
      bench.link.open(at: bench.now)
      var welcome = bench.handshake(answering: Bench.nonce)
      welcome.versionMaximum = maximum
      welcome.versionMinimum = minimum
      bench.say(.welcome, welcome)
      #expect(bench.isEstablished == isSpoken)
      let reason = CloseReason.peerIncompatible(versionMinimum: minimum, versionMaximum: maximum)
      let events = bench.events()
      #expect(events.contains(.closed(reason)) == !isSpoken)
    }
  }

  @Test func mtuThatHoldsNoBlockIsMisbehaviour() {
    let bench = Bench(.initiator)
    bench.link.open(at: bench.now)
    bench.say(.welcome, bench.handshake(answering: Bench.nonce, mtu: 31))
    #expect(bench.events() == [.closed(.peerMisbehaved(.mtuTooSmall))])
  }

  @Test func responderOpensWithTheFirstFrameOfTheSession() {
    let bench = Bench(.responder)
    bench.link.listen()
    #expect(bench.deadline == nil)
    bench.say(.hello, bench.handshake())
    let welcome = bench.hear()
    #expect(welcome.map(\.kind) == [.welcome])
    let said = welcome.first.flatMap { Handshake(parsing: $0.payload.span) }
    #expect(said?.echoedNonce == Bench.peerNonce)
    #expect(!bench.isEstablished)
    bench.expect(initiatorNonce: Bench.peerNonce, responderNonce: said?.nonce ?? 0)
    bench.say(.data, 0, sample(16))
    let events = bench.events()
    let peer = PeerLimits(
      version: 1, mtu: 128, windowBlockCount: 64, usesWindow: false, usesCorrection: false,
      rates: [])
    #expect(events == [.opened(peer), .readable])
    #expect(bench.read() == sample(16))
  }

  @Test func repeatedHelloGetsTheSameWelcome() {
    let bench = Bench(.responder)
    bench.link.listen()
    bench.say(.hello, bench.handshake())
    let first = bench.hear()
    bench.say(.hello, bench.handshake())
    let second = bench.hear()
    #expect(first == second)
    var other = bench.handshake()
    other.nonce += 1
    bench.say(.hello, other)
    let third = bench.hear()
    #expect(third.map(\.kind) == [.welcome])
    #expect(third != second)
  }

  @Test func lateHelloOfTheOpenSessionIsNotAnswered() {
    let bench = Bench(.responder)
    bench.open()
    _ = bench.hear()
    bench.say(.hello, bench.handshake())
    #expect(bench.hear().isEmpty)
  }

  /// A HELLO that lay in some buffer: it is answered, and nothing else happens.
  @Test func helloInAnOpenSessionEndsNothing() {
    let bench = Bench(.responder)
    bench.open()
    _ = bench.hear()
    var stale = bench.handshake()
    stale.nonce = 99
    bench.say(.hello, stale)
    let welcome = bench.hear()
    #expect(welcome.map(\.kind) == [.welcome])
    bench.say(.data, 0, sample(16))
    #expect(bench.events() == [.readable])
    let answer = bench.hear()
    #expect(answer.map(\.sequence) == [1])
  }

  @Test func initiatorThatStartsAnewVoidsTheSessionBefore() {
    let bench = Bench(.responder)
    bench.open()
    bench.say(.data, 0, sample(40))
    bench.write(sample(100))
    _ = bench.hear()
    _ = bench.events()
    var anew = bench.handshake()
    anew.nonce = 99
    bench.say(.hello, anew)
    let welcome = bench.hear().first.flatMap { Handshake(parsing: $0.payload.span) }
    let old = bench.frame(.data, 3, sample(16, seed: 3))
    bench.expect(initiatorNonce: 99, responderNonce: welcome?.nonce ?? 0)
    bench.say(.data, 0, sample(16, seed: 2))
    let events = bench.events()
    #expect(events.count == 2)
    #expect(events.last == .readable)
    bench.receive(old)
    #expect(
      bench.read() == sample(16, seed: 2), "nothing of the old session, and both from block 0")
    #expect(bench.isDrained)
  }

  @Test func frameOfAnotherSessionIsNotTaken() {
    let bench = Bench(.responder)
    bench.open()
    _ = bench.hear()
    let (initiator, responder) = bench.nonces
    bench.expect(initiatorNonce: initiator, responderNonce: responder &+ 1)
    bench.say(.data, 0, sample(16))
    bench.say(.close, 0, [0])
    #expect(bench.isEstablished)
    #expect(bench.readableByteCount == 0)
    #expect(bench.statistics.framesCorrupt == 2)
  }

  @Test func twoOfTheSameRoleHearNothingOfEachOther() {
    let bench = Bench(.responder)
    bench.link.listen()
    bench.say(.welcome, bench.handshake())
    #expect(bench.hear().isEmpty)
    let other = Bench(.initiator)
    other.link.open(at: other.now)
    _ = other.hear()
    other.say(.hello, other.handshake(answering: Bench.nonce))
    #expect(other.hear().isEmpty)
    #expect(!other.isEstablished)
  }

  @Test func nothingIsTakenOrSentBeforeItIsOpened() {
    let bench = Bench(.responder)
    bench.say(.hello, bench.handshake())
    bench.write(sample(16))
    #expect(bench.hear().isEmpty)
    #expect(bench.deadline == nil)
    #expect(bench.isDrained)
  }
}

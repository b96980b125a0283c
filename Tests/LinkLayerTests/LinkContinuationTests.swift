import Framing
import Testing

@testable import LinkLayer

/// Silence, and how a session goes on behind it.
struct LinkContinuationTests {
  private func bench(
    _ role: LinkRole, limit: Interval = .seconds(20),
    _ change: (inout LinkConfiguration) -> Void = { _ in }
  ) -> Bench {
    let bench = Bench(role, sendByteCount: 2048) {
      $0.reconnectLimit = limit
      change(&$0)
    }
    bench.open()
    return bench
  }

  private func sessionNumber(_ bench: Bench) -> UInt32 {
    Seal.sessionNumber(
      initiatorNonce: bench.nonces.initiator, responderNonce: bench.nonces.responder)
  }

  /// Lets the silence pass; returns what was said last.
  private func fallSilent(_ bench: Bench) -> HeardFrame? {
    let start = bench.now
    var last: HeardFrame?
    while bench.isEstablished {
      bench.advanceToDeadline()
      last = bench.hear().last ?? last
    }
    #expect(bench.now == start + .seconds(8))
    #expect(bench.events() == [.interrupted])
    return last
  }

  /// The peer answers the HELLO of a bench that looks for it.
  private func welcome(_ bench: Bench, _ hello: HeardFrame?, continuing session: UInt32) {
    let nonce = hello.flatMap { Handshake(parsing: $0.payload.span) }?.nonce ?? 0
    var welcome = bench.handshake(answering: nonce)
    welcome.nonce = 0x3333_3333
    welcome.continuedSession = session
    bench.say(.welcome, welcome)
    bench.expect(initiatorNonce: nonce, responderNonce: welcome.nonce)
  }

  // MARK: - Initiator

  @Test func initiatorLooksForThePeerWithTheNumberOfTheSession() {
    let bench = bench(.initiator)
    let session = sessionNumber(bench)
    let hello = fallSilent(bench)
    let said = hello.flatMap { Handshake(parsing: $0.payload.span) }
    #expect(hello?.kind == .hello)
    #expect(said?.continuedSession == session)
    #expect(said?.nonce != Bench.nonce, "else a peer that noticed nothing would not answer")
    let again = bench.hear(for: .milliseconds(150))
    #expect(again.first == hello, "until it is answered")
  }

  @Test func streamOfTheInitiatorGoesOnAtTheFirstUndeliveredByte() {
    for arrived in [7, 14] {
      let bench = bench(.initiator)
      let session = sessionNumber(bench)
      let stream = sample(672)
      bench.write(stream)
      _ = bench.hear()
      bench.say(.acknowledgement, 7)
      #expect(bench.hear().map(\.sequence) == [7])
      let hello = fallSilent(bench)
      bench.write(sample(112, seed: 2))
      welcome(bench, hello, continuing: session)
      #expect(bench.events() == [.resumed])
      let frames = bench.hear()
      #expect(frames.first?.kind == .acknowledgement, "tells the peer where its stream goes on")
      #expect(frames.last?.sequence == 7, "\(frames)")
      bench.say(.acknowledgement, UInt16(arrived))
      var (delivered, next) = (Array(stream[..<(arrived * 16)]), arrived)
      for _ in 0..<200 where !bench.isDrained {
        for frame in bench.hear(for: .milliseconds(1)) where frame.kind == .data {
          #expect(Int(frame.sequence) <= next)
          delivered += frame.payload.dropFirst((next - Int(frame.sequence)) * 16)
          next = max(next, frame.blocks.upperBound)
        }
        bench.say(.acknowledgement, UInt16(next))
      }
      #expect(delivered == stream + sample(112, seed: 2))
      #expect(bench.events() == [.drained])
    }
  }

  @Test func streamToTheInitiatorGoesOnToo() {
    let bench = bench(.initiator)
    let session = sessionNumber(bench)
    bench.say(.data, 0, sample(40))
    _ = bench.hear()
    #expect(bench.read(10) == Array(sample(40)[..<10]))
    _ = bench.events()
    let hello = fallSilent(bench)
    #expect(bench.read(10) == Array(sample(40)[10..<20]), "what has come can be read meanwhile")
    welcome(bench, hello, continuing: session)
    let frames = bench.hear()
    #expect(frames.map(\.kind) == [.acknowledgement])
    #expect(frames.map(\.sequence) == [3])
    bench.say(.data, 2, sample(8, seed: 2))
    bench.say(.data, 3, sample(16, seed: 3))
    #expect(bench.read() == Array(sample(40)[20...]) + sample(16, seed: 3))
  }

  @Test func responderThatWasResetBeginsAnew() {
    for answered in [0, 77] as [UInt32] {
      let bench = bench(.initiator)
      bench.write(sample(300))
      _ = bench.hear()
      bench.say(.data, 0, sample(40))
      _ = bench.events()
      let hello = fallSilent(bench)
      welcome(bench, hello, continuing: answered)
      let peer = PeerLimits(
        version: 1, mtu: 128, windowBlockCount: 64, usesWindow: false, usesCorrection: false,
        rates: [])
      #expect(bench.events() == [.opened(peer)])
      #expect(bench.isDrained, "what was half sent is void")
      #expect(bench.readableByteCount == 0)
      bench.write(sample(16, seed: 2))
      #expect(bench.hear().last?.sequence == 0)
    }
  }

  @Test func initiatorGivesUpAtTheLimit() {
    let bench = bench(.initiator, limit: .seconds(3))
    _ = fallSilent(bench)
    let start = bench.now
    let frames = bench.hear(for: .seconds(10))
    #expect(frames.count > 10)
    #expect(frames.allSatisfy { $0.kind == .hello })
    #expect(bench.events() == [.closed(.peerSilent)])
    #expect(bench.deadline == nil)
    #expect(bench.link.writableByteCount == 0)
    #expect(bench.now == start + .seconds(10))
  }

  // MARK: - Responder

  private func hello(_ bench: Bench, continuing session: UInt32) -> Handshake? {
    var hello = bench.handshake()
    hello.nonce = 0x4444_4444
    hello.continuedSession = session
    bench.say(.hello, hello)
    let welcome = bench.hear().first { $0.kind == .welcome }
    let said = welcome.flatMap { Handshake(parsing: $0.payload.span) }
    bench.expect(initiatorNonce: hello.nonce, responderNonce: said?.nonce ?? 0)
    return said
  }

  @Test func responderGoesOnWithBothStreams() {
    let bench = bench(.responder)
    let session = sessionNumber(bench)
    bench.say(.data, 0, sample(48))
    bench.write(sample(300, seed: 2))
    _ = bench.hear()
    bench.say(.acknowledgement, 7)
    _ = bench.hear()
    _ = bench.events()
    #expect(fallSilent(bench)?.kind != .hello, "it waits")
    #expect(bench.hear().isEmpty)
    let welcome = hello(bench, continuing: session)
    #expect(welcome?.continuedSession == session)
    #expect(bench.events().isEmpty)
    bench.say(.acknowledgement, 7)
    #expect(bench.events() == [.resumed])
    let frames = bench.hear()
    #expect(frames.map(\.kind) == [.acknowledgement, .data])
    #expect(frames.map(\.sequence) == [3, 7])
    let payload = frames.last?.payload ?? []
    #expect(payload.count >= 16)
    #expect(sample(300, seed: 2)[112...].starts(with: payload))
    bench.say(.data, 3, sample(16, seed: 3))
    #expect(bench.read() == sample(48) + sample(16, seed: 3))
  }

  /// The initiator has noticed the silence first: the session is open here, and goes on as another.
  @Test func responderThatNoticedNothingGoesOnToo() {
    let bench = bench(.responder)
    let session = sessionNumber(bench)
    bench.say(.data, 0, sample(48))
    _ = bench.hear()
    _ = bench.events()
    #expect(hello(bench, continuing: session)?.continuedSession == session)
    bench.say(.data, 3, sample(16, seed: 3))
    #expect(bench.events() == [.resumed, .readable])
    #expect(bench.read() == sample(48) + sample(16, seed: 3))
  }

  @Test func otherSessionsAreNotGoneOnWith() {
    for offset in [0, 1] as [UInt32] {
      let bench = bench(.responder)
      let session = sessionNumber(bench)
      bench.say(.data, 0, sample(48))
      bench.write(sample(300, seed: 2))
      _ = bench.hear(for: .seconds(9))
      #expect(bench.events().contains(.interrupted))
      #expect(hello(bench, continuing: offset == 0 ? 0 : session &+ 1)?.continuedSession == 0)
      bench.say(.data, 0, sample(16, seed: 3))
      let events = bench.events()
      #expect(events.count == 2)
      #expect(events.last == .readable)
      #expect(bench.read() == sample(16, seed: 3))
      #expect(bench.isDrained)
    }
  }

  /// A session that went on is the one to go on with next.
  @Test func sessionGoesOnMoreThanOnce() {
    let bench = bench(.responder)
    var session = sessionNumber(bench)
    var next: UInt16 = 0
    var read: [UInt8] = []
    var nonce: UInt32 = 0x5000_0000
    for round in 0..<4 as Range<UInt64> {
      bench.say(.data, next, sample(32, seed: round))
      next += 2
      read += bench.read()
      _ = bench.hear(for: .seconds(9))
      _ = bench.events()
      var hello = bench.handshake()
      nonce += 1
      hello.nonce = nonce
      hello.continuedSession = session
      bench.say(.hello, hello)
      let welcome = bench.hear().last.flatMap { Handshake(parsing: $0.payload.span) }
      #expect(welcome?.continuedSession == session)
      bench.expect(initiatorNonce: nonce, responderNonce: welcome?.nonce ?? 0)
      session = sessionNumber(bench)
      bench.say(.acknowledgement)
      #expect(bench.events() == [.resumed])
    }
    #expect(read == (0..<4 as Range<UInt64>).flatMap { sample(32, seed: $0) })
  }

  @Test func responderGivesUpAtTheLimit() {
    let bench = bench(.responder, limit: .seconds(3))
    let start = bench.now
    _ = bench.hear(for: .seconds(12))
    #expect(bench.events() == [.interrupted, .closed(.peerSilent)])
    #expect(bench.deadline == nil)
    #expect(bench.now == start + .seconds(12))
  }

  // MARK: - READY

  @Test func readyEndsTheSilenceAtOnce() {
    let bench = bench(.initiator)
    let session = sessionNumber(bench)
    bench.write(sample(112))
    _ = bench.hear()
    bench.advance(by: .milliseconds(200))
    _ = bench.hear()
    bench.sayReady()
    #expect(bench.events() == [.interrupted])
    let hello = bench.hear()
    #expect(hello.map(\.kind) == [.hello])
    #expect(
      hello.first.flatMap { Handshake(parsing: $0.payload.span) }?.continuedSession == session)
    bench.sayReady()
    #expect(bench.events().isEmpty)
    #expect(bench.hear().isEmpty, "it is looking for the peer already")
  }

  @Test func readyMeansNothingElsewhere() {
    let opening = Bench(.initiator)
    opening.link.open(at: opening.now)
    _ = opening.hear()
    opening.sayReady()
    #expect(opening.events().isEmpty)
    let responder = bench(.responder)
    _ = responder.hear()
    responder.sayReady()
    #expect(responder.events().isEmpty)
    #expect(responder.isEstablished)
  }

  @Test func responderWithoutASessionSaysReadyOnceASecond() {
    let bench = Bench(.responder)
    bench.link.listen()
    bench.expect(initiatorNonce: 1, responderNonce: 2)
    bench.now = Instant(microseconds: 5_000_000)
    var times: [Int64] = []
    for _ in 0..<250 {
      bench.say(.data, 0, sample(16))
      for frame in bench.hear() {
        #expect(frame.kind == .ready)
        #expect(frame.payload == [])
        times.append(bench.now.microseconds / 1000)
      }
      bench.advance(by: .milliseconds(10))
    }
    #expect(times == [5000, 6000, 7000])
    #expect(!bench.isEstablished)
  }

  /// A frame behind a WELCOME may be of the session that this agrees: damaged, or of a HELLO before.
  @Test func readyIsNeverSaidBehindAWelcome() {
    let bench = Bench(.responder)
    bench.link.listen()
    bench.say(.hello, bench.handshake())
    #expect(bench.hear().map(\.kind) == [.welcome])
    bench.expect(initiatorNonce: 1, responderNonce: 2)
    for _ in 0..<5 {
      bench.say(.data, 0, sample(16))
      bench.advance(by: .milliseconds(700))
      #expect(bench.hear().isEmpty)
    }
    // Nor in one portion with what makes it owe both.
    let other = Bench(.responder)
    other.link.listen()
    other.expect(initiatorNonce: 1, responderNonce: 2)
    other.say(.data, 0, sample(16))
    other.say(.hello, other.handshake())
    let kinds = other.hear().map(\.kind)
    #expect(kinds.last == .welcome, "\(kinds)")
  }
}

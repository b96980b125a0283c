internal import Framing

/// How sessions begin and end.
extension Link {
  /// Initiator: looks for a responder.
  public mutating func open(at now: Instant) {
    precondition(configuration.role == .initiator, "only an initiator opens")
    // A peer that has not noticed the end of a session takes its nonce for a late copy of the HELLO.
    if state != .idle { nonce = nextNonce(mixing: 0) }
    resetStreams()
    start(.opening(giveUpAt: now + configuration.openLimit))
    sendHello()
  }

  /// Responder: waits for an initiator.
  public mutating func listen() {
    precondition(configuration.role == .responder, "only a responder listens")
    resetStreams()
    start(.listening(giveUpAt: nil))
  }

  /// Ends the session and tells the peer, as well as an unanswered frame can.
  public mutating func close(_ code: CloseCode) {
    switch state {
    case .closed: break
    case .idle, .opening, .listening: start(.closed)
    case .established: end(.local(code), telling: code)
    }
  }

  /// Tells the peer that this end will not answer for a time, at most a minute: it erases flash, or its
  /// disk is slow.
  ///
  /// The peer sends no data meanwhile, and takes the silence for what it is.
  public mutating func announceBusy(for time: Interval, at now: Instant) {
    guard state == .established else { return }
    let limit = Interval.milliseconds(Int64(UInt16.max))
    busyUntil = now + min(time, limit)
    owed.answer = .busy
  }

  /// Whether a session is open.
  public var isEstablished: Bool { state == .established }

  private mutating func start(_ new: State) {
    // A session begins at the base rate: there the ends find each other.
    returnToBaseRate()
    state = new
    session = nil
    pending = nil
    owed = Owed()
    forgetTransmissions()
  }

  /// What was under way belongs to a session that is over.
  private mutating func forgetTransmissions() {
    rateOwed = nil
    retransmitAt = nil
    timed = nil
    probe = nil
    isProbing = false
    isRepeatAnswered = false
    busyUntil = nil
    pausedUntil = nil
    awaitsAnswer = false
    failures = 0
    correctedHere = CorrectionCount()
    correctedThere = CorrectionCount()
  }

  private mutating func resetStreams() {
    streamSession = nil
    sending.reset()
    receiving.reset()
  }

  private mutating func sendHello() {
    owed.hello = true
    helloCount = 0
  }

  /// The session begins, with streams of its own or with those of the one before.
  mutating func establish(_ new: Session, at now: Instant) {
    start(.established)
    session = new
    streamSession = new.number
    helloAt = nil
    lastHeard = now
    awaitsAnswer = true
    if new.isContinuation {
      sending.resume()
      receiving.resume()
      // Tells the peer where its stream goes on.
      owed.answer = .acknowledgement
      events.append(.resumed)
    } else {
      sending.reset()
      receiving.reset()
      events.append(.opened(new.peer))
    }
    seekFasterRate()
  }

  /// The peer has fallen silent or has lost its memory: the ends look for each other again, and keep
  /// their streams for a session that goes on with them.
  mutating func interrupt(at now: Instant) {
    let limit = configuration.reconnectLimit
    guard limit > Interval(microseconds: 0) else {
      end(.peerSilent, telling: .aborted)
      return
    }
    switch configuration.role {
    case .initiator:
      nonce = nextNonce(mixing: 0)
      start(.opening(giveUpAt: now + limit))
      sendHello()
    case .responder: start(.listening(giveUpAt: now + limit))
    }
    events.append(.interrupted)
  }

  /// Over, with `code` for the peer where it is to be told.
  mutating func end(_ reason: CloseReason, telling code: CloseCode?) {
    state = .closed
    helloAt = nil
    owed = Owed()
    rateOwed = nil
    if let code, session != nil {
      closeCode = code
      owed.closeCount = 2
    }
    events.append(.closed(reason))
  }

  /// Nobody was found within the limit.
  mutating func giveUpLooking() {
    end(streamSession == nil ? .noAnswer : .peerSilent, telling: nil)
  }

  // MARK: - Handshakes

  mutating func receiveHandshake(_ byteCount: Int, at now: Instant) {
    guard let kind = decoder.header?.kind else { return }
    if kind == .ready {
      // A responder without a session hears frames of one: it was reset.
      if configuration.role == .initiator, state == .established { interrupt(at: now) }
      return
    }
    guard let handshake = decoder.withPayload(byteCount: byteCount, { Handshake(parsing: $0) })
    else { return }
    // All others are from the same role on one line, or sealed for sessions only.
    if kind == .hello, configuration.role == .responder { receiveHello(handshake) }
    if kind == .welcome, configuration.role == .initiator { receiveWelcome(handshake, at: now) }
  }

  /// Answers with a nonce of this end.
  ///
  /// The session that is open goes on until a frame of the new one arrives, so a HELLO left over in
  /// some buffer disturbs nobody.
  private mutating func receiveHello(_ hello: Handshake) {
    // A late copy of the HELLO that opened this session.
    if session?.initiatorNonce == hello.nonce { return }
    owed.welcome = true
    // Behind the WELCOME it would end the session that this agrees.
    owed.ready = false
    if pending?.initiatorNonce == hello.nonce { return }
    nonce = nextNonce(mixing: hello.nonce)
    pending = session(
      with: hello, initiatorNonce: hello.nonce, responderNonce: nonce,
      isContinuation: streamSession != nil && hello.continuedSession == streamSession)
  }

  private mutating func receiveWelcome(_ welcome: Handshake, at now: Instant) {
    guard case .opening = state, welcome.echoedNonce == nonce else { return }
    guard welcome.commonVersion != nil else {
      let reason = CloseReason.peerIncompatible(
        versionMinimum: welcome.versionMinimum, versionMaximum: welcome.versionMaximum)
      end(reason, telling: nil)
      return
    }
    guard Int(welcome.mtu) >= LinkConfiguration.mtuMinimum else {
      end(.peerMisbehaved(.mtuTooSmall), telling: nil)
      return
    }
    if let helloEnd {
      let answer = rate.wireTime(byteCount: Handshake.byteCount + 8)
      turnaround.sample(now - helloEnd - answer)
    }
    let new = session(
      with: welcome, initiatorNonce: nonce, responderNonce: welcome.nonce,
      isContinuation: streamSession != nil && welcome.continuedSession == streamSession)
    establish(new, at: now)
    // The responder opens its session by the first frame in it.
    owed.answer = .acknowledgement
  }

  private func session(
    with peer: Handshake, initiatorNonce: UInt32, responderNonce: UInt32, isContinuation: Bool
  ) -> Session {
    let number = Seal.sessionNumber(
      initiatorNonce: initiatorNonce, responderNonce: responderNonce)
    return Session(
      initiatorNonce: initiatorNonce, number: number, isContinuation: isContinuation,
      outgoing: Seal(session: number, configuration.role.direction),
      incoming: Seal(session: number, configuration.role.other.direction),
      peer: PeerLimits(
        version: peer.commonVersion ?? LinkConfiguration.protocolVersion,
        mtu: max(Int(peer.mtu), LinkConfiguration.mtuMinimum),
        windowBlockCount: min(Int(peer.windowBlockCount), BlockNumber.windowLimit - 1),
        usesWindow: receiving.isSelective && peer.capabilities.contains(.selective),
        usesCorrection: configuration.usesCorrection && peer.capabilities.contains(.correction),
        rates: peer.capabilities.rates))
  }

  /// A new number for each session from the one random number that this end was given.
  func nextNonce(mixing other: UInt32) -> UInt32 {
    var crc = CRC32()
    crc.update(littleEndian: nonce)
    crc.update(littleEndian: other)
    return crc.value
  }

  // MARK: - What goes out outside of sessions

  mutating func appendHello(into output: inout OutputSpan<UInt8>, at now: Instant) {
    owed.hello = false
    helloCount += 1
    let handshake = handshake(continuing: streamSession ?? 0, echoing: 0)
    append(.hello, handshake, into: &output, at: now)
    // Karn's rule: an answer to one of several tells nothing.
    helloEnd = helloCount == 1 ? lineFreeAt : nil
    let answer = rate.wireTime(byteCount: Handshake.byteCount + Self.answerByteCount)
    helloAt = lineFreeAt + answer + Self.helloInterval
  }

  /// Answers a HELLO, or says that this end is here and has no session; false where neither is owed.
  mutating func appendWelcome(into output: inout OutputSpan<UInt8>, at now: Instant) -> Bool {
    if owed.welcome, let pending {
      owed.welcome = false
      let handshake = handshake(
        continuing: pending.isContinuation ? streamSession ?? 0 : 0,
        echoing: pending.initiatorNonce)
      append(.welcome, handshake, into: &output, at: now)
      return true
    }
    guard owed.ready else { return false }
    owed.ready = false
    append(.ready, nil, into: &output, at: now)
    return true
  }

  private func handshake(continuing session: UInt32, echoing echoed: UInt32) -> Handshake {
    var capabilities: Capabilities = receiving.isSelective ? .selective : []
    if configuration.usesCorrection { capabilities.insert(.correction) }
    capabilities.formUnion(Capabilities(rates: configuration.rates))
    return Handshake(
      nonce: nonce, echoedNonce: echoed, mtu: UInt16(clamping: decoder.mtu),
      windowBlockCount: UInt16(clamping: receiving.windowBlockCount),
      capabilities: capabilities, continuedSession: session)
  }

  private mutating func append(
    _ kind: FrameKind, _ handshake: Handshake?, into output: inout OutputSpan<UInt8>,
    at now: Instant
  ) {
    let start = output.count
    // Ends whatever noise or half a frame stands on the line before it.
    output.append(COBS.delimiter)
    var frame = FrameEncoder(
      FrameHeader(kind), seal: Seal(outsideSessions: configuration.role.direction), into: &output)
    handshake?.emit(&frame, into: &output)
    frame.finish(into: &output)
    occupyLine(byteCount: output.count - start, at: now)
  }
}

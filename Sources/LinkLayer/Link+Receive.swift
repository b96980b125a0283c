internal import Framing

/// What comes in.
extension Link {
  /// Takes bytes from the line, in any portions.
  public mutating func receive(_ bytes: Span<UInt8>, at now: Instant) {
    statistics.wireBytesReceived += UInt64(bytes.count)
    var position = 0
    while state != .idle, state != .closed, let output = decoder.decode(bytes, from: &position) {
      switch output {
      case .malformed: noteCorrupt()
      case .frame(let byteCount): receiveFrame(byteCount, at: now)
      }
    }
  }

  private mutating func receiveFrame(_ byteCount: Int, at now: Instant) {
    if let session, decoder.isSealed(by: session.incoming, byteCount: byteCount) {
      receiveInSession(byteCount, at: now)
    } else if let pending, decoder.isSealed(by: pending.incoming, byteCount: byteCount) {
      establish(pending, at: now)
      receiveInSession(byteCount, at: now)
    } else if decoder.isSealed(
      by: Seal(outsideSessions: configuration.role.other.direction), byteCount: byteCount)
    {
      receiveHandshake(byteCount, at: now)
    } else if isEcho(byteCount) {
      statistics.framesEchoed += 1
    } else {
      noteCorrupt()
    }
  }

  /// Whether this end sent the frame itself.
  ///
  /// An answer to it would come back in turn, for ever.
  private func isEcho(_ byteCount: Int) -> Bool {
    let own = Seal(outsideSessions: configuration.role.direction)
    if decoder.isSealed(by: own, byteCount: byteCount) { return true }
    guard let session else { return false }
    return decoder.isSealed(by: session.outgoing, byteCount: byteCount)
  }

  private mutating func noteCorrupt() {
    statistics.framesCorrupt += 1
    // Outside a session nobody knows whom it came from, and an answer may hit a stranger.
    if state == .established { owed.answer = .negativeAcknowledgement }
  }

  private mutating func receiveInSession(_ byteCount: Int, at now: Instant) {
    statistics.framesReceived += 1
    lastHeard = now
    // A kind of a later revision: the frame is sound, so it is no reason to ask for it again.
    guard let header = decoder.header else { return }
    let block = BlockNumber(header.sequence)
    switch header.kind {
    case .data: receiveData(first: block, byteCount)
    case .acknowledgement: receiveAcknowledgement(next: block, at: now)
    case .negativeAcknowledgement:
      receiveAcknowledgement(next: block, at: now)
      retransmitEarly(at: now)
    case .busy:
      receiveAcknowledgement(next: block, at: now)
      receiveBusy(byteCount, at: now)
    case .ping: if owed.answer == nil { owed.answer = .acknowledgement }
    case .close:
      let code = decoder.withPayload(byteCount: byteCount) { payload in
        payload.isEmpty ? nil : CloseCode(rawValue: payload[0])
      }
      end(.peer(code ?? .other), telling: nil)
    case .hello, .welcome: break  // Sealed outside sessions only.
    }
  }

  // MARK: - Data and answers

  private mutating func receiveData(first: BlockNumber, _ byteCount: Int) {
    let outcome = decoder.withPayload(byteCount: byteCount) { receiving.take($0, first: first) }
    owed.answer = .acknowledgement
    switch outcome {
    case .delivered(let count):
      statistics.bytesDelivered += UInt64(count)
      events.append(.readable)
    case .duplicate: statistics.framesDuplicate += 1
    case .gap: break
    case .noRoom: owed.answer = .busy
    }
  }

  private mutating func receiveAcknowledgement(next: BlockNumber, at now: Instant) {
    let inFlight = sending.inFlight
    guard let byteCount = sending.acknowledge(upTo: next) else {
      end(.peerMisbehaved(.acknowledgedUnsentBlocks), telling: .misbehaved)
      return
    }
    guard byteCount > 0 else { return }
    statistics.bytesAcknowledged += UInt64(byteCount)
    if let inFlight {
      sizer.noteDelivered(byteCount: inFlight.wireByteCount)
      if inFlight.isSampled {
        let answer = configuration.rate.wireTime(byteCount: Self.answerByteCount)
        turnaround.sample(now - inFlight.transmissionEnd - answer)
      }
    }
    if isDrained { events.append(.drained) }
  }

  /// A broken frame was seen by the peer: ours, if ours can have arrived by now.
  ///
  /// One that is still leaving was not meant, and its own answer will tell.
  private mutating func retransmitEarly(at now: Instant) {
    turnaround.endBackOff()
    guard state == .established, let inFlight = sending.inFlight, inFlight.transmissionEnd <= now
    else { return }
    giveUp(inFlight, .negativeAcknowledgement)
  }

  private mutating func receiveBusy(_ byteCount: Int, at now: Instant) {
    let wait = decoder.withPayload(byteCount: byteCount) { payload in
      payload.count >= 2 ? Int64(payload.number16(at: 0)) : 0
    }
    guard var inFlight = sending.inFlight else { return }
    // It has said how long it will be silent, which may be longer than silence is borne.
    lastHeard = now + .milliseconds(wait)
    inFlight.retransmitAt = now + .milliseconds(wait)
    inFlight.cause = .busy
    inFlight.isSampled = false
    sending.inFlight = inFlight
  }

  // MARK: - Opening

  private mutating func receiveHandshake(_ byteCount: Int, at now: Instant) {
    guard let kind = decoder.header?.kind,
      let handshake = decoder.withPayload(byteCount: byteCount, { Handshake(parsing: $0) })
    else { return }
    switch (kind, configuration.role) {
    case (.hello, .responder): receiveHello(handshake)
    case (.welcome, .initiator): receiveWelcome(handshake, at: now)
    case (.hello, .initiator), (.welcome, .responder): break  // Two of the same role on one line.
    case (.data, _), (.acknowledgement, _), (.negativeAcknowledgement, _), (.busy, _), (.ping, _),
      (.close, _):
      break
    }
  }

  /// Answers with a nonce of this end.
  ///
  /// The session that is open goes on until a frame of the new one arrives, so a HELLO left over in
  /// some buffer disturbs nobody.
  private mutating func receiveHello(_ hello: Handshake) {
    // A late copy of the HELLO that opened this session.
    if session?.initiatorNonce == hello.nonce { return }
    owed.welcome = true
    if pending?.initiatorNonce == hello.nonce { return }
    nonce = nextNonce(mixing: hello.nonce)
    pending = session(with: hello, initiatorNonce: hello.nonce, responderNonce: nonce)
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
      let answer = configuration.rate.wireTime(byteCount: Handshake.byteCount + 8)
      turnaround.sample(now - helloEnd - answer)
    }
    establish(
      session(with: welcome, initiatorNonce: nonce, responderNonce: welcome.nonce), at: now)
    // The responder opens its session by the first frame in it.
    owed.answer = .acknowledgement
  }

  private func session(
    with peer: Handshake, initiatorNonce: UInt32, responderNonce: UInt32
  ) -> Session {
    func seal(_ direction: Direction) -> Seal {
      Seal(initiatorNonce: initiatorNonce, responderNonce: responderNonce, direction)
    }
    return Session(
      initiatorNonce: initiatorNonce,
      outgoing: seal(configuration.role.direction),
      incoming: seal(configuration.role.other.direction),
      peer: PeerLimits(
        version: peer.commonVersion ?? LinkConfiguration.protocolVersion,
        mtu: max(Int(peer.mtu), LinkConfiguration.mtuMinimum),
        windowBlockCount: Int(peer.windowBlockCount)))
  }

  /// A new number for each session from the one random number that this end was given.
  func nextNonce(mixing other: UInt32) -> UInt32 {
    var crc = CRC32()
    crc.update(littleEndian: nonce)
    crc.update(littleEndian: other)
    return crc.value
  }
}

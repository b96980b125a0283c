internal import Framing

/// What comes in.
extension Link {
  /// Takes bytes from the line, in any portions.
  public mutating func receive(_ bytes: Span<UInt8>, at now: Instant) {
    statistics.wireBytesReceived += UInt64(bytes.count)
    var position = 0
    while state != .idle, state != .closed, let output = decoder.decode(bytes, from: &position) {
      switch output {
      case .malformed: noteCorrupt(at: now)
      case .frame(let byteCount): receiveFrame(byteCount, at: now)
      }
    }
  }

  private mutating func receiveFrame(_ totalByteCount: Int, at now: Instant) {
    if let byteCount = decoder.byteCount(total: totalByteCount),
      receiveSound(byteCount, at: now)
    {
      if let strength = decoder.header?.strength { incomingStrength = strength }
    } else if let byteCount = corrected(totalByteCount) {
      receiveInSession(byteCount, at: now)
    } else {
      noteCorrupt(at: now)
      noteStranger(at: now)
    }
  }

  /// Takes a frame if its checksum is right: of the session, of the one that was agreed, outside
  /// sessions, or this end's own.
  private mutating func receiveSound(_ byteCount: Int, at now: Instant) -> Bool {
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
      return false
    }
    return true
  }

  /// The size of a damaged frame without its parity, once that has put it right.
  ///
  /// The strength is in the header, and where that is hit, it is mostly the same as before.
  private mutating func corrected(_ totalByteCount: Int) -> Int? {
    guard let session, session.peer.usesCorrection,
      let strength = decoder.header?.strength ?? incomingStrength
    else { return nil }
    let candidates = (strength, incomingStrength ?? strength)
    if let byteCount = corrected(totalByteCount, by: candidates.0, session) { return byteCount }
    if candidates.0 == candidates.1 { return nil }
    return corrected(totalByteCount, by: candidates.1, session)
  }

  private mutating func corrected(
    _ totalByteCount: Int, by strength: CorrectionStrength, _ session: Session
  ) -> Int? {
    guard let count = decoder.correct(totalByteCount: totalByteCount, by: strength),
      decoder.header?.strength == strength,
      let byteCount = decoder.byteCount(total: totalByteCount),
      decoder.isSealed(by: session.incoming, byteCount: byteCount)
    else { return nil }
    incomingStrength = strength
    correctedHere.note(byteCount: count)
    statistics.framesCorrected += 1
    statistics.bytesCorrected += UInt64(count)
    return byteCount
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

  private mutating func noteCorrupt(at now: Instant) {
    statistics.framesCorrupt += 1
    // Outside a session nobody knows whom it came from, and an answer may hit a stranger.
    guard state == .established else { return }
    if sending.underWayCount == 0 {
      owed.answer = owed.answer ?? .negativeAcknowledgement
    } else if configuration.role == .initiator {
      // The answer that this end waits for was hit: the same as none, only sooner. Where both ends
      // have spoken at once, on a half-duplex line, only one of them may go on at once.
      retransmitEarly(at: now)
    }
  }

  /// A frame of a session that this end knows nothing of: a responder that was reset says so.
  ///
  /// The peer need not wait for its silence then. Now and then, since the frame may be anybody's.
  private mutating func noteStranger(at now: Instant) {
    // Behind a WELCOME it may be a frame of the session that this has agreed.
    guard case .listening = state, pending == nil, now >= readyAt ?? now else { return }
    owed.ready = true
    readyAt = now + Self.readyInterval
  }

  private mutating func receiveInSession(_ byteCount: Int, at now: Instant) {
    statistics.framesReceived += 1
    lastHeard = max(lastHeard, now)
    // Both ends are at this rate.
    rates.trialUntil = nil
    // A kind of a later revision: the frame is sound, so it is no reason to ask for it again.
    guard let header = decoder.header else { return }
    let block = BlockNumber(header.sequence)
    switch header.kind {
    case .data: receiveData(first: block, byteCount)
    case .acknowledgement:
      if !receiveAnswer(next: block, byteCount, at: now) { noteAnswerWithoutNews() }
    case .negativeAcknowledgement:
      let isNews = receiveAnswer(next: block, byteCount, at: now)
      // An answer that breaks the rules is the graver cause.
      guard state == .established else { return }
      turnaround.endBackOff()
      retransmitEarly(at: now)
      if !isNews { giveUpOverdue(at: now) }
    case .busy: receiveBusy(next: block, byteCount, at: now)
    case .ping: owed.answer = owed.answer ?? .acknowledgement
    case .close:
      let code = decoder.withPayload(byteCount: byteCount) { payload in
        payload.isEmpty ? nil : CloseCode(rawValue: payload[0])
      }
      end(.peer(code ?? .other), telling: nil)
    case .rate: receiveRate(token: header.sequence, byteCount, at: now)
    case .hello, .welcome, .ready: break  // Sealed outside sessions only.
    }
  }

  private mutating func receiveData(first: BlockNumber, _ byteCount: Int) {
    let outcome = decoder.withPayload(byteCount: byteCount) { receiving.take($0, first: first) }
    owed.answer = .acknowledgement
    switch outcome {
    case .delivered(let count):
      statistics.bytesDelivered += UInt64(count)
      events.append(.readable)
    case .duplicate: statistics.framesDuplicate += 1
    case .held, .gap: break
    case .noRoom: owed.answer = .busy
    }
  }

  // MARK: - Answers

  /// Takes what an answer says; false where that is nothing new.
  ///
  /// `start` is where the report begins in the payload.
  @discardableResult
  private mutating func receiveAnswer(
    next: BlockNumber, _ byteCount: Int, reportAt start: Int = 0, at now: Instant
  ) -> Bool {
    var corrected = correctedThere
    let settlement = decoder.withPayload(byteCount: byteCount) { payload in
      let from = min(start + Self.reportHeadByteCount, payload.count)
      if from == start + Self.reportHeadByteCount {
        corrected = CorrectionCount(
          bytes: payload.number16(at: start), frames: payload.number16(at: start + 2))
      }
      return sending.acknowledge(upTo: next, report: payload.extracting(from..<payload.count))
    }
    guard let settlement else {
      end(.peerMisbehaved(.acknowledgedUnsentBlocks), telling: .misbehaved)
      return true
    }
    // Where the frames had been given up, they have arrived all the same.
    guard settlement.newest != nil || settlement.byteCount > 0 else { return false }
    awaitsAnswer = false
    statistics.bytesAcknowledged += UInt64(settlement.byteCount)
    failures = 0
    let overhead = settlement.delivered.frameCount * Self.frameOverheadByteCount
    let delivered = settlement.delivered.payloadByteCount + overhead
    sizer.noteDelivered(
      frameCount: settlement.delivered.frameCount, byteCount: delivered)
    correction.noteDelivered(byteCount: delivered, corrected: corrected - correctedThere)
    correctedThere = corrected
    if let newest = settlement.newest { noteArrival(of: newest, at: now) }
    reviewCorrection()
    stepDownIfBad()
    // What is not under way any more has left the line, whatever its rate was believed to be: a USB
    // device has none.
    let rest = rate.wireTime(byteCount: sending.underWayCount * 17)
    lineFreeAt = min(lineFreeAt, now + rest)
    rearm(at: now)
    if isDrained { events.append(.drained) }
    return true
  }

  /// The frame `newest` has been answered; those sent before it, and not answered, are lost.
  private mutating func noteArrival(of newest: Stamp, at now: Instant) {
    let answer = rate.wireTime(byteCount: Self.answerByteCount)
    if let timed, !newest.isOlder(than: timed.stamp) {
      turnaround.sample(now - timed.end - answer)
      self.timed = nil
      isRepeatAnswered = false
    }
    if let probe, !newest.isOlder(than: probe.stamp) {
      self.probe = nil
      // Twice running, with none measured in between: a peer that answers late and all at once.
      if isRepeatAnswered { turnaround.noteTooShort() }
      isRepeatAnswered = true
      turnaround.endBackOff()
      // It cannot have been answered yet: this is the late answer to what went before it.
      if now < probe.end + answer {
        turnaround.noteTooShort()
        return
      }
    }
    noteLost(sending.giveUp(before: newest), .answeredLater)
  }

  /// Where a frame was sent again after a timeout and is answered twice, nothing was lost: the first
  /// answer was late.
  private mutating func noteAnswerWithoutNews() {
    guard isRepeatAnswered else { return }
    isRepeatAnswered = false
    turnaround.noteTooShort()
  }

  /// A broken frame was seen by the peer: ours, if ours can have arrived by now.
  ///
  /// One that is still leaving was not meant, and its own answer will tell. With a window the answers
  /// to later frames tell more. After each eighth failure in a row the timer is waited for: on a
  /// half-duplex line it may be the haste that fails.
  private mutating func retransmitEarly(at now: Instant) {
    guard let session, awaitsAnswer || !session.peer.usesWindow, sending.underWayCount > 0,
      departures.end <= now, failures & 7 < 7
    else { return }
    noteLost(sending.giveUpAll(), .answeredLater)
    rearm(at: now)
  }

  /// With a window: the peer sees damage and nothing else, so what should be answered by now is lost.
  ///
  /// Else a line that got worse would swallow a window of long frames before any tells.
  private mutating func giveUpOverdue(at now: Instant) {
    guard let session, session.peer.usesWindow else { return }
    let answer = rate.wireTime(byteCount: Self.answerByteCount)
    guard let overdue = departures.last(before: now - turnaround.timeout - answer) else { return }
    noteLost(sending.giveUp(before: overdue.stamp.next), .answeredLater)
  }

  private mutating func receiveBusy(next: BlockNumber, _ byteCount: Int, at now: Instant) {
    let wait = decoder.withPayload(byteCount: byteCount) { payload in
      payload.count >= 2 ? Interval.milliseconds(Int64(payload.number16(at: 0))) : nil
    }
    guard let wait else { return }
    receiveAnswer(next: next, byteCount, reportAt: 2, at: now)
    // It has said how long it will be silent, which may be longer than silence is borne.
    guard state == .established else { return }
    lastHeard = now + wait
    pausedUntil = now + wait
    timed = nil
    retransmitAt = nil
  }

  // MARK: - Losses

  /// Why frames go out again.
  enum Cause: Equatable {
    case timeout
    /// An answer to a later frame, or one that tells of damage.
    case answeredLater
    /// The peer had no room for them.
    case busy
  }

  mutating func noteLost(_ lost: FrameTally, _ cause: Cause) {
    guard lost.frameCount > 0 else { return }
    timed = nil
    if cause == .busy {
      // They were sound: nothing is learnt about the line.
      statistics.busyRepeats += UInt64(lost.frameCount)
      return
    }
    statistics.retransmissions += UInt64(lost.frameCount)
    if cause == .timeout {
      statistics.timeouts += 1
      turnaround.backOff()
    }
    let overhead = lost.frameCount * Self.frameOverheadByteCount
    let byteCount = lost.payloadByteCount + overhead
    sizer.noteLost(frameCount: lost.frameCount, byteCount: byteCount)
    correction.noteLost(frameCount: lost.frameCount, byteCount: byteCount)
    rates.lossCount += lost.frameCount
    failures += 1
    if failures >= configuration.attemptLimit { end(.lineUnusable, telling: .aborted) }
  }

  /// Switches error correction on or off, or changes its strength, where that pays.
  private mutating func reviewCorrection() {
    guard let session, session.peer.usesCorrection else { return }
    let before = sizer.bytesPerLoss
    let limit = UInt32(truncatingIfNeeded: payloadByteCountLimit(for: session.peer))
    let cost = UInt32(truncatingIfNeeded: frameCostByteCount(for: session.peer))
    let size = nextPayloadByteCount(for: session.peer)
    guard correction.review(bytesPerLoss: before, limit: limit, cost: cost), let before else {
      return
    }
    sizer.restart(
      expectingBytesPerLoss: correction.expectedBytesPerLoss(before: before), from: size)
  }

  /// Waits for the answer to what is under way, from the last frame on.
  mutating func rearm(at now: Instant) {
    guard sending.underWayCount > 0 else {
      retransmitAt = nil
      return
    }
    let answer = rate.wireTime(byteCount: Self.answerByteCount)
    retransmitAt = max(departures.end, now) + answer + turnaround.timeout + collisionDelay
  }

  /// Without a window the line may be half-duplex: ends that have spoken at once must not do so again
  /// and again, so each waits for a time of its own after a loss.
  private var collisionDelay: Interval {
    guard failures > 0, session?.peer.usesWindow == false else { return .milliseconds(0) }
    var draw = CRC32()
    draw.update(littleEndian: nonce)
    draw.update(UInt8(truncatingIfNeeded: failures))
    draw.update(configuration.role.rawValue)
    let slot = Self.collisionSlotByteCount << min(failures / 8, 3)
    return rate.wireTime(byteCount: Int(draw.value >> 29) * slot)
  }
}

internal import Framing

/// The search for the fastest rate, and the way back (Protocol.md §4.7).
extension Link {
  /// The rate at which the line has to run for whatever is handed out or comes in from now on, in bits
  /// a second.
  ///
  /// It changes only when what was handed out before has left the line.
  public var baudRate: UInt32 { rates.current }

  /// The slowest rate that has failed; `UInt32.max` where none has.
  public var failedBaudRate: UInt32 { rates.ceiling }

  /// Initiator: proposes a faster rate, if both ends have one that has not failed.
  mutating func seekFasterRate() {
    guard configuration.role == .initiator, let session,
      let target = configuration.rates.intersection(session.peer.rates)
        .fastest(above: rates.current, below: rates.ceiling)
    else { return }
    propose(target)
  }

  private mutating func propose(_ target: UInt32) {
    rates.target = target
    rates.tries = 0
    rates.phase = .proposing
    rates.isTryOwed = true
  }

  /// When something about the rate is due.
  var rateDeadline: Instant? {
    var earliest: Instant?
    func add(_ time: Instant?) {
      if let time { earliest = earliest.map { min($0, time) } ?? time }
    }
    add(rates.change?.at)
    add(rates.trialUntil)
    add(rates.nextTryAt)
    switch rates.phase {
    case .changing(let time), .returning(let time): add(time)
    case .settled: if rates.isRaised { add(lastHeard + silenceBeforeReturn) }
    case .proposing, .testing: break
    }
    return earliest
  }

  private var silenceBeforeReturn: Interval {
    configuration.role == .initiator
      ? RateControl.initiatorSilence : RateControl.responderSilence
  }

  mutating func expireRateTimers(at now: Instant) {
    if let change = rates.change, now >= change.at {
      rates.change = nil
      run(at: change.rate, at: now)
      rates.trialUntil = now + RateControl.trialTime
    }
    if let trialUntil = rates.trialUntil, now >= trialUntil {
      rates.trialUntil = nil
      run(at: rates.base, at: now)
    }
    if let nextTryAt = rates.nextTryAt, now >= nextTryAt {
      rates.nextTryAt = nil
      tryAgain(at: now)
    }
    switch rates.phase {
    case .changing(let time):
      guard now >= time else { return }
      run(at: rates.target, at: now)
      rates.phase = .testing
      rates.tries = 0
      rates.testsPassed = 0
      // The peer may be a little later.
      rates.nextTryAt = now + RateControl.settlingTime
    case .returning(let time):
      guard now >= time else { return }
      rates.phase = .settled
      seekFasterRate()
      // A peer that has stayed where it was, since it heard all the same, comes back for this.
      if rates.phase == .settled { propose(rates.base) }
    case .settled:
      guard rates.isRaised, now >= lastHeard + silenceBeforeReturn else { return }
      abandonRate(at: now)
    case .proposing, .testing: break
    }
  }

  private mutating func tryAgain(at now: Instant) {
    let limit = rates.phase == .testing ? RateControl.testLimit : RateControl.proposalLimit
    if rates.tries < limit {
      rates.isTryOwed = true
    } else if rates.phase == .testing {
      abandonRate(at: now)
    } else {
      // A peer that does not answer proposals is left alone with them.
      rates.ceiling = 0
      rates.phase = .settled
    }
  }

  /// The rate has failed: both ends go back, and a slower one is tried when they have met again.
  private mutating func abandonRate(at now: Instant) {
    let wait =
      rates.phase == .testing ? RateControl.trialTime : RateControl.responderSilence
    if configuration.role == .initiator { rates.ceiling = rates.current }
    run(at: rates.base, at: now)
    rates.nextTryAt = nil
    rates.isTryOwed = false
    guard configuration.role == .initiator else { return }
    rates.phase = .returning(until: now + wait)
    // The peer is still there, only not to be heard.
    lastHeard = now
  }

  /// Initiator: slows down where this rate wastes so much that the next slower one, if it is clean, is
  /// better.
  mutating func stepDownIfBad() {
    guard configuration.role == .initiator, rates.phase == .settled, rates.isRaised,
      rates.lossCount >= RateControl.lossesNeeded, let session,
      let bytesPerLoss = sizer.bytesPerLoss
    else { return }
    let common = configuration.rates.intersection(session.peer.rates)
    let slower = common.fastest(above: rates.base, below: rates.current) ?? rates.base
    let limit = UInt32(truncatingIfNeeded: payloadByteCountLimit(for: session.peer))
    let wasted = correction.waste(bytesPerLoss: bytesPerLoss, limit: limit)
    let kept = (UInt64(rates.current) * UInt64(65_536 - min(wasted, 65_536))) >> 16
    guard kept < UInt64(slower) * 7 / 8 else { return }
    rates.ceiling = rates.current
    propose(slower)
  }

  mutating func returnToBaseRate() {
    rates.reset()
    rate = LineRate(baud: rates.base)
  }

  private mutating func run(at rate: UInt32, at now: Instant) {
    guard rate != rates.current else { return }
    rates.current = rate
    rates.lossCount = 0
    self.rate = LineRate(baud: rate)
    lineFreeAt = now
    // What is under way may have been caught by the change.
    timed = nil
    if sending.underWayCount > 0 { rearm(at: now) }
  }

  // MARK: - Frames

  /// Takes a RATE frame: a proposal or test where the initiator sent it, else the answer to one.
  mutating func receiveRate(token: UInt16, _ byteCount: Int, at now: Instant) {
    let proposed = decoder.withPayload(byteCount: byteCount) { payload in
      payload.count >= 4 ? payload.number32(at: 0) : nil
    }
    guard let proposed else { return }
    switch configuration.role {
    case .responder: rateOwed = (token, proposed)
    case .initiator: receiveRateAnswer(token: token, proposed, at: now)
    }
  }

  private mutating func receiveRateAnswer(token: UInt16, _ rate: UInt32, at now: Instant) {
    guard token == rates.token, rates.nextTryAt != nil else {
      // A test frame is answered late: the line is slower than its name.
      if rates.phase == .testing, rate == rates.target, token != rates.token {
        abandonRate(at: now)
      }
      return
    }
    switch rates.phase {
    case .proposing:
      rates.nextTryAt = nil
      if rates.target == rates.current {
        rates.phase = .settled
        rearm(at: now)
      } else if rate == rates.target {
        rates.phase = .changing(at: max(now, lineFreeAt))
      } else {
        rates.ceiling = rates.target
        rates.phase = .settled
        seekFasterRate()
      }
    case .testing:
      rates.testsPassed += 1
      rates.nextTryAt = nil
      if rates.testsPassed >= RateControl.testsNeeded {
        rates.phase = .settled
        rearm(at: now)
      } else {
        rates.isTryOwed = true
      }
    case .settled, .changing, .returning: break
    }
  }

  mutating func appendRate(into output: inout OutputSpan<UInt8>, at now: Instant) -> Bool {
    switch configuration.role {
    case .initiator: appendRateTry(into: &output, at: now)
    case .responder: appendRateAnswer(into: &output, at: now)
    }
  }

  private mutating func appendRateTry(
    into output: inout OutputSpan<UInt8>, at now: Instant
  ) -> Bool {
    // What is under way is settled first: it would be lost in the change.
    guard rates.isTryOwed, let session, sending.underWayCount == 0 || rates.phase == .testing
    else { return false }
    rates.isTryOwed = false
    rates.tries += 1
    rates.token = (rates.token + 1) & 0xFFF
    let isTest = rates.phase == .testing
    let longest =
      rates.tries <= RateControl.longTestCount
      ? RateControl.longTestByteCountLimit : RateControl.shortTestByteCountLimit
    let testByteCount = min(session.peer.mtu - FrameHeader.overheadByteCount, longest)
    appendRateFrame(
      rates.token, rates.target, byteCount: isTest ? testByteCount : 4, session, into: &output,
      at: now)
    let answer = rate.wireTime(byteCount: Self.answerByteCount + 4)
    // A test has to be answered in time, or the line is not what its name says.
    let wait = isTest ? turnaround.timeout : RateControl.proposalInterval
    rates.nextTryAt = lineFreeAt + answer + wait
    return true
  }

  private mutating func appendRateAnswer(
    into output: inout OutputSpan<UInt8>, at now: Instant
  ) -> Bool {
    guard let (token, proposed) = rateOwed, let session else { return false }
    rateOwed = nil
    let isPossible = configuration.rates.contains(baudRate: proposed) || proposed == rates.base
    let answer = isPossible ? proposed : rates.current
    appendRateFrame(token, answer, byteCount: 4, session, into: &output, at: now)
    if answer != rates.current { rates.change = (answer, lineFreeAt) }
    return true
  }

  private mutating func appendRateFrame(
    _ token: UInt16, _ baudRate: UInt32, byteCount: Int, _ session: Session,
    into output: inout OutputSpan<UInt8>, at now: Instant
  ) {
    let start = output.count
    output.append(COBS.delimiter)
    let header = FrameHeader(.rate, sequence: token)
    var frame = FrameEncoder(header, seal: session.outgoing, into: &output)
    frame.append(baudRate, into: &output)
    // Patterns that are hard on a receiver whose rate is a little off: runs, and changes at each bit.
    for index in 0..<max(byteCount - 4, 0) {
      frame.append(UInt8(truncatingIfNeeded: index &* 0x55 ^ index >> 2), into: &output)
    }
    frame.finish(into: &output)
    occupyLine(byteCount: output.count - start, at: now)
  }
}

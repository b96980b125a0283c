internal import Framing

/// What goes out, and when.
extension Link {
  /// What an answer weighs on the wire: header, checksum, stuffing, delimiter.
  static let answerByteCount = 8
  /// What a frame weighs beside its payload, as far as it does not depend on it.
  static let frameOverheadByteCount = 8
  /// What an answer carries in front of the bits of its report.
  static let reportHeadByteCount = 4
  /// The longest payload of an answer.
  static let reportByteCountLimit = 2 + reportHeadByteCount + BlockNumber.windowLimit / 8
  /// No frame holds the line for longer: on a slow one, the peer would take it for silence.
  static let frameTimeLimit = Interval.milliseconds(1500)
  /// With a window, how much is handed out before the line is free: enough for a desktop to get its
  /// turn again, and little, since what is handed out cannot be overtaken by what was lost.
  static let leadTime = Interval.milliseconds(10)
  /// How long a receiver without room asks to be left alone.
  static let busyMilliseconds: UInt16 = 50
  /// How long a WELCOME is waited for beyond the times on the wire.
  ///
  /// Where the turnaround is longer, one HELLO too many goes out, and that is all; where HELLO is lost,
  /// the user waits.
  static let helloInterval = Interval.milliseconds(100)
  /// What the times are multiples of that ends wait after speaking at once: a short frame on the wire,
  /// doubled with each eighth failure.
  static let collisionSlotByteCount = 32
  /// How often a responder without a session says that it is there.
  static let readyInterval = Interval.seconds(1)

  /// Appends the next frame to `output`, which has room for `transmitByteCountLimit` bytes.
  ///
  /// Returns false, and appends nothing, when there is nothing to send now.
  public mutating func transmit(into output: inout OutputSpan<UInt8>, at now: Instant) -> Bool {
    let start = output.count
    guard appendFrame(into: &output, at: now) else { return false }
    let byteCount = output.count - start
    statistics.framesSent += 1
    statistics.wireBytesSent += UInt64(byteCount)
    return true
  }

  /// When to call `expireTimers(at:)` at the latest; nil when no timer runs.
  public var deadline: Instant? {
    switch state {
    case .idle, .closed, .listening(nil): return nil
    case .listening(let giveUpAt): return giveUpAt
    case .opening(let giveUpAt): return min(helloAt ?? giveUpAt, giveUpAt)
    case .established:
      var earliest = lastHeard + configuration.silenceLimit
      if let pausedUntil {
        earliest = min(earliest, pausedUntil)
      } else {
        if let retransmitAt { earliest = min(earliest, retransmitAt) }
        if let pingAt { earliest = min(earliest, pingAt) }
        if nextPiece() != nil { earliest = min(earliest, dataAt) }
      }
      if owed.answer != nil { earliest = min(earliest, answerAt) }
      if let rateDeadline { earliest = min(earliest, rateDeadline) }
      return earliest
    }
  }

  /// Lets the timers that have run out take effect.
  ///
  /// Early and repeated calls do nothing.
  public mutating func expireTimers(at now: Instant) {
    switch state {
    case .idle, .closed: break
    case .listening(let giveUpAt): if let giveUpAt, now >= giveUpAt { giveUpLooking() }
    case .opening(let giveUpAt):
      if now >= giveUpAt {
        giveUpLooking()
      } else if let helloAt, now >= helloAt {
        self.helloAt = nil
        owed.hello = true
      }
    case .established: expireTimersInSession(at: now)
    }
  }

  private mutating func expireTimersInSession(at now: Instant) {
    expireRateTimers(at: now)
    if now >= lastHeard + configuration.silenceLimit {
      interrupt(at: now)
    } else if let pausedUntil {
      guard now >= pausedUntil else { return }
      self.pausedUntil = nil
      endPause(at: now)
    } else if let retransmitAt, now >= retransmitAt {
      giveUp(.timeout, at: now)
    } else if let pingAt, now >= pingAt {
      owed.ping = true
    }
  }

  /// The peer has had its pause.
  ///
  /// What it had no room for goes out again; with a window it is asked first, since all that was under
  /// way may have arrived.
  private mutating func endPause(at now: Instant) {
    if session?.peer.usesWindow == true, sending.underWayCount > 0 {
      owed.ping = true
      rearm(at: now)
    } else {
      giveUp(.busy, at: now)
    }
  }

  /// No answer will come to what is under way: all goes out again, or with a window the first frame,
  /// whose answer will tell what else is lost.
  private mutating func giveUp(_ cause: Cause, at now: Instant) {
    let usesWindow = session?.peer.usesWindow ?? false
    noteLost(usesWindow ? sending.giveUpFirst() : sending.giveUpAll(), cause)
    if cause == .timeout { probe = nil }
    isProbing = true
    awaitsAnswer = true
    rearm(at: now)
  }

  /// When an initiator asks whether the peer is there: both ends then hear something in idle times.
  private var pingAt: Instant? {
    guard configuration.role == .initiator, sending.underWayCount == 0, !owed.ping,
      !rates.holdsData
    else { return nil }
    return max(lastHeard, lineFreeAt) + configuration.keepAlive
  }

  /// When data may go out: with a window, when the line is nearly free.
  private var dataAt: Instant {
    session?.peer.usesWindow == true ? lineFreeAt - Self.leadTime : lineFreeAt
  }

  /// When an answer may go out: with a window, when the line is free, so that one answer serves all
  /// that has come meanwhile and the way back is never the narrow one.
  ///
  /// An end that sends data never leaves its line free: there the answer takes the next frame's place.
  private var answerAt: Instant {
    guard session?.peer.usesWindow == true else { return Instant(microseconds: 0) }
    return sending.underWayCount > 0 ? lineFreeAt - Self.leadTime : lineFreeAt
  }

  // MARK: - One frame

  private mutating func appendFrame(
    into output: inout OutputSpan<UInt8>, at now: Instant
  ) -> Bool {
    if owed.closeCount > 0, let session {
      owed.closeCount -= 1
      var frame = FrameEncoder(FrameHeader(.close), seal: session.outgoing, into: &output)
      frame.append(closeCode.rawValue, into: &output)
      frame.finish(into: &output)
      return true
    }
    if appendWelcome(into: &output, at: now) { return true }
    switch state {
    case .idle, .closed, .listening: return false
    case .opening:
      guard owed.hello else { return false }
      appendHello(into: &output, at: now)
      return true
    case .established:
      if rates.isAboutToChange { return false }
      return appendAnswer(into: &output, at: now) || appendRate(into: &output, at: now)
        || appendData(into: &output, at: now)
        || appendPing(into: &output, at: now)
    }
  }

  private mutating func appendAnswer(
    into output: inout OutputSpan<UInt8>, at now: Instant
  ) -> Bool {
    guard let kind = owed.answer, let session, now >= answerAt else { return false }
    owed.answer = nil
    let start = output.count
    // Whoever asks while this end is busy is told again how long it takes.
    let wait = remainingBusyTime(at: now)
    let header = FrameHeader(
      wait == nil ? kind : .busy, sequence: receiving.expected.rawValue)
    var frame = FrameEncoder(header, seal: session.outgoing, into: &output)
    if header.kind == .busy { frame.append(wait ?? Self.busyMilliseconds, into: &output) }
    appendReport(&frame, into: &output, session.peer)
    frame.finish(into: &output)
    occupyLine(byteCount: output.count - start, at: now)
    return true
  }

  /// The rest of the time for which this end has announced to be busy, in milliseconds; nil for none.
  private mutating func remainingBusyTime(at now: Instant) -> UInt16? {
    guard let until = busyUntil else { return nil }
    guard now < until else {
      busyUntil = nil
      return nil
    }
    // The peer is told not to speak: its silence means nothing until then.
    lastHeard = max(lastHeard, until)
    let rest = UInt32(truncatingIfNeeded: (until - now).microseconds)
    return UInt16(clamping: (rest + 999) / 1000)
  }

  /// What has been corrected and what is held; nothing at all where that is nothing.
  private func appendReport(
    _ frame: inout FrameEncoder, into output: inout OutputSpan<UInt8>, _ peer: PeerLimits
  ) {
    let room = peer.mtu - FrameHeader.overheadByteCount - 2 - Self.reportHeadByteCount
    let byteCount = peer.usesWindow ? min(receiving.reportByteCount, room) : 0
    guard byteCount > 0 || correctedHere != CorrectionCount() else { return }
    frame.append(correctedHere.bytes, into: &output)
    frame.append(correctedHere.frames, into: &output)
    for index in 0..<byteCount { frame.append(receiving.report(at: index), into: &output) }
  }

  private mutating func appendPing(into output: inout OutputSpan<UInt8>, at now: Instant) -> Bool {
    guard owed.ping, let session else { return false }
    owed.ping = false
    let start = output.count
    FrameEncoder(FrameHeader(.ping), seal: session.outgoing, into: &output).finish(into: &output)
    occupyLine(byteCount: output.count - start, at: now)
    return true
  }

  mutating func occupyLine(byteCount: Int, at now: Instant) {
    lineFreeAt = max(now, lineFreeAt) + rate.wireTime(byteCount: byteCount)
  }

  // MARK: - Data

  /// The next piece of the stream that may go out, whenever the line is free for it.
  private func nextPiece() -> SendQueue.Piece? {
    guard let session, pausedUntil == nil, !rates.holdsData else { return nil }
    let isAlone = !session.peer.usesWindow || awaitsAnswer && !isProbing
    if isAlone, sending.underWayCount > 0 { return nil }
    let window = session.peer.usesWindow ? session.peer.windowBlockCount : .max
    let target = nextPayloadByteCount(for: session.peer) / BlockNumber.byteCount
    return sending.nextPiece(target: target, window: window)
  }

  private mutating func appendData(into output: inout OutputSpan<UInt8>, at now: Instant) -> Bool {
    guard let session, let piece = nextPiece(), now >= dataAt || !session.peer.usesWindow
    else { return false }
    let start = output.count
    // A delimiter may have been lost, and the frame before would swallow this one too. With a window
    // the line is never idle, and the byte would cost more than it saves. Not with every second
    // failure: what the delimiter ends is answered at once, and on a half-duplex line that answer hits
    // the frame behind it, which then leaves something to end for the next one.
    let isOddFailure = failures & 1 == 1
    if session.peer.usesWindow ? isProbing : piece.isRepeat && isOddFailure {
      output.append(COBS.delimiter)
    }
    let number = sending.base.advanced(by: piece.blocks.lowerBound)
    let header = FrameHeader(.data, sequence: number.rawValue, strength: correction.strength)
    var frame = FrameEncoder(
      header, seal: session.outgoing, payloadByteCount: piece.byteCount, into: &output)
    sending.forEachPart(of: piece) { frame.append($0, into: &output) }
    frame.finish(into: &output)
    let stamp = sending.noteSent(piece)
    occupyLine(byteCount: output.count - start, at: now)
    let departure = Departure(stamp: stamp, end: lineFreeAt)
    departures.append(departure)
    if isProbing, piece.isRepeat { probe = departure }
    if timed == nil, !piece.isRepeat, probe == nil { timed = departure }
    isProbing = false
    rearm(at: now)
    return true
  }

  /// Bytes of the stream that the next frame carries, if there are as many; nil without a session.
  public var segmentByteCount: Int? { session.map { nextPayloadByteCount(for: $0.peer) } }

  /// How long an answer is waited for beyond the times on the wire.
  public var retransmissionTimeout: Interval { turnaround.timeout }

  /// What the next frame carries, if there is as much.
  func nextPayloadByteCount(for peer: PeerLimits) -> Int {
    // The parity of one codeword is spent on the shortest frame, too.
    let parity = correction.strength?.parityByteCount ?? 0
    let byteCount = sizer.payloadByteCount(
      limit: payloadByteCountLimit(for: peer),
      costByteCount: frameCostByteCount(for: peer) + parity, failures: failures)
    return correction.strength.map { Self.filling(byteCount, $0) } ?? byteCount
  }

  /// Room for the payload of a frame: in the peer's memory, in this end's, and on the line.
  func payloadByteCountLimit(for peer: PeerLimits) -> Int {
    // Two at a time: the minimum of more makes an array of them.
    var memory = min(Self.payloadLimit(mtu: peer.mtu), sending.buffer.capacity & ~15)
    if let strength = correction.strength {
      memory = min(memory, Self.payloadLimit(mtu: strength.frameByteCountLimit(mtu: peer.mtu)))
    }
    return rate.byteCount(in: Self.frameTimeLimit, limit: memory)
  }

  /// What a frame costs beside its payload and parity: with a window itself only; else its answer, too,
  /// and the turnaround in byte times.
  func frameCostByteCount(for peer: PeerLimits) -> Int {
    if peer.usesWindow { return Self.frameOverheadByteCount }
    let waiting = Interval(microseconds: turnaround.smoothed ?? 0)
    return Self.frameOverheadByteCount + Self.answerByteCount
      + rate.byteCount(in: waiting, limit: 1 << 12)
  }

  /// A payload that leaves no codeword half empty, since each has parity of its own.
  private static func filling(_ byteCount: Int, _ strength: CorrectionStrength) -> Int {
    let covered = CorrectionStrength.codewordByteCount - strength.parityByteCount
    let frameByteCount = byteCount + FrameHeader.overheadByteCount
    let count = strength.codewordCount(frameByteCount: frameByteCount)
    guard count > 1, frameByteCount < count * covered - covered / 4 else { return byteCount }
    return ((count - 1) * covered - FrameHeader.overheadByteCount) & ~15
  }
}

internal import Framing

/// What goes out, and when.
extension Link {
  /// What an answer weighs on the wire: header, checksum, stuffing, delimiter.
  static let answerByteCount = 8
  /// No frame holds the line for longer: on a slow one, the peer would take it for silence.
  static let frameTimeLimit = Interval.milliseconds(1500)
  /// How long a receiver without room asks to be left alone.
  static let busyMilliseconds: UInt16 = 50

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
    case .idle, .closed, .listening: return nil
    case .opening(let giveUpAt): return min(helloAt ?? giveUpAt, giveUpAt)
    case .established:
      var earliest = lastHeard + configuration.silenceLimit
      if let inFlight = sending.inFlight { earliest = min(earliest, inFlight.retransmitAt) }
      if let pingAt { earliest = min(earliest, pingAt) }
      return earliest
    }
  }

  /// Lets the timers that have run out take effect.
  ///
  /// Early and repeated calls do nothing.
  public mutating func expireTimers(at now: Instant) {
    switch state {
    case .idle, .closed, .listening: break
    case .opening(let giveUpAt):
      if now >= giveUpAt {
        end(.noAnswer, telling: nil)
      } else if let helloAt, now >= helloAt {
        self.helloAt = nil
        owed.hello = true
      }
    case .established:
      if now >= lastHeard + configuration.silenceLimit {
        end(.peerSilent, telling: .aborted)
      } else if let inFlight = sending.inFlight, now >= inFlight.retransmitAt {
        giveUp(inFlight, inFlight.cause)
      } else if let pingAt, now >= pingAt {
        owed.ping = true
      }
    }
  }

  /// When an initiator asks whether the peer is there: both ends then hear something in idle times.
  private var pingAt: Instant? {
    guard configuration.role == .initiator, sending.inFlight == nil, !owed.ping else { return nil }
    return max(lastHeard, lineFreeAt) + configuration.keepAlive
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
    if owed.welcome, let pending {
      owed.welcome = false
      appendHandshake(.welcome, echoing: pending.initiatorNonce, into: &output, at: now)
      return true
    }
    switch state {
    case .idle, .closed, .listening: return false
    case .opening:
      guard owed.hello else { return false }
      appendHello(into: &output, at: now)
      return true
    case .established:
      return appendAnswer(into: &output, at: now) || appendData(into: &output, at: now)
        || appendPing(into: &output, at: now)
    }
  }

  private mutating func appendHello(into output: inout OutputSpan<UInt8>, at now: Instant) {
    owed.hello = false
    helloCount += 1
    appendHandshake(.hello, echoing: 0, into: &output, at: now)
    // Karn's rule: an answer to one of several tells nothing.
    helloEnd = helloCount == 1 ? lineFreeAt : nil
    let answer = configuration.rate.wireTime(byteCount: Handshake.byteCount + Self.answerByteCount)
    helloAt = lineFreeAt + answer + turnaround.timeout
  }

  private mutating func appendHandshake(
    _ kind: FrameKind, echoing echoed: UInt32, into output: inout OutputSpan<UInt8>,
    at now: Instant
  ) {
    let start = output.count
    // Ends whatever noise or half a frame stands on the line before it.
    output.append(COBS.delimiter)
    let handshake = Handshake(
      nonce: nonce, echoedNonce: echoed, mtu: UInt16(clamping: decoder.mtu),
      windowBlockCount: UInt16(clamping: receiving.buffer.capacity / BlockNumber.byteCount))
    var frame = FrameEncoder(
      FrameHeader(kind), seal: Seal(outsideSessions: configuration.role.direction), into: &output)
    handshake.emit(&frame, into: &output)
    frame.finish(into: &output)
    occupyLine(byteCount: output.count - start, at: now)
  }

  private mutating func appendAnswer(
    into output: inout OutputSpan<UInt8>, at now: Instant
  ) -> Bool {
    guard let kind = owed.answer, let session else { return false }
    owed.answer = nil
    let start = output.count
    let header = FrameHeader(kind, sequence: receiving.expected.rawValue)
    var frame = FrameEncoder(header, seal: session.outgoing, into: &output)
    if kind == .busy { frame.append(Self.busyMilliseconds, into: &output) }
    frame.finish(into: &output)
    occupyLine(byteCount: output.count - start, at: now)
    return true
  }

  private mutating func appendPing(into output: inout OutputSpan<UInt8>, at now: Instant) -> Bool {
    guard owed.ping, let session else { return false }
    owed.ping = false
    let start = output.count
    FrameEncoder(FrameHeader(.ping), seal: session.outgoing, into: &output).finish(into: &output)
    occupyLine(byteCount: output.count - start, at: now)
    return true
  }

  // MARK: - Data

  private mutating func appendData(into output: inout OutputSpan<UInt8>, at now: Instant) -> Bool {
    guard let session, sending.inFlight == nil else { return false }
    let byteCount = nextPayloadByteCount(for: session.peer)
    guard byteCount > 0 else { return false }
    let start = output.count
    // A delimiter may have been lost, and the frame before would swallow this one too.
    if sending.isRepeating { output.append(COBS.delimiter) }
    let header = FrameHeader(.data, sequence: sending.base.rawValue)
    var frame = FrameEncoder(header, seal: session.outgoing, into: &output)
    sending.buffer.forEachPiece(ofFirst: byteCount) { frame.append($0, into: &output) }
    frame.finish(into: &output)
    sending.noteSent(byteCount: byteCount)
    let wireByteCount = output.count - start
    occupyLine(byteCount: wireByteCount, at: now)
    let answer = configuration.rate.wireTime(byteCount: Self.answerByteCount)
    sending.inFlight = SendQueue.InFlight(
      wireByteCount: wireByteCount, transmissionEnd: lineFreeAt,
      retransmitAt: lineFreeAt + answer + turnaround.timeout, isSampled: !sending.isRepeating)
    return true
  }

  /// The frame on its way has to go out again.
  mutating func giveUp(_ inFlight: SendQueue.InFlight, _ cause: SendQueue.Cause) {
    sending.giveUpInFlight()
    statistics.retransmissions += 1
    switch cause {
    case .busy: return  // It was sound: nothing is learnt about the line.
    case .negativeAcknowledgement: break
    case .timeout:
      statistics.timeouts += 1
      turnaround.backOff()
    }
    sizer.noteLost(byteCount: inFlight.wireByteCount)
    sending.attempts += 1
    if sending.attempts >= configuration.attemptLimit { end(.lineUnusable, telling: .aborted) }
  }

  private func nextPayloadByteCount(for peer: PeerLimits) -> Int {
    // Two at a time: the minimum of more makes an array of them.
    let memory = min(Self.payloadLimit(mtu: peer.mtu), sending.buffer.capacity & ~15)
    let room = configuration.rate.byteCount(in: Self.frameTimeLimit, limit: memory)
    let waiting = Interval(microseconds: turnaround.smoothed ?? 0)
    // Our frame's overhead, the answer, and the turnaround in byte times.
    let cost =
      2 * Self.answerByteCount + configuration.rate.byteCount(in: waiting, limit: 1 << 12)
    let target = sizer.payloadByteCount(
      limit: room, costByteCount: cost, attempt: sending.attempts)
    return sending.nextByteCount(target: target)
  }

  private mutating func occupyLine(byteCount: Int, at now: Instant) {
    lineFreeAt = max(now, lineFreeAt) + configuration.rate.wireTime(byteCount: byteCount)
  }
}

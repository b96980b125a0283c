public import Framing

/// The responder's end of a link, as small as a device needs it: stop-and-wait both ways, without
/// window, parity and rates, which it does not offer (Protocol.md §4, §8).
///
/// Works in memory that is lent to it. Times are milliseconds of a clock that may wrap.
public struct DeviceLink: ~Copyable {
  /// What the caller has to know.
  public enum Event: Equatable, Sendable {
    /// A session is open; where it goes on with the one before, nothing has changed.
    case opened(goesOn: Bool)
    /// New bytes of the stream: take them by `dataByte` before anything else is received.
    case data
    /// The initiator is done, or has given up; its code.
    case closed(UInt8)
  }

  /// A session by the nonces of both ends.
  private struct Session {
    var initiatorNonce: UInt32
    var responderNonce: UInt32
    var peerMTU: Int
    // Whether it goes on with the streams of the one before.
    var goesOn: Bool

    let number: UInt32

    init(initiatorNonce: UInt32, responderNonce: UInt32, peerMTU: Int, goesOn: Bool) {
      (self.initiatorNonce, self.responderNonce) = (initiatorNonce, responderNonce)
      (self.peerMTU, self.goesOn) = (peerMTU, goesOn)
      number = Seal.sessionNumber(
        initiatorNonce: initiatorNonce, responderNonce: responderNonce)
    }
  }

  // Milliseconds.
  private static let silenceLimit: Int32 = 8000
  private static let readyInterval: UInt32 = 1000
  // CLOSE is not answered, so it is said twice (§4.6).
  private static let closeCount = 2

  private var decoder: FrameDecoder
  private var nonce: UInt32
  private var session: Session?
  // Welcomed, and not heard of since.
  private var offered: Session?
  private var isOpen = false
  // The code to close with, and how often it is still to be said: not at all where it has been.
  private var closeCode: UInt8?
  private var closesLeft = 0
  // What is to be answered, and the patience that a BUSY asks for.
  private var answer: FrameKind?
  private var busyMilliseconds: UInt16 = 0
  // The block of the initiator's stream that is missing.
  private var expected: UInt16 = 0
  private var data = 0..<0
  private var frameByteCount = 0
  private var heardAt: UInt32 = 0
  private var readyAt: UInt32?
  private var outbox: DeviceOutbox

  /// - Parameters:
  ///   - frame: memory for a frame that comes in; its size is the MTU.
  ///   - outbox: memory for what this end says, some records of it.
  ///   - nonce: differs from reset to reset.
  public init(frame: consuming ByteStorage, outbox: consuming ByteStorage, nonce: UInt32) {
    decoder = FrameDecoder(storage: frame)
    self.outbox = DeviceOutbox(outbox)
    self.nonce = nonce
  }

  // MARK: - Out

  /// Whether so many bytes more can be said.
  public func hasRoom(byteCount: Int) -> Bool { outbox.hasRoom(byteCount: byteCount) }

  /// Queues a byte of this end's stream.
  ///
  /// - Precondition: there is room.
  public mutating func say(_ byte: UInt8) { outbox.append(byte) }

  /// Answers whatever came last by asking for so much patience.
  public mutating func announceBusy(milliseconds: UInt16) {
    answer = .busy
    busyMilliseconds = milliseconds
  }

  /// Ends the session with this code, once all that was said has been answered: nothing follows.
  public mutating func close(code: UInt8) { (closeCode, closesLeft) = (code, Self.closeCount) }

  /// The code with which this end has closed the session; once, then nil.
  public mutating func takeClosing() -> UInt8? { isOpen ? nil : closeCode.take() }

  /// Appends the next frame to `output`, which has room for `transmitByteCountLimit` bytes; false where
  /// there is none.
  public mutating func transmit(into output: inout OutputSpan<UInt8>, at now: UInt32) -> Bool {
    if let answer = answer.take() {
      // Whoever is to wait is not silent meanwhile (Protocol.md §4.3).
      if answer == .busy { heardAt = now &+ UInt32(busyMilliseconds) }
      send(answer, into: &output)
      return true
    }
    giveUpIfSilent(at: now)
    guard isOpen, let session else { return false }
    if closeCode != nil, outbox.isEmpty {
      send(.close, into: &output)
      closesLeft &-= 1
      isOpen = closesLeft > 0
      return true
    }
    guard outbox.isDue(at: now) else { return false }
    let limit = session.peerMTU &- FrameHeader.overheadByteCount
    let count = outbox.beginFrame(payloadByteCountLimit: limit, at: now)
    var frame = PlainFrameEncoder(
      FrameHeader(.data, sequence: outbox.block),
      seal: Seal(session: session.number, .fromResponder), into: &output)
    outbox.forEach(count) { frame.append($0, into: &output) }
    frame.finish(into: &output)
    return true
  }

  /// When `transmit` has something to repeat, if nothing comes before; nil for never.
  public var deadline: UInt32? { isOpen ? outbox.deadline : nil }

  /// The room that `transmit` needs.
  public static var transmitByteCountLimit: Int {
    FrameEncoder.encodedByteCountLimit(payloadByteCount: DeviceOutbox.payloadByteCountLimit)
  }

  private func send(_ kind: FrameKind, into output: inout OutputSpan<UInt8>) {
    let isOutside = kind == .welcome || kind == .ready
    let number = isOutside ? 0 : session?.number ?? 0
    var frame = PlainFrameEncoder(
      FrameHeader(kind, sequence: isOutside || kind == .close ? 0 : expected),
      seal: Seal(session: number, .fromResponder), into: &output)
    if kind == .busy { frame.append(UInt32(busyMilliseconds), byteCount: 2, into: &output) }
    if kind == .close, let closeCode { frame.append(closeCode, into: &output) }
    if kind == .welcome { appendHandshake(to: &frame, into: &output) }
    frame.finish(into: &output)
  }

  private func appendHandshake(
    to frame: inout PlainFrameEncoder, into output: inout OutputSpan<UInt8>
  ) {
    guard let session = offered ?? session else { return }
    frame.append(DeviceHandshake.beginning, byteCount: 4, into: &output)
    frame.append(session.responderNonce, byteCount: 4, into: &output)
    frame.append(session.initiatorNonce, byteCount: 4, into: &output)
    // No window, no capability.
    frame.append(UInt32(decoder.mtu), byteCount: 4, into: &output)
    frame.append(0, byteCount: 4, into: &output)
    frame.append(session.goesOn ? self.session?.number ?? 0 : 0, byteCount: 4, into: &output)
  }

  // MARK: - In

  /// Goes through `bytes` from `position` on, up to the next event; nil when they are used up.
  ///
  /// Whatever this end has to answer then goes out by `transmit`.
  public mutating func receive(
    _ bytes: Span<UInt8>, from position: inout Int, at now: UInt32
  ) -> Event? {
    giveUpIfSilent(at: now)
    while let found = decoder.decode(bytes, from: &position) {
      switch found {
      case .malformed: broken(at: now)
      case .frame(let byteCount):
        frameByteCount = byteCount
        if let event = take(at: now) { return event }
      }
    }
    return nil
  }

  /// How many bytes `.data` has told of.
  public var dataByteCount: Int { data.count }

  /// One of the bytes that `.data` has told of.
  public func dataByte(at index: Int) -> UInt8 { decoder.payloadByte(at: data.lowerBound &+ index) }

  private mutating func take(at now: UInt32) -> Event? {
    guard let header = decoder.header, header.strength == nil else { return nil }
    if isOpen, let session, isSealed(session.number, .fromInitiator) {
      return take(header, at: now)
    }
    if let offered, isSealed(offered.number, .fromInitiator) {
      open(offered, at: now)
      let event = take(header, at: now)
      // What is in the frame is told again: the caller has to begin anew first.
      guard !offered.goesOn else { return event }
      if event == .data { expected = 0 }
      return .opened(goesOn: false)
    }
    if header.kind == .hello, isSealed(0, .fromInitiator) {
      welcome()
    } else if !isEcho {
      broken(at: now)
    }
    return nil
  }

  /// The streams stay, for a session that goes on with them.
  private mutating func giveUpIfSilent(at now: UInt32) {
    guard isOpen, Int32(bitPattern: now &- heardAt) >= Self.silenceLimit else { return }
    isOpen = false
    if answer != .welcome { answer = nil }
  }

  /// Whether a frame is of a session, or with 0 of none, and from that end.
  @inline(never)
  private func isSealed(_ session: UInt32, _ direction: Direction) -> Bool {
    decoder.isSealed(by: Seal(session: session, direction), byteCount: frameByteCount)
  }

  private var isEcho: Bool {
    isSealed(0, .fromResponder) || session.map { isSealed($0.number, .fromResponder) } ?? false
  }

  /// What is no frame: it may have been one, or the answer to this end's.
  private mutating func broken(at now: UInt32) {
    if isOpen {
      if !outbox.repeatAtOnce() { answer = .negativeAcknowledgement }
    } else if offered == nil, readyAt.map({ now &- $0 >= Self.readyInterval }) ?? true {
      readyAt = now
      answer = .ready
    }
  }

  private mutating func open(_ next: Session, at now: UInt32) {
    session = next
    offered = nil
    isOpen = true
    heardAt = now
    answer = .acknowledgement
    if next.goesOn {
      outbox.restart()
    } else {
      expected = 0
      closeCode = nil
      outbox.removeAll()
    }
  }

  private mutating func welcome() {
    guard let hello = decoder.withPayload(byteCount: frameByteCount, { DeviceHandshake($0) }) else {
      return
    }
    answer = .welcome
    // A repeated HELLO gets the same answer.
    if let offered, offered.initiatorNonce == hello.nonce { return }
    if offered == nil, isOpen, let session, session.initiatorNonce == hello.nonce { return }
    var mixed = CRC32()
    mixed.update(littleEndian: nonce)
    mixed.update(littleEndian: hello.nonce)
    nonce = mixed.value
    let goesOn = hello.session != 0 && session.map { $0.number == hello.session } ?? false
    offered = Session(
      initiatorNonce: hello.nonce, responderNonce: nonce, peerMTU: hello.mtu, goesOn: goesOn)
  }

  /// A sound frame of the session.
  private mutating func take(_ header: FrameHeader, at now: UInt32) -> Event? {
    if Int32(bitPattern: now &- heardAt) > 0 { heardAt = now }
    switch header.kind {
    case .data: return takeData(header.sequence)
    case .acknowledgement: outbox.acknowledge(header.sequence)
    case .negativeAcknowledgement:
      outbox.acknowledge(header.sequence)
      _ = outbox.repeatAtOnce()
    case .busy:
      outbox.acknowledge(header.sequence)
      outbox.hold(until: now &+ number16)
      heardAt = now &+ number16
    case .ping: answer = .acknowledgement
    case .close:
      isOpen = false
      (answer, closeCode) = (nil, nil)
      return .closed(decoder.withPayload(byteCount: frameByteCount) { $0.isEmpty ? 0 : $0[0] })
    case .rate, .hello, .welcome, .ready: break
    }
    return nil
  }

  // The first two bytes of the payload.
  private var number16: UInt32 {
    decoder.withPayload(byteCount: frameByteCount) { payload in
      payload.count >= 2 ? UInt32(payload[0]) | UInt32(payload[1]) << 8 : 0
    }
  }

  private mutating func takeData(_ first: UInt16) -> Event? {
    answer = .acknowledgement
    let count = frameByteCount &- FrameHeader.overheadByteCount
    let blockCount = (count &+ 15) / 16
    // Blocks of the frame that are known; numbers on a circle.
    let known = Int((expected &- first) & 0xFFF)
    guard known < blockCount else { return nil }
    data = 16 &* known..<count
    expected = (first &+ UInt16(blockCount)) & 0xFFF
    return .data
  }
}

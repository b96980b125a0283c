import Framing
import LineModel

@testable import LinkLayer

/// A frame that the link under test has sent.
struct HeardFrame: Equatable {
  var kind: FrameKind
  var sequence: UInt16
  var strength: CorrectionStrength?
  var payload: [UInt8]
  /// With stuffing and all delimiters.
  var wireByteCount: Int

  /// The blocks in it.
  var blocks: Range<Int> {
    Int(sequence)..<Int(sequence) + BlockNumber.count(forByteCount: payload.count)
  }
}

extension [HeardFrame] {
  /// The blocks that were sent, in the order of sending.
  var blocks: [Int] { filter { $0.kind == .data }.flatMap(\.blocks) }
}

/// One link driven by hand: the test is its line, its clock and its peer.
///
/// In the ground mode unless the test asks for more: one frame at a time, no parity, and silence is
/// the end.
///
/// A class, since what a test expects of a value it has to be able to copy.
final class Bench {
  static let nonce: UInt32 = 0x1111_1111
  static let peerNonce: UInt32 = 0x2222_2222

  var link: Link
  var now = Instant(microseconds: 0)
  let rate: LineRate
  private let role: LinkRole
  /// How long the line is still taken, when `open` returns, by the ACK that opened the session.
  private(set) var openingWireTime = Interval(microseconds: 0)
  /// How long opening took.
  private(set) var openingTime = Interval(microseconds: 0)
  // The session that the peer believes in.
  private(set) var nonces: (initiator: UInt32, responder: UInt32) = (0, 0)

  /// Room for so many bytes to send, marks of their blocks not counted.
  init(
    _ role: LinkRole, baud: UInt32 = 115_200, mtu: Int = 128, sendByteCount: Int = 1024,
    receiveByteCount: Int = 1024, _ change: (inout LinkConfiguration) -> Void = { _ in }
  ) {
    var configuration = LinkConfiguration(
      role: role, nonce: Self.nonce, baudRate: baud)
    configuration.usesWindow = false
    configuration.usesCorrection = false
    configuration.reconnectLimit = .seconds(0)
    change(&configuration)
    self.role = role
    rate = LineRate(baud: configuration.baudRate)
    link = Link(
      configuration, frameStorage: ByteStorage(byteCount: mtu),
      sendStorage: ByteStorage(
        byteCount: sendByteCount / 16 * SendQueue.storageByteCountPerBlock),
      receiveStorage: ByteStorage(byteCount: receiveByteCount))
  }

  var isEstablished: Bool { link.isEstablished }
  var isDrained: Bool { link.isDrained }
  var deadline: Instant? { link.deadline }
  var readableByteCount: Int { link.readableByteCount }
  var statistics: LinkStatistics { link.statistics }
  var turnaround: TurnaroundEstimator { link.turnaround }

  // MARK: - Time

  func advance(by interval: Interval) {
    now = now + interval
    link.expireTimers(at: now)
  }

  /// Jumps to the link's deadline.
  func advanceToDeadline() {
    guard let deadline = link.deadline else { return }
    advance(by: deadline - now)
  }

  // MARK: - What the link says

  func transmit() -> [UInt8] {
    var bytes: [UInt8] = []
    while true {
      let limit = link.transmitByteCountLimit
      var isSent = false
      let now = now
      let frame = [UInt8](capacity: limit) { isSent = link.transmit(into: &$0, at: now) }
      guard isSent else { return bytes }
      bytes += frame
    }
  }

  /// The frames that the link wants to send now.
  func hear() -> [HeardFrame] { frames(in: transmit()) }

  /// Lets time pass from one timer to the next, and returns what goes out meanwhile.
  func hear(for interval: Interval) -> [HeardFrame] {
    let end = now + interval
    var frames = hear()
    var steps = 0
    while let deadline = link.deadline, deadline <= end, steps < 10_000 {
      advance(by: max(deadline - now, Interval(microseconds: 0)))
      frames += hear()
      steps += 1
    }
    advance(by: end - now)
    return frames + hear()
  }

  func frames(in bytes: [UInt8]) -> [HeardFrame] {
    let direction = role.direction
    let seals = [
      Seal(outsideSessions: direction),
      Seal(initiatorNonce: nonces.initiator, responderNonce: nonces.responder, direction),
    ]
    var decoder = FrameDecoder(storage: ByteStorage(byteCount: 1 << 17))
    var heard: [HeardFrame] = []
    var (start, position) = (0, 0)
    while case .frame(let total) = decoder.decode(bytes.span, from: &position) {
      guard let byteCount = decoder.byteCount(total: total),
        seals.contains(where: { decoder.isSealed(by: $0, byteCount: byteCount) }),
        let header = decoder.header
      else { continue }
      let payload = decoder.withPayload(byteCount: byteCount) { span in
        span.indices.map { span[$0] }
      }
      heard.append(
        HeardFrame(
          kind: header.kind, sequence: header.sequence, strength: header.strength,
          payload: payload, wireByteCount: position - start))
      start = position
    }
    return heard
  }

  func events() -> [LinkEvent] {
    var events: [LinkEvent] = []
    while let event = link.nextEvent() { events.append(event) }
    return events
  }

  func read(_ limit: Int = .max) -> [UInt8] {
    let count = min(limit, link.readableByteCount)
    return [UInt8](capacity: count) { _ = link.read(into: &$0) }
  }

  // MARK: - What the peer says

  func receive(_ bytes: [UInt8]) { link.receive(bytes.span, at: now) }

  /// A frame of the open session.
  func say(
    _ kind: FrameKind, _ sequence: UInt16 = 0, _ payload: [UInt8] = [],
    strength: CorrectionStrength? = nil
  ) {
    receive(frame(kind, sequence, payload, strength: strength))
  }

  /// The peer lacks block `next`, and holds these behind it.
  func acknowledge(_ next: Int, holding blocks: Range<Int>..., kind: FrameKind = .acknowledgement) {
    let bits = blocks.joined().map { $0 - next - 1 }
    say(kind, UInt16(next % 4096), bits.isEmpty ? [] : [0, 0, 0, 0] + reportBytes(bits))
  }

  func frame(
    _ kind: FrameKind, _ sequence: UInt16 = 0, _ payload: [UInt8] = [],
    strength: CorrectionStrength? = nil
  ) -> [UInt8] {
    let seal = Seal(
      initiatorNonce: nonces.initiator, responderNonce: nonces.responder, role.other.direction)
    return encoded(FrameHeader(kind, sequence: sequence, strength: strength), payload, seal)
  }

  /// A sound frame of the session that says nothing: RATE without a rate.
  var unknownFrame: [UInt8] {
    var crc = CRC32()
    crc.update(littleEndian: nonces.initiator)
    crc.update(littleEndian: nonces.responder)
    var checksum = CRC32()
    checksum.update(littleEndian: crc.value)
    checksum.update(role.other.direction.rawValue)
    checksum.update(1)
    checksum.update(0)
    let value = checksum.value
    let plain = [1, 0] + (0..<4).map { UInt8(truncatingIfNeeded: value >> UInt32(8 * $0)) }
    return [UInt8](capacity: 16) { output in
      var stuffing = COBSEncoder(into: &output)
      for byte in plain { stuffing.append(byte, into: &output) }
      stuffing.finish(into: &output)
      output.append(COBS.delimiter)
    }
  }

  /// A frame outside sessions.
  func say(_ kind: FrameKind, _ handshake: Handshake) {
    let payload = [UInt8](capacity: 64) { output in
      // Only the payload is wanted of the frame: what stands before the checksum.
      handshake.emit(&output)
    }
    receive(encoded(FrameHeader(kind), payload, Seal(outsideSessions: role.other.direction)))
  }

  /// A responder that was reset says that it is there.
  func sayReady() {
    receive(encoded(FrameHeader(.ready), [], Seal(outsideSessions: role.other.direction)))
  }

  /// What an ordinary peer says of itself.
  func handshake(
    answering nonce: UInt32 = 0, mtu: UInt16 = 128, _ capabilities: Capabilities = []
  ) -> Handshake {
    Handshake(
      nonce: Self.peerNonce, echoedNonce: nonce, mtu: mtu, windowBlockCount: 64,
      capabilities: capabilities)
  }

  /// Opens a session, with a peer of an MTU, that answers `turnaround` after the time on the wire.
  func open(
    mtu: UInt16 = 128, turnaround: Interval = .milliseconds(5), _ capabilities: Capabilities = []
  ) {
    switch role {
    case .initiator:
      link.open(at: now)
      let hello = hear()
      nonces = (Self.nonce, Self.peerNonce)
      now = now + rate.wireTime(byteCount: hello.first?.wireByteCount ?? 0)
      // The estimator takes an answer to weigh this much.
      now = now + rate.wireTime(byteCount: Handshake.byteCount + 8) + turnaround
      say(.welcome, handshake(answering: Self.nonce, mtu: mtu, capabilities))
      let opening = hear()
      openingWireTime = rate.wireTime(byteCount: opening.first?.wireByteCount ?? 0)
      openingTime = now - Instant(microseconds: 0)
    case .responder:
      link.listen()
      say(.hello, handshake(mtu: mtu, capabilities))
      let welcome = hear().first.flatMap { Handshake(parsing: $0.payload.span) }
      nonces = (Self.peerNonce, welcome?.nonce ?? 0)
      say(.acknowledgement)
    }
    _ = events()
  }

  /// Makes the peer believe in another session.
  func expect(initiatorNonce: UInt32, responderNonce: UInt32) {
    nonces = (initiatorNonce, responderNonce)
  }

  // MARK: - Writing

  func write(_ bytes: [UInt8], flush: Bool = true) {
    _ = link.write(bytes.span)
    if flush { link.flush() }
  }
}

private func encoded(_ header: FrameHeader, _ payload: [UInt8], _ seal: Seal) -> [UInt8] {
  let covered = FrameHeader.overheadByteCount + payload.count
  let parity = header.strength?.parityByteCount(frameByteCount: covered) ?? 0
  let limit = FrameEncoder.encodedByteCountLimit(payloadByteCount: payload.count + parity)
  return [UInt8](capacity: limit) { output in
    var frame = FrameEncoder(
      header, seal: seal, payloadByteCount: payload.count, into: &output)
    frame.append(payload.span, into: &output)
    frame.finish(into: &output)
  }
}

extension Handshake {
  /// The payload alone, written here by hand: twin of `emit(_:into:)`.
  func emit(_ output: inout OutputSpan<UInt8>) {
    output.append(Self.magic.0)
    output.append(Self.magic.1)
    output.append(versionMaximum)
    output.append(versionMinimum)
    for (number, byteCount) in [
      (nonce, 4), (echoedNonce, 4), (UInt32(mtu), 2), (UInt32(windowBlockCount), 2),
      (capabilities.rawValue, 4), (continuedSession, 4),
    ] {
      for index in 0..<byteCount {
        output.append(UInt8(truncatingIfNeeded: number >> UInt32(8 * index)))
      }
    }
  }
}

/// Bytes without a pattern.
func sample(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
  var generator = SeededGenerator(seed: seed)
  return (0..<count).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
}

internal import Framing
internal import LinkLayer
internal import Logging

/// What is told of a port and a link to those who look for the cause of something.
///
/// Below the level `info` only: a program that sets no level, such as a test, hears nothing of it.
enum LineLog {
  /// The driver: what is opened, set, lost, found again.
  static let port = Logger(label: "wtserial.port")
  /// The protocol: what happens on the line, and at the level `trace` each frame.
  static let link = Logger(label: "wtserial.link")
}

extension PeerLimits {
  /// Tells what the ends have agreed on.
  func log() {
    LineLog.link.debug(
      """
      open: protocol version \(version), frames of up to \(mtu) bytes, \
      \(usesWindow ? "a window of \(windowBlockCount) blocks of 16 bytes" : "no window"), \
      \(usesCorrection ? "parity where it pays" : "no parity")
      """)
  }
}

/// Looks at a link for the log: at its counters, and at the frames of both ends.
final class LinkWatch {
  private var last = LinkStatistics()
  private let tracer: FrameLog?
  private let isWanted = LineLog.link.logLevel <= .debug

  init() {
    tracer = LineLog.link.logLevel <= .trace ? FrameLog() : nil
  }

  /// Tells of what has gone wrong since the last call.
  func note(_ now: LinkStatistics) {
    guard isWanted else { return }
    tell("timeouts", now.timeouts, last.timeouts)
    tell("frames sent again", now.retransmissions, last.retransmissions)
    tell("frames sent again to a busy peer", now.busyRepeats, last.busyRepeats)
    tell("damaged frames", now.framesCorrupt, last.framesCorrupt)
    tell("frames put right by parity", now.framesCorrected, last.framesCorrected)
    tell("frames that came back", now.framesEchoed, last.framesEchoed)
    last = now
  }

  private func tell(_ what: String, _ now: UInt64, _ last: UInt64) {
    guard now != last else { return }
    LineLog.link.debug("\(what): \(now - last) more, \(now) in all")
  }

  /// Tells of the frames in bytes that the port has taken from this end.
  func noteSent(_ bytes: Span<UInt8>) { tracer?.note(bytes, isFromHere: true) }

  /// Tells of the frames in bytes that have come.
  func noteReceived(_ bytes: Span<UInt8>) { tracer?.note(bytes, isFromHere: false) }
}

/// Reads the frames in the bytes of both ends.
private final class FrameLog {
  // Larger than any frame with its parity.
  private static let byteCountLimit = 1 << 17

  private var sent = FrameDecoder(storage: ByteStorage(byteCount: byteCountLimit))
  private var received = FrameDecoder(storage: ByteStorage(byteCount: byteCountLimit))

  func note(_ bytes: Span<UInt8>, isFromHere: Bool) {
    if isFromHere {
      Self.tell(">", bytes, &sent)
    } else {
      Self.tell("<", bytes, &received)
    }
  }

  private static func tell(_ way: String, _ bytes: Span<UInt8>, _ decoder: inout FrameDecoder) {
    var position = 0
    while let output = decoder.decode(bytes, from: &position) {
      switch output {
      case .frame(let total):
        guard let header = decoder.header, let byteCount = decoder.byteCount(total: total) else {
          LineLog.link.trace("\(way) a frame of no known kind, \(total) bytes")
          continue
        }
        let payload = byteCount - FrameHeader.overheadByteCount
        LineLog.link.trace(
          "\(way) \(FrameTracer.name(of: header.kind)) \(header.sequence), \(payload) bytes")
      case .malformed(let error): LineLog.link.trace("\(way) no frame: \(error)")
      }
    }
  }
}

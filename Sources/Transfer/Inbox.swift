internal import LinkLayer
internal import Streaming

/// The link's bytes on their way into records, behind those of an earlier session that come again.
struct Inbox {
  // Read from the link at a time; content passes through here.
  private static let portionByteCount = 4096

  private var bytes: [UInt8] = []
  // 0 <= position <= bytes.count
  private var position = 0
  private var records = RecordReader()
  // Of an earlier session, still to be fed.
  private(set) var replayRest = 0
  // Whether what comes is kept for whoever takes it.
  private var captures = false
  private var captured: [UInt8] = []

  /// The next record that the link's bytes complete.
  mutating func next(from link: inout Link) throws(RecordError) -> RecordReader.Step {
    while true {
      let portion = bytes
      let step = try records.next(portion.span, from: &position)
      guard step == .needsBytes, replayRest == 0, link.readableByteCount > 0 else { return step }
      let count = min(link.readableByteCount, Self.portionByteCount)
      bytes = Array(capacity: count) { output in _ = link.read(into: &output) }
      position = 0
      if captures { captured += bytes }
    }
  }

  /// Lends `byteCount` bytes of content that were announced, and goes past them.
  mutating func takeContent<R, E: Error>(
    byteCount: Int, _ body: (Span<UInt8>) throws(E) -> R
  ) throws(E) -> R {
    defer {
      position += byteCount
      records.takeContent(byteCount: byteCount)
    }
    return try body(bytes.span.extracting(position..<position + byteCount))
  }

  mutating func removeAll() { self = Inbox() }

  // MARK: - Several sessions

  /// Takes `byteCount` bytes of an earlier session before any of the link, and keeps those of the link.
  mutating func goOn(behind byteCount: Int) {
    replayRest = byteCount
    captures = true
    captured = Array(bytes[position...])
  }

  /// Takes the next bytes of an earlier session, when those before have been worked on.
  mutating func replay(_ portion: [UInt8]) {
    precondition(portion.count <= replayRest && position == bytes.count, "one by one")
    replayRest -= portion.count
    bytes = portion
    position = 0
  }

  /// Whether the next ones are to be replayed now.
  var wantsReplay: Bool { replayRest > 0 && position == bytes.count }

  /// What the link has brought since it was asked for.
  mutating func takeCaptured() -> [UInt8] {
    defer { captured.removeAll(keepingCapacity: true) }
    return captured
  }
}

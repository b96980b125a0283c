internal import Streaming
internal import LinkLayer

/// The link's bytes on their way into records.
struct Inbox {
  // Read from the link at a time; content passes through here.
  private static let portionByteCount = 4096

  private var bytes: [UInt8] = []
  // 0 <= position <= bytes.count
  private var position = 0
  private var records = RecordReader()

  /// The next record that the link's bytes complete.
  mutating func next(from link: inout Link) throws(RecordError) -> RecordReader.Step {
    while true {
      let portion = bytes
      let step = try records.next(portion.span, from: &position)
      guard step == .needsBytes, link.readableByteCount > 0 else { return step }
      let count = min(link.readableByteCount, Self.portionByteCount)
      bytes = Array(capacity: count) { output in _ = link.read(into: &output) }
      position = 0
    }
  }

  /// Lends `byteCount` bytes of content that were announced, and goes past them.
  mutating func takeContent<R>(byteCount: Int, _ body: (Span<UInt8>) -> R) -> R {
    let result = body(bytes.span.extracting(position..<position + byteCount))
    position += byteCount
    records.takeContent(byteCount: byteCount)
    return result
  }

  mutating func removeAll() { self = Inbox() }
}

internal import LinkLayer
internal import Streaming

/// Records on their way into the link, which may have no room for them yet.
struct Outbox {
  private var bytes: [UInt8] = []
  // 0 <= written <= bytes.count
  private var written = 0
  private var needsFlush = false

  /// Bytes of all records so far.
  private(set) var byteCount = 0

  var isEmpty: Bool { bytes.isEmpty }

  mutating func append(_ kind: RecordKind, body: [UInt8] = []) {
    byteCount -= bytes.count
    Record.append(kind, body: body, to: &bytes)
    byteCount += bytes.count
  }

  mutating func append(encoded records: some Collection<UInt8>) {
    byteCount += records.count
    bytes += records
  }

  /// What has been appended so far is not to wait for more.
  mutating func flush() { needsFlush = true }

  mutating func removeAll() { self = Outbox() }

  /// Moves to the link what it has room for.
  mutating func move(to link: inout Link) {
    while written < bytes.count {
      let moved = link.write(bytes.span.extracting(written..<bytes.count))
      if moved == 0 { return }
      written += moved
    }
    bytes.removeAll(keepingCapacity: true)
    written = 0
    if needsFlush {
      needsFlush = false
      link.flush()
    }
  }
}

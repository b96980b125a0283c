internal import Framing
internal import Streaming
internal import LinkLayer

/// Records on their way into the link, which may have no room for them yet.
struct Outbox {
  private var bytes: [UInt8] = []
  // 0 <= written <= bytes.count
  private var written = 0
  private var needsFlush = false
  // Bytes of the stream that the receiver has, and are not sent.
  private var skipRest = 0
  private var checksum = CRC32()

  /// Bytes of all records so far.
  private(set) var streamByteCount = 0

  var isEmpty: Bool { bytes.isEmpty }

  mutating func append(_ kind: RecordKind, body: [UInt8] = []) {
    var record: [UInt8] = []
    Record.append(kind, body: body, to: &record)
    append(encoded: record)
  }

  mutating func append(encoded records: [UInt8]) {
    streamByteCount += records.count
    let skipped = min(skipRest, records.count)
    checksum.update(records.span.extracting(..<skipped))
    skipRest -= skipped
    bytes += records[skipped...]
  }

  // MARK: - What the receiver has

  /// Leaves out the next `byteCount` bytes.
  mutating func skip(byteCount: Int) {
    skipRest = byteCount
    checksum = CRC32()
  }

  /// Whether not all of these have been made yet.
  var isSkipping: Bool { skipRest > 0 }

  /// Their CRC-32.
  var skippedChecksum: UInt32 { checksum.value }

  /// Puts records in front of what has been appended, and takes that away until it may go.
  mutating func precede(with records: [UInt8]) -> [UInt8] {
    defer { bytes = records }
    streamByteCount += records.count
    return bytes
  }

  /// Appends what was taken away.
  mutating func restore(_ taken: [UInt8]) { bytes += taken }

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

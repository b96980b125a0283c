internal import Framing
internal import Streaming

/// The stream of a model behind its manifest, on its way into the outbox: leaves out the beginning that the
/// receiver has, and holds back what is fed before the receiver has taken the model.
struct OutgoingStream {
  // Bytes that the receiver has, and have not been fed yet.
  private var skipRest = 0
  private var checksum = CRC32()
  // Fed before it may go out, and behind what the receiver has.
  private var heldBack: [UInt8] = []
  private var isReleased = false
  // Fed and left out so far.
  private var leftOutByteCount = 0

  /// Whether the end has been fed.
  private(set) var isComplete = false

  /// Bytes that have been fed and are not in the outbox.
  var keptByteCount: Int { leftOutByteCount + heldBack.count }

  /// Leaves out the next `byteCount` bytes.
  mutating func skip(byteCount: Int) {
    skipRest = byteCount
    checksum = CRC32()
  }

  /// Whether not all of these have been fed yet.
  var isSkipping: Bool { skipRest > 0 }

  /// The CRC-32 of what has been left out.
  var skippedChecksum: UInt32 { checksum.value }

  /// Feeds a record.
  mutating func append(_ kind: RecordKind, body: [UInt8], to outbox: inout Outbox) {
    var record: [UInt8] = []
    Record.append(kind, body: body, to: &record)
    let count = min(skipRest, record.count)
    checksum.update(record.span.extracting(..<count))
    skipRest -= count
    leftOutByteCount += count
    if kind == .finish { isComplete = true }
    if isReleased {
      outbox.append(encoded: record[count...])
    } else {
      heldBack += record[count...]
    }
  }

  /// The receiver takes the model: what was held back goes out, and from now on all that is fed.
  mutating func release(to outbox: inout Outbox) {
    isReleased = true
    outbox.append(encoded: heldBack)
    heldBack = []
  }
}

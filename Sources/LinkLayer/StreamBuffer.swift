internal import Framing

/// A ring of bytes of one stream: written at the end, taken from the start.
struct StreamBuffer: ~Copyable {
  private var storage: ByteStorage
  // 0 <= start < capacity
  private var start = 0
  // 0 <= count <= capacity
  private(set) var count = 0

  init(storage: consuming ByteStorage) {
    self.storage = storage
  }

  var capacity: Int { storage.byteCount }
  var freeByteCount: Int { capacity - count }

  /// Adds as many of the bytes as fit, and returns how many.
  mutating func append(_ bytes: Span<UInt8>) -> Int {
    let taken = min(bytes.count, freeByteCount)
    let end = wrapped(start + count)
    let first = min(taken, capacity - end)
    storage.replace(from: end, with: bytes.extracting(0..<first))
    storage.replace(from: 0, with: bytes.extracting(first..<taken))
    count += taken
    return taken
  }

  /// Drops bytes at the start.
  mutating func removeFirst(_ byteCount: Int) {
    precondition(byteCount <= count, "more bytes than there are")
    start = wrapped(start + byteCount)
    count -= byteCount
  }

  mutating func removeAll() {
    start = 0
    count = 0
  }

  /// Lends the first `byteCount` bytes to `body`, in one or two pieces.
  func forEachPiece(ofFirst byteCount: Int, _ body: (Span<UInt8>) -> Void) {
    precondition(byteCount <= count, "more bytes than there are")
    let first = min(byteCount, capacity - start)
    storage.withSpan(start..<start + first, body)
    if first < byteCount { storage.withSpan(0..<byteCount - first, body) }
  }

  private func wrapped(_ offset: Int) -> Int { offset < capacity ? offset : offset - capacity }
}

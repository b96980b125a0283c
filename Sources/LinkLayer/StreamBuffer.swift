internal import Framing

/// A ring of bytes of one stream: written at the end, taken from the start.
///
/// Bytes may be placed behind the end before what comes between has arrived. The rest of the storage,
/// the annex, holds what the owner notes of each block.
struct StreamBuffer: ~Copyable {
  private var storage: ByteStorage
  /// Bytes of the ring; the annex is behind them.
  let capacity: Int
  // 0 <= start < capacity
  private var start = 0
  // 0 <= count <= capacity
  private(set) var count = 0

  init(storage: consuming ByteStorage, capacity: Int) {
    precondition(capacity > 0 && capacity <= storage.byteCount, "the ring is in the storage")
    self.storage = storage
    self.capacity = capacity
  }

  var freeByteCount: Int { capacity - count }

  /// Adds as many of the bytes as fit, and returns how many.
  mutating func append(_ bytes: Span<UInt8>) -> Int {
    let taken = min(bytes.count, freeByteCount)
    place(bytes.extracting(0..<taken), at: count)
    count += taken
    return taken
  }

  /// Writes bytes that begin `offset` bytes behind the start; those behind the end do not count yet.
  mutating func place(_ bytes: Span<UInt8>, at offset: Int) {
    precondition(bytes.count <= capacity - offset, "placed within the ring")
    guard bytes.count > 0 else { return }
    let position = wrapped(start + offset)
    let first = min(bytes.count, capacity - position)
    storage.replace(from: position, with: bytes.extracting(0..<first))
    storage.replace(from: 0, with: bytes.extracting(first..<bytes.count))
  }

  /// Counts bytes that were placed behind the end.
  mutating func extend(by byteCount: Int) {
    precondition(byteCount <= freeByteCount, "more bytes than there is room for")
    count += byteCount
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

  /// Lends the bytes of `range`, counted from the start, to `body`, in one or two pieces.
  func forEachPiece(of range: Range<Int>, _ body: (Span<UInt8>) -> Void) {
    precondition(range.lowerBound >= 0 && range.upperBound <= count, "more bytes than there are")
    guard !range.isEmpty else { return }
    let position = wrapped(start + range.lowerBound)
    let first = min(range.count, capacity - position)
    storage.withSpan(position..<position + first, body)
    if first < range.count { storage.withSpan(0..<range.count - first, body) }
  }

  private func wrapped(_ offset: Int) -> Int { offset < capacity ? offset : offset - capacity }

  /// A byte of the annex.
  subscript(annex offset: Int) -> UInt8 {
    get { storage[capacity + offset] }
    set { storage[capacity + offset] = newValue }
  }
}

internal import Framing

/// The stream that the peer sends: what is in order, until the caller reads it, and behind it what
/// has come too early.
///
/// The storage that is lent has 16 bytes for each block of the window and a bit that says whether the
/// block is held.
struct ReceiveQueue: ~Copyable {
  /// What a data frame brought.
  enum Outcome: Equatable {
    /// This many new bytes in order.
    case delivered(Int)
    /// Nothing in order; blocks are held for later.
    case held
    /// Nothing that was not there.
    case duplicate
    /// It starts behind a block that is missing, and nothing is held here.
    case gap
    /// The caller has not read enough: there is no room for it.
    case noRoom
  }

  private(set) var buffer: StreamBuffer
  /// The block that comes next.
  private(set) var expected = BlockNumber(0)
  /// Blocks that fit.
  let windowBlockCount: Int
  /// Whether blocks that come early are held.
  let isSelective: Bool
  // The annex is a ring of bits; bit `heldStart` stands for the expected block, which is never held.
  // 0 <= heldStart < windowBlockCount
  private var heldStart = 0
  /// One more than the distance of the last held block from the expected one; 0 where none is held.
  private(set) var heldSpan = 0

  /// Holds early blocks if that is wanted and a frame of `payloadLimit` bytes fits all the same.
  init(storage: consuming ByteStorage, payloadLimit: Int, wantsSelective: Bool) {
    // 129 bits for each block: 16 bytes and the note that it is held.
    let noted = min(storage.byteCount * 8 / 129, BlockNumber.windowLimit - 1)
    isSelective = wantsSelective && noted * BlockNumber.byteCount >= payloadLimit
    windowBlockCount =
      isSelective ? noted : min(storage.byteCount / 16, BlockNumber.windowLimit - 1)
    let capacity = isSelective ? noted * BlockNumber.byteCount : storage.byteCount
    buffer = StreamBuffer(storage: storage, capacity: capacity)
    clearHeld()
  }

  /// Takes the payload of a data frame whose first block is `first`.
  ///
  /// A frame may start before the expected block where the peer has cut a resent piece anew: what is
  /// new of it is taken.
  mutating func take(_ payload: Span<UInt8>, first: BlockNumber) -> Outcome {
    let lead = expected.distance(from: first)
    guard lead >= 0 else { return hold(payload, ahead: -lead) }
    let blocks = BlockNumber.count(forByteCount: payload.count)
    guard lead < blocks else { return .duplicate }
    let new = payload.extracting(lead * BlockNumber.byteCount..<payload.count)
    guard new.count <= buffer.freeByteCount else { return .noRoom }
    let before = buffer.count
    _ = buffer.append(new)
    // Nothing is sent behind a short block: what was held there can only be a breach of the rules.
    if new.count & 15 != 0 { clearHeld() }
    moveOn(by: blocks - lead)
    while heldSpan > 0, isHeld(0) {
      buffer.extend(by: BlockNumber.byteCount)
      moveOn(by: 1)
    }
    return .delivered(buffer.count - before)
  }

  /// Keeps blocks that come early; a short one, which only a flush makes, comes again.
  private mutating func hold(_ payload: Span<UInt8>, ahead: Int) -> Outcome {
    let blocks = payload.count / BlockNumber.byteCount
    guard isSelective, blocks > 0 else { return .gap }
    let offset = buffer.count + ahead * BlockNumber.byteCount
    let byteCount = blocks * BlockNumber.byteCount
    guard offset + byteCount <= buffer.capacity else { return .noRoom }
    buffer.place(payload.extracting(0..<byteCount), at: offset)
    for index in ahead..<ahead + blocks { setHeld(index, true) }
    heldSpan = max(heldSpan, ahead + blocks)
    return .held
  }

  /// The next `blocks` blocks are there.
  private mutating func moveOn(by blocks: Int) {
    expected = expected.advanced(by: blocks)
    guard isSelective else { return }
    for index in 0..<min(blocks, heldSpan) { setHeld(index, false) }
    heldStart = wrapped(heldStart + blocks)
    heldSpan = max(heldSpan - blocks, 0)
  }

  // MARK: - What is held

  /// Bytes of the report on what is held: bit i, lowest first, stands for the block i + 1 behind the
  /// expected one.
  var reportByteCount: Int { (heldSpan + 6) >> 3 }

  /// A byte of the report.
  func report(at index: Int) -> UInt8 {
    var bits: UInt8 = 0
    for bit in 0..<8 {
      let ahead = index * 8 + bit + 1
      if ahead < heldSpan, isHeld(ahead) { bits |= 1 << UInt8(bit) }
    }
    return bits
  }

  private func isHeld(_ ahead: Int) -> Bool {
    let position = bitPosition(ahead)
    return buffer[annex: position >> 3] & 1 << UInt8(position & 7) != 0
  }

  private mutating func setHeld(_ ahead: Int, _ isHeld: Bool) {
    let position = bitPosition(ahead)
    let mask: UInt8 = 1 << UInt8(position & 7)
    if isHeld {
      buffer[annex: position >> 3] |= mask
    } else {
      buffer[annex: position >> 3] &= ~mask
    }
  }

  private func bitPosition(_ ahead: Int) -> Int { wrapped(heldStart + ahead) }

  private func wrapped(_ position: Int) -> Int {
    position < windowBlockCount ? position : position - windowBlockCount
  }

  private mutating func clearHeld() {
    heldSpan = 0
    guard isSelective else { return }
    for offset in 0..<(windowBlockCount + 7) >> 3 { buffer[annex: offset] = 0 }
  }

  // MARK: - Reading

  /// Appends unread bytes to `output`, up to its capacity, and returns how many.
  mutating func read(into output: inout OutputSpan<UInt8>) -> Int {
    let count = min(buffer.count, output.freeCapacity)
    buffer.forEachPiece(of: 0..<count) { piece in
      for index in piece.indices { output.append(piece[index]) }
    }
    buffer.removeFirst(count)
    return count
  }

  /// Back to the first byte of a new session's stream.
  mutating func reset() {
    buffer.removeAll()
    expected = BlockNumber(0)
    clearHeld()
  }

  /// A new session goes on with this stream: what is held is sent again.
  mutating func resume() { clearHeld() }
}

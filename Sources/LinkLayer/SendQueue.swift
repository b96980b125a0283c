internal import Framing

/// The stream that this end sends, from the first byte that the peer has not acknowledged, and what
/// has become of each block of it.
///
/// A block is pending, under way in a frame, or held by the peer. How many blocks a frame carries is
/// decided anew for each transmission, so a piece that fails goes out again in smaller ones. A line
/// does not reorder: when a frame is answered, those sent before it and not answered are lost. Each
/// block notes the **stamp** of the frame that it is under way in, a number that counts transmissions.
struct SendQueue: ~Copyable {
  /// Blocks for the next frame, counted from the first unacknowledged one.
  struct Piece: Equatable {
    var blocks: Range<Int>
    var byteCount: Int
    /// Whether it was sent before.
    var isRepeat: Bool
  }

  private(set) var buffer: StreamBuffer
  /// The number of the first block that is not acknowledged.
  private(set) var base = BlockNumber(0)
  /// Blocks from the base on that have been sent at least once.
  private(set) var sentCount = 0
  /// Blocks that are under way.
  private(set) var underWayCount = 0
  /// Bytes from the start that go out without waiting for a full frame.
  // 0 <= flushedByteCount <= buffer.count
  private(set) var flushedByteCount = 0
  // The byte behind a short block that has been sent: nothing beyond goes out before its answer,
  // and no transmission may cut or fill it.
  private var shortEnd: Int?
  private var nextStamp = Stamp(0)

  // Blocks that fit; the annex is a ring of a mark for each.
  private let blockCapacity: Int
  // 0 <= markStart < blockCapacity
  private var markStart = 0
  // No block before it is pending.
  private var pendingHint = 0

  /// Bytes of storage that a block takes: itself and its mark.
  static let storageByteCountPerBlock = BlockNumber.byteCount + 2

  init(storage: consuming ByteStorage) {
    let blocks = storage.byteCount / Self.storageByteCountPerBlock
    precondition(blocks > 0, "the send storage holds a block and its mark")
    blockCapacity = blocks
    buffer = StreamBuffer(storage: storage, capacity: blocks * BlockNumber.byteCount)
    reset()
  }

  mutating func write(_ bytes: Span<UInt8>) -> Int { buffer.append(bytes) }

  mutating func flush() { flushedByteCount = buffer.count }

  // MARK: - Sending

  /// What the next frame carries: the first pending blocks, at most `target`, within the `window`.
  ///
  /// Nil for nothing yet: new data wait until they fill a frame, or are flushed.
  func nextPiece(target: Int, window: Int) -> Piece? {
    let limit = min(sendableBlockCount, window)
    var first = pendingHint
    while first < limit, mark(first) != .pending { first += 1 }
    guard first < limit else { return nil }
    var end = first + 1
    while end < limit, end - first < target, mark(end) == .pending { end += 1 }
    let isFull = end - first >= target || end < limit && mark(end) != .pending
    let isRepeat = first < sentCount
    if !isFull, !isRepeat, first >= flushedBlockCount, underWayCount > 0 || end < window {
      return nil
    }
    let byteCount = min(end * BlockNumber.byteCount, shortEnd ?? buffer.count)
    return Piece(
      blocks: first..<end, byteCount: byteCount - first * BlockNumber.byteCount, isRepeat: isRepeat)
  }

  private var flushedBlockCount: Int { BlockNumber.count(forByteCount: flushedByteCount) }

  /// Whole blocks, and a short one behind them where it has been flushed.
  private var sendableBlockCount: Int {
    if let shortEnd { return BlockNumber.count(forByteCount: shortEnd) }
    return max(buffer.count / BlockNumber.byteCount, flushedBlockCount)
  }

  /// A frame with this piece goes out; returns its stamp.
  mutating func noteSent(_ piece: Piece) -> Stamp {
    let stamp = nextStamp
    nextStamp = stamp.next
    for index in piece.blocks { setMark(index, .underWay(stamp)) }
    underWayCount += piece.blocks.count
    sentCount = max(sentCount, piece.blocks.upperBound)
    pendingHint = piece.blocks.upperBound
    if piece.byteCount & 15 != 0 {
      shortEnd = piece.blocks.lowerBound * BlockNumber.byteCount + piece.byteCount
    }
    return stamp
  }

  /// Lends the bytes of a piece to `body`.
  func forEachPart(of piece: Piece, _ body: (Span<UInt8>) -> Void) {
    let start = piece.blocks.lowerBound * BlockNumber.byteCount
    buffer.forEachPiece(of: start..<start + piece.byteCount, body)
  }

  // MARK: - Answers

  /// What an answer has settled.
  struct Settlement: Equatable {
    /// Bytes of the stream that have become acknowledged.
    var byteCount = 0
    /// Frames that have arrived, and the bytes of the stream in them.
    var delivered = FrameTally()
    /// The last of them to be sent.
    var newest: Stamp?
  }

  /// The peer lacks block `next` and has all before it, and holds what the bits of `report` say: bit
  /// i stands for the block i + 1 behind `next`.
  ///
  /// Nil where it names a block that was never sent.
  mutating func acknowledge(upTo next: BlockNumber, report: Span<UInt8>) -> Settlement? {
    let blocks = next.distance(from: base)
    // An older answer that was overtaken by nothing, or a late one: it says nothing new.
    guard blocks >= 0 else { return Settlement() }
    guard blocks <= sentCount else { return nil }
    var settlement = Settlement()
    for index in 0..<blocks { settle(index, &settlement) }
    settlement.byteCount = removeFirst(blocks)
    for byte in report.indices where report[byte] != 0 {
      for bit in 0..<8 where report[byte] & 1 << UInt8(bit) != 0 {
        let index = byte * 8 + bit + 1
        guard index < sentCount else { return nil }
        settle(index, &settlement)
        setMark(index, .held)
      }
    }
    return settlement
  }

  private mutating func settle(_ index: Int, _ settlement: inout Settlement) {
    guard case .underWay(let stamp) = mark(index) else { return }
    underWayCount -= 1
    settlement.delivered.note(stamp)
    if settlement.newest.map({ $0.isOlder(than: stamp) }) ?? true { settlement.newest = stamp }
  }

  private mutating func removeFirst(_ blocks: Int) -> Int {
    guard blocks > 0 else { return 0 }
    var byteCount = blocks * BlockNumber.byteCount
    if let shortEnd {
      byteCount = min(byteCount, shortEnd)
      self.shortEnd = byteCount == shortEnd ? nil : shortEnd - byteCount
    }
    for index in 0..<blocks { setMark(index, .pending) }
    markStart = wrapped(markStart + blocks)
    pendingHint = max(pendingHint - blocks, 0)
    sentCount -= blocks
    buffer.removeFirst(byteCount)
    flushedByteCount = max(flushedByteCount - byteCount, 0)
    base = base.advanced(by: blocks)
    return byteCount
  }

  // MARK: - Losses

  /// Makes all that is under way in frames before `stamp` pending again.
  mutating func giveUp(before stamp: Stamp) -> FrameTally {
    giveUp { $0.isOlder(than: stamp) }
  }

  /// Makes what is under way in the frame of the first block pending again.
  mutating func giveUpFirst() -> FrameTally {
    for index in 0..<sentCount {
      if case .underWay(let stamp) = mark(index) { return giveUp { $0 == stamp } }
    }
    return FrameTally()
  }

  /// Makes all that is under way pending again.
  mutating func giveUpAll() -> FrameTally { giveUp { _ in true } }

  private mutating func giveUp(where isLost: (Stamp) -> Bool) -> FrameTally {
    var lost = FrameTally()
    guard underWayCount > 0 else { return lost }
    for index in 0..<sentCount {
      guard case .underWay(let stamp) = mark(index), isLost(stamp) else { continue }
      lost.note(stamp)
      underWayCount -= 1
      setMark(index, .pending)
      pendingHint = min(pendingHint, index)
    }
    return lost
  }

  // MARK: - Sessions

  /// Back to the first byte of a new session's stream.
  mutating func reset() {
    buffer.removeAll()
    base = BlockNumber(0)
    flushedByteCount = 0
    shortEnd = nil
    clearMarks()
  }

  /// A new session goes on with this stream: what is not acknowledged goes out again.
  mutating func resume() {
    let sent = sentCount
    clearMarks()
    sentCount = sent
  }

  private mutating func clearMarks() {
    sentCount = 0
    underWayCount = 0
    pendingHint = 0
    for index in 0..<blockCapacity { setMark(index, .pending) }
  }

  // MARK: - Marks

  private func mark(_ index: Int) -> Mark {
    let offset = 2 * wrapped(markStart + index)
    return Mark(UInt16(buffer[annex: offset]) | UInt16(buffer[annex: offset + 1]) << 8)
  }

  private mutating func setMark(_ index: Int, _ mark: Mark) {
    let offset = 2 * wrapped(markStart + index)
    buffer[annex: offset] = UInt8(truncatingIfNeeded: mark.rawValue)
    buffer[annex: offset + 1] = UInt8(mark.rawValue >> 8)
  }

  private func wrapped(_ index: Int) -> Int {
    index < blockCapacity ? index : index - blockCapacity
  }
}

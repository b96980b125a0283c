internal import Framing

/// The stream that the peer sends, in order, until the caller reads it.
struct ReceiveQueue: ~Copyable {
  /// What a data frame brought.
  enum Outcome: Equatable {
    /// This many new bytes.
    case delivered(Int)
    /// Nothing that was not there.
    case duplicate
    /// It starts behind a block that is missing.
    case gap
    /// The caller has not read enough: there is no room for it.
    case noRoom
  }

  private(set) var buffer: StreamBuffer
  /// The block that comes next.
  private(set) var expected = BlockNumber(0)

  init(storage: consuming ByteStorage) {
    buffer = StreamBuffer(storage: storage)
  }

  /// Takes the payload of a data frame whose first block is `first`.
  ///
  /// A frame may start before the expected block where the peer has cut a resent piece anew: what is
  /// new of it is taken.
  mutating func take(_ payload: Span<UInt8>, first: BlockNumber) -> Outcome {
    let lead = expected.distance(from: first)
    guard lead >= 0 else { return .gap }
    let blocks = BlockNumber.count(forByteCount: payload.count)
    guard lead < blocks else { return .duplicate }
    let new = payload.extracting(lead * BlockNumber.byteCount..<payload.count)
    guard new.count <= buffer.freeByteCount else { return .noRoom }
    let count = buffer.append(new)
    expected = first.advanced(by: blocks)
    return .delivered(count)
  }

  /// Appends unread bytes to `output`, up to its capacity, and returns how many.
  mutating func read(into output: inout OutputSpan<UInt8>) -> Int {
    let count = min(buffer.count, output.freeCapacity)
    buffer.forEachPiece(ofFirst: count) { piece in
      for index in piece.indices { output.append(piece[index]) }
    }
    buffer.removeFirst(count)
    return count
  }

  mutating func reset() {
    buffer.removeAll()
    expected = BlockNumber(0)
  }
}

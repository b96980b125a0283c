import Framing
import LineModel
import Testing

@testable import LinkLayer

/// What is taken of frames that come in any order.
struct ReceiveQueueTests {
  private func queue(blocks: Int, selective: Bool = true) -> ReceiveQueue {
    let byteCount = selective ? (blocks * 129 + 7) / 8 : blocks * 16
    return ReceiveQueue(
      storage: ByteStorage(byteCount: byteCount), payloadLimit: 16, wantsSelective: selective)
  }

  private func report(_ queue: borrowing ReceiveQueue) -> [UInt8] {
    (0..<queue.reportByteCount).map { queue.report(at: $0) }
  }

  private func read(_ queue: inout ReceiveQueue, _ limit: Int = .max) -> [UInt8] {
    [UInt8](capacity: min(limit, queue.buffer.count)) { _ = queue.read(into: &$0) }
  }

  @Test func earlyBlocksAreHeldReportedAndDeliveredWithTheMissingOne() {
    let stream = sample(160)
    var queue = queue(blocks: 16)
    var outcome = queue.take(stream.span.extracting(32..<64), first: BlockNumber(2))
    #expect(outcome == .held)
    outcome = queue.take(stream.span.extracting(96..<112), first: BlockNumber(6))
    #expect(outcome == .held)
    #expect(report(queue) == [0b0010_0110], "bit i stands for the block i + 1 behind the next")
    #expect(read(&queue) == [])
    outcome = queue.take(stream.span.extracting(0..<32), first: BlockNumber(0))
    #expect(outcome == .delivered(64))
    let expected = queue.expected
    #expect(expected == BlockNumber(4))
    #expect(report(queue) == [0b0000_0010])
    outcome = queue.take(stream.span.extracting(64..<112), first: BlockNumber(4))
    #expect(outcome == .delivered(48))
    #expect(report(queue) == [])
    #expect(read(&queue) == Array(stream[..<112]))
  }

  @Test func copiesAreNothingNew() {
    var queue = queue(blocks: 16)
    _ = queue.take(sample(48).span, first: BlockNumber(0))
    for (start, count) in [(0, 48), (0, 16), (2, 16), (4095, 16), (2052, 16)] as [(UInt16, Int)] {
      let outcome = queue.take(sample(count).span, first: BlockNumber(start))
      #expect(outcome == .duplicate)
    }
    let outcome = queue.take([UInt8]().span, first: BlockNumber(3))
    #expect(outcome == .duplicate, "nothing at all is nothing new")
  }

  @Test func shortBlockEndsWhatCame() {
    var queue = queue(blocks: 16)
    var outcome = queue.take(sample(24).span, first: BlockNumber(0))
    #expect(outcome == .delivered(24))
    let expected = queue.expected
    #expect(expected == BlockNumber(2))
    // Early, only whole blocks of it are held: where its end is, the missing ones have to tell.
    outcome = queue.take(sample(40, seed: 2).span, first: BlockNumber(3))
    #expect(outcome == .held)
    #expect(report(queue) == [0b11])
    outcome = queue.take(sample(8, seed: 3).span, first: BlockNumber(4))
    #expect(outcome == .gap)
    outcome = queue.take(sample(16, seed: 4).span, first: BlockNumber(2))
    #expect(outcome == .delivered(48))
    #expect(read(&queue) == sample(24) + sample(16, seed: 4) + sample(40, seed: 2)[..<32])
  }

  /// Only a peer that breaks the rules sends behind a short block; nothing of it is delivered.
  @Test func blocksHeldBehindAShortOneAreDropped() {
    var queue = queue(blocks: 16)
    _ = queue.take(sample(16, seed: 2).span, first: BlockNumber(1))
    _ = queue.take(sample(16, seed: 2).span, first: BlockNumber(5))
    let outcome = queue.take(sample(8).span, first: BlockNumber(0))
    #expect(outcome == .delivered(8))
    #expect(report(queue) == [])
  }

  @Test func memoryIsTheBoundOfWhatIsHeldAndUnread() {
    var queue = queue(blocks: 8)
    let window = queue.windowBlockCount
    #expect(window == 8)
    var outcome = queue.take(sample(32).span, first: BlockNumber(7))
    #expect(outcome == .noRoom)
    outcome = queue.take(sample(16).span, first: BlockNumber(7))
    #expect(outcome == .held)
    outcome = queue.take(sample(112).span, first: BlockNumber(0))
    #expect(outcome == .delivered(128))
    for first in [8, 9] as [UInt16] {
      outcome = queue.take(sample(16).span, first: BlockNumber(first))
      #expect(outcome == .noRoom)
    }
    _ = read(&queue, 16)
    outcome = queue.take(sample(16).span, first: BlockNumber(9))
    #expect(outcome == .noRoom)
    outcome = queue.take(sample(16).span, first: BlockNumber(8))
    #expect(outcome == .delivered(16))
  }

  @Test(arguments: [(112, true), (1024, false)])
  func withoutTheMemoryOrTheWishEarlyBlocksAreAGap(byteCount: Int, isWanted: Bool) {
    var queue = ReceiveQueue(
      storage: ByteStorage(byteCount: byteCount), payloadLimit: 112, wantsSelective: isWanted)
    let (isSelective, window) = (queue.isSelective, queue.windowBlockCount)
    #expect(!isSelective)
    #expect(window == byteCount / 16, "no block is given up for notes")
    let outcome = queue.take(sample(16).span, first: BlockNumber(1))
    #expect(outcome == .gap)
    #expect(report(queue) == [])
  }

  @Test func resumedStreamForgetsWhatIsHeldAndNothingElse() {
    var queue = queue(blocks: 16)
    _ = queue.take(sample(32).span, first: BlockNumber(0))
    _ = queue.take(sample(32).span, first: BlockNumber(4))
    queue.resume()
    #expect(report(queue) == [])
    let expected = queue.expected
    #expect(expected == BlockNumber(2))
    let outcome = queue.take(sample(32, seed: 2).span, first: BlockNumber(2))
    #expect(outcome == .delivered(32))
    #expect(read(&queue) == sample(32) + sample(32, seed: 2))
    queue.reset()
    let anew = queue.expected
    #expect(anew == BlockNumber(0))
  }

  /// Frames of a long stream in any order, cut in any way, against an array: every byte comes once and
  /// in order, and the report says what is held.
  @Test(arguments: 0..<20 as Range<UInt64>)
  func everythingIsDeliveredOnceAndInOrder(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    let window = [1, 3, 8, 33, 200].randomElement(using: &generator) ?? 8
    var queue = queue(blocks: window, selective: seed % 4 > 0)
    var model = ReceiveModel(windowBlockCount: window, isSelective: seed % 4 > 0)
    let stream = BlockStream(drawnFrom: seed, blockCount: 5000)
    var delivered: [UInt8] = []
    var rounds = 0
    while delivered.count < stream.bytes.count, rounds < 200_000 {
      rounds += 1
      let ahead =
        Int.random(in: 0..<4, using: &generator) == 0
        ? 0
        : Int.random(
          in: -3...window + 2, using: &generator)
      let first = max(model.expected + ahead, 0)
      let limit = stream.limit(behind: min(first, model.expected))
      guard first < limit else { continue }
      let end = min(first + Int.random(in: 1...12, using: &generator), limit)
      let outcome = queue.take(
        stream.bytes.span.extracting(stream.offset(first)..<stream.offset(end)),
        first: BlockNumber(UInt16(truncatingIfNeeded: first)))
      let expected = model.take(first..<end, of: stream)
      let next = queue.expected
      let isRight =
        outcome == expected && next.rawValue == UInt16(model.expected % 4096)
        && report(queue) == reportBytes(model.held.map { $0 - model.expected - 1 })
      #expect(isRight, "\(outcome) for \(expected) of \(first)..<\(end), \(model.expected) next")
      guard isRight else { return }
      guard Bool.random(using: &generator) else { continue }
      let new = read(&queue, Int.random(in: 0...400, using: &generator))
      delivered += new
      model.unread -= new.count
    }
    #expect(delivered == stream.bytes, "after \(rounds) frames")
  }
}

/// A stream in blocks, a few of them short.
private struct BlockStream {
  private(set) var bytes: [UInt8] = []
  // Where each block begins, and the end.
  private var offsets = [0]
  private var shortBlocks: [Int] = []

  init(drawnFrom seed: UInt64, blockCount: Int) {
    var generator = SeededGenerator(seed: ~seed)
    for index in 0..<blockCount {
      let isShort = Int.random(in: 0..<40, using: &generator) == 0
      let count = isShort ? Int.random(in: 1...15, using: &generator) : 16
      if isShort { shortBlocks.append(index) }
      bytes += sample(count, seed: generator.next())
      offsets.append(bytes.count)
    }
  }

  func offset(_ block: Int) -> Int { offsets[block] }

  func isShort(_ block: Int) -> Bool { offsets[block + 1] - offsets[block] < 16 }

  /// Nothing is sent behind a short block that the receiver lacks.
  func limit(behind expected: Int) -> Int {
    (shortBlocks.first { $0 >= expected } ?? offsets.count - 2) + 1
  }
}

/// What a receive queue is, without its rings.
private struct ReceiveModel {
  let windowBlockCount: Int
  let isSelective: Bool
  var expected = 0
  var held: [Int] = []
  var unread = 0

  mutating func take(_ blocks: Range<Int>, of stream: BlockStream) -> ReceiveQueue.Outcome {
    let capacity = windowBlockCount * 16
    if blocks.upperBound <= expected { return .duplicate }
    if blocks.lowerBound <= expected {
      let count = stream.offset(blocks.upperBound) - stream.offset(expected)
      guard unread + count <= capacity else { return .noRoom }
      let before = stream.offset(expected)
      expected = blocks.upperBound
      while held.contains(expected) { expected += 1 }
      held.removeAll { $0 < expected }
      unread += stream.offset(expected) - before
      return .delivered(stream.offset(expected) - before)
    }
    let whole = blocks.filter { !stream.isShort($0) }
    guard isSelective, let last = whole.last else { return .gap }
    guard unread + (last + 1 - expected) * 16 <= capacity else { return .noRoom }
    held = Array(Set(held + whole)).sorted()
    return .held
  }
}

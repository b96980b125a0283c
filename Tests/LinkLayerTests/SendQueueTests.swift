import Framing
import LineModel
import Testing

@testable import LinkLayer

/// Which blocks go out, and what answers and losses make of them.
struct SendQueueTests {
  typealias Piece = SendQueue.Piece

  private func queue(blocks: Int = 64) -> SendQueue {
    SendQueue(
      storage: ByteStorage(byteCount: blocks * SendQueue.storageByteCountPerBlock))
  }

  private func bits(_ report: UInt8...) -> [UInt8] { report }

  // MARK: - Pieces

  @Test func framesGoOutFullOrFlushed() {
    var queue = queue()
    _ = queue.write(sample(100).span)
    var piece = queue.nextPiece(target: 7, window: 64)
    #expect(piece == nil, "six blocks and a quarter wait for the seventh")
    piece = queue.nextPiece(target: 4, window: 64)
    #expect(piece == Piece(blocks: 0..<4, byteCount: 64, isRepeat: false))
    queue.flush()
    piece = queue.nextPiece(target: 7, window: 64)
    #expect(piece == Piece(blocks: 0..<7, byteCount: 100, isRepeat: false))
    piece = queue.nextPiece(target: 20, window: 64)
    #expect(piece == Piece(blocks: 0..<7, byteCount: 100, isRepeat: false))
  }

  @Test func bytesOfAPieceAreThoseOfTheStream() {
    var queue = queue()
    _ = queue.write(sample(300).span)
    for (target, range) in [(3, 0..<48), (4, 48..<112), (9, 112..<256)] {
      let piece = queue.nextPiece(target: target, window: 64)
      guard let piece else {
        Issue.record("nothing of \(range)")
        return
      }
      var bytes: [UInt8] = []
      queue.forEachPart(of: piece) { part in bytes += part.indices.map { part[$0] } }
      #expect(bytes == Array(sample(300)[range]))
      _ = queue.noteSent(piece)
    }
  }

  @Test func nothingGoesOutBehindAShortBlockAndItIsNeverFilledUp() {
    var queue = queue()
    _ = queue.write(sample(40).span)
    queue.flush()
    send(&queue, Piece(blocks: 0..<3, byteCount: 40, isRepeat: false))
    _ = queue.write(sample(160).span)
    queue.flush()
    var piece = queue.nextPiece(target: 7, window: 64)
    #expect(piece == nil)
    _ = queue.giveUpAll()
    send(&queue, target: 2, Piece(blocks: 0..<2, byteCount: 32, isRepeat: true))
    send(&queue, target: 2, Piece(blocks: 2..<3, byteCount: 8, isRepeat: true))
    piece = queue.nextPiece(target: 7, window: 64)
    #expect(piece == nil)
    expect(&queue, BlockNumber(3), settles: 40)
    send(&queue, Piece(blocks: 0..<7, byteCount: 112, isRepeat: false))
  }

  @Test func windowIsTheBoundAndAFrameThatReachesItIsFullIfNothingIsUnderWay() {
    var queue = queue()
    _ = queue.write(sample(1024).span)
    send(&queue, window: 10, Piece(blocks: 0..<7, byteCount: 112, isRepeat: false))
    var piece = queue.nextPiece(target: 7, window: 10)
    #expect(piece == nil, "three blocks more would go alone, and the next answer makes room for more")
    expect(&queue, BlockNumber(7), settles: 112)
    send(&queue, window: 5, Piece(blocks: 0..<5, byteCount: 80, isRepeat: false))
    piece = queue.nextPiece(target: 7, window: 5)
    #expect(piece == nil)
    piece = queue.nextPiece(target: 7, window: 0)
    #expect(piece == nil)
  }

  @Test func lostPieceIsCutAnewUpToTheNextHole() {
    var queue = queue()
    _ = queue.write(sample(1024).span)
    for start in stride(from: 0, to: 28, by: 7) {
      send(&queue, Piece(blocks: start..<start + 7, byteCount: 112, isRepeat: false))
    }
    // The first and the third are lost.
    let settlement = queue.acknowledge(
      upTo: BlockNumber(0), report: bits(0b1100_0000, 0b0001_1111, 0b1111_0000, 0b0000_0111).span)
    #expect(settlement?.byteCount == 0)
    #expect(settlement?.delivered.blockCount == 14)
    #expect(settlement?.delivered.frameCount == 2)
    #expect(settlement?.newest == Stamp(3))
    let lost = queue.giveUp(before: Stamp(3))
    #expect(lost.frameCount == 2)
    #expect(lost.blockCount == 14)
    send(&queue, target: 20, Piece(blocks: 0..<7, byteCount: 112, isRepeat: true))
    send(&queue, target: 4, Piece(blocks: 14..<18, byteCount: 64, isRepeat: true))
    send(&queue, target: 4, Piece(blocks: 18..<21, byteCount: 48, isRepeat: true))
    send(&queue, target: 4, Piece(blocks: 28..<32, byteCount: 64, isRepeat: false))
  }

  /// What was flushed goes out, whatever of the rest is not.
  @Test func flushedBlocksDoNotWaitForWhatStandsBehindThem() {
    var queue = queue()
    _ = queue.write(sample(20).span)
    queue.flush()
    _ = queue.write(sample(50).span)
    send(&queue, Piece(blocks: 0..<4, byteCount: 64, isRepeat: false))
    let piece = queue.nextPiece(target: 7, window: 64)
    #expect(piece == nil)
  }

  // MARK: - Answers

  @Test func answersThatNameUnsentBlocksAreNone() {
    var queue = queue()
    _ = queue.write(sample(1024).span)
    send(&queue, Piece(blocks: 0..<7, byteCount: 112, isRepeat: false))
    for (next, report) in [(8, bits()), (2047, bits()), (0, bits(0, 1)), (6, bits(1)), (3, bits(8))]
      as [(UInt16, [UInt8])]
    {
      let settlement = queue.acknowledge(upTo: BlockNumber(next), report: report.span)
      #expect(settlement == nil, "\(next) \(report)")
      queue.reset()
      _ = queue.write(sample(1024).span)
      send(&queue, Piece(blocks: 0..<7, byteCount: 112, isRepeat: false))
    }
    let base = queue.base
    #expect(base == BlockNumber(0))
  }

  @Test func olderAnswersSayNothing() {
    var queue = queue()
    _ = queue.write(sample(1024).span)
    send(&queue, Piece(blocks: 0..<7, byteCount: 112, isRepeat: false))
    expect(&queue, BlockNumber(7), settles: 112)
    for next in [0, 6, 4095, 2055] as [UInt16] {
      let settlement = queue.acknowledge(upTo: BlockNumber(next), report: bits(0xFF).span)
      #expect(settlement == SendQueue.Settlement())
    }
  }

  /// The same report twice settles nothing more.
  @Test func blocksAreSettledOnce() {
    var queue = queue()
    _ = queue.write(sample(1024).span)
    send(&queue, Piece(blocks: 0..<7, byteCount: 112, isRepeat: false))
    send(&queue, Piece(blocks: 7..<14, byteCount: 112, isRepeat: false))
    for count in [7, 0] {
      let settlement = queue.acknowledge(
        upTo: BlockNumber(0), report: bits(0b1100_0000, 0b1_1111).span)
      #expect(settlement?.delivered.blockCount == count)
    }
    let underWay = queue.underWayCount
    #expect(underWay == 7)
    let lost = queue.giveUpAll()
    #expect(lost.blockCount == 7, "those that are held are not lost")
    let settlement = queue.acknowledge(upTo: BlockNumber(14), report: bits().span)
    #expect(settlement?.byteCount == 224)
    #expect(settlement?.delivered.blockCount == 0, "given up and held")
  }

  @Test func lossesAreThoseBeforeTheStamp() {
    var queue = queue()
    _ = queue.write(sample(1024).span)
    for start in stride(from: 0, to: 21, by: 7) {
      send(&queue, Piece(blocks: start..<start + 7, byteCount: 112, isRepeat: false))
    }
    var lost = queue.giveUp(before: Stamp(0))
    #expect(lost == FrameTally())
    lost = queue.giveUp(before: Stamp(2))
    #expect(lost.frameCount == 2)
    // The first goes out again, behind the third: a later stamp, so it is not lost before the third.
    send(&queue, Piece(blocks: 0..<7, byteCount: 112, isRepeat: true))
    lost = queue.giveUp(before: Stamp(3))
    #expect(lost.frameCount == 1)
    lost = queue.giveUpFirst()
    #expect(lost.blockCount == 7)
    let underWay = queue.underWayCount
    #expect(underWay == 0)
  }

  @Test func resumedStreamGoesOutAgainFromTheFirstUnacknowledgedBlock() {
    var queue = queue()
    _ = queue.write(sample(500).span)
    for start in stride(from: 0, to: 21, by: 7) {
      send(&queue, Piece(blocks: start..<start + 7, byteCount: 112, isRepeat: false))
    }
    _ = queue.acknowledge(upTo: BlockNumber(7), report: bits(0b1100_0000).span)
    queue.resume()
    let (base, underWay) = (queue.base, queue.underWayCount)
    #expect(base == BlockNumber(7))
    #expect(underWay == 0)
    // The peer may have had all of it.
    let settlement = queue.acknowledge(upTo: BlockNumber(14), report: bits().span)
    #expect(settlement?.byteCount == 112)
    send(&queue, Piece(blocks: 0..<7, byteCount: 112, isRepeat: true))
    queue.reset()
    let piece = queue.nextPiece(target: 1, window: 64)
    #expect(piece == nil)
  }

  // MARK: - Anything at all

  /// Any writes, flushes, frames, answers and losses, against plain arrays.
  @Test(arguments: 0..<60 as Range<UInt64>)
  func behavesLikeAnArrayOfMarks(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    let capacity = [1, 5, 16, 64].randomElement(using: &generator) ?? 1
    var queue = queue(blocks: capacity)
    var model = SendModel(capacity: capacity)
    for round in 0..<600 as Range<UInt64> {
      switch Int.random(in: 0..<10, using: &generator) {
      case 0, 1:
        let bytes = sample(Int.random(in: 0...80, using: &generator), seed: round)
        let taken = queue.write(bytes.span)
        #expect(taken == model.write(bytes))
      case 2:
        queue.flush()
        model.flushed = model.bytes.count
      case 3...6:
        let target = Int.random(in: 1...8, using: &generator)
        let window = [2, 8, 64].randomElement(using: &generator) ?? 64
        let piece = queue.nextPiece(target: target, window: window)
        #expect(piece == model.nextPiece(target: target, window: window))
        guard let piece else { continue }
        var bytes: [UInt8] = []
        queue.forEachPart(of: piece) { part in bytes += part.indices.map { part[$0] } }
        let start = piece.blocks.lowerBound * 16
        #expect(bytes == Array(model.bytes[start..<start + piece.byteCount]))
        #expect(queue.noteSent(piece) == model.noteSent(piece))
      case 7, 8:
        let blocks = Int.random(in: 0...model.sentCount, using: &generator)
        let held = (blocks + 1..<max(model.sentCount, blocks + 1)).filter { _ in
          Bool.random(using: &generator)
        }
        let next = queue.base.advanced(by: blocks)
        let report = reportBytes(held.map { $0 - blocks - 1 })
        let settlement = queue.acknowledge(upTo: next, report: report.span)
        #expect(settlement == model.acknowledge(blocks, held: held))
      default:
        let lost: FrameTally
        switch Int.random(in: 0..<3, using: &generator) {
        case 0:
          let back = UInt16.random(in: 0...5, using: &generator)
          let stamp = Stamp(model.nextStamp &- back)
          lost = queue.giveUp(before: stamp)
          #expect(lost == model.giveUp { $0.isOlder(than: stamp) })
        case 1:
          lost = queue.giveUpFirst()
          let first = model.firstUnderWay
          #expect(lost == model.giveUp { $0 == first })
        default:
          lost = queue.giveUpAll()
          #expect(lost == model.giveUp { _ in true })
        }
      }
      let counts = [queue.sentCount, queue.underWayCount, queue.buffer.count, queue.flushedByteCount]
      #expect(counts == [model.sentCount, model.underWayCount, model.bytes.count, model.flushed])
    }
  }

  // MARK: - Steps

  /// The next frame is this one, and goes out.
  private func send(
    _ queue: inout SendQueue, target: Int = 7, window: Int = 64, _ expected: Piece
  ) {
    let piece = queue.nextPiece(target: target, window: window)
    #expect(piece == expected)
    if let piece { _ = queue.noteSent(piece) }
  }

  private func expect(_ queue: inout SendQueue, _ next: BlockNumber, settles byteCount: Int) {
    let settlement = queue.acknowledge(upTo: next, report: [UInt8]().span)
    #expect(settlement?.byteCount == byteCount)
  }
}

/// The bytes of a report, of the places of the bits that are set.
func reportBytes(_ bits: [Int]) -> [UInt8] {
  var bytes = [UInt8](repeating: 0, count: ((bits.max() ?? -1) + 8) / 8)
  for bit in bits { bytes[bit / 8] |= 1 << UInt8(bit % 8) }
  return bytes
}

/// What a send queue is, without its rings.
private struct SendModel {
  let capacity: Int
  var bytes: [UInt8] = []
  var flushed = 0
  var marks: [Mark] = []
  var shortEnd: Int?
  var nextStamp: UInt16 = 0

  init(capacity: Int) { self.capacity = capacity }

  var sentCount: Int { marks.count }
  var firstUnderWay: Stamp? {
    for case .underWay(let stamp) in marks { return stamp }
    return nil
  }
  var underWayCount: Int { marks.count { if case .underWay = $0 { true } else { false } } }

  mutating func write(_ new: [UInt8]) -> Int {
    let taken = min(new.count, capacity * 16 - bytes.count)
    bytes += new[..<taken]
    return taken
  }

  func nextPiece(target: Int, window: Int) -> SendQueue.Piece? {
    let end = shortEnd ?? max(bytes.count & ~15, min((flushed + 15) & ~15, bytes.count))
    let count = min((end + 15) / 16, window)
    func isPending(_ index: Int) -> Bool { index >= marks.count || marks[index] == .pending }
    guard let first = (0..<count).first(where: isPending) else { return nil }
    let run = (first..<count).prefix(target).prefix(while: isPending)
    let isFull = run.count == target || run.upperBound < count
    let isFlushed = first * 16 < flushed
    // Where nothing is under way, no answer will make room for more of the window.
    let isWindowFull = run.upperBound == window && underWayCount == 0
    guard isFull || isFlushed || isWindowFull || first < marks.count else { return nil }
    let byteCount = min(run.upperBound * 16, end) - first * 16
    return .init(
      blocks: first..<run.upperBound,
      byteCount: shortEnd == nil ? min(run.upperBound * 16, bytes.count) - first * 16 : byteCount,
      isRepeat: first < marks.count)
  }

  mutating func noteSent(_ piece: SendQueue.Piece) -> Stamp {
    defer { nextStamp += 1 }
    while marks.count < piece.blocks.upperBound { marks.append(.pending) }
    for index in piece.blocks { marks[index] = .underWay(Stamp(nextStamp)) }
    if piece.byteCount % 16 != 0 { shortEnd = piece.blocks.lowerBound * 16 + piece.byteCount }
    return Stamp(nextStamp)
  }

  mutating func acknowledge(_ blocks: Int, held: [Int]) -> SendQueue.Settlement {
    var settlement = SendQueue.Settlement()
    for index in Array(0..<blocks) + held {
      guard case .underWay(let stamp) = marks[index] else { continue }
      settlement.delivered.note(stamp)
      if settlement.newest.map({ $0.isOlder(than: stamp) }) ?? true { settlement.newest = stamp }
    }
    for index in held { marks[index] = .held }
    settlement.byteCount = min(blocks * 16, shortEnd ?? .max)
    marks.removeFirst(blocks)
    bytes.removeFirst(settlement.byteCount)
    flushed = max(flushed - settlement.byteCount, 0)
    shortEnd = shortEnd.flatMap { $0 > settlement.byteCount ? $0 - settlement.byteCount : nil }
    return settlement
  }

  mutating func giveUp(_ isLost: (Stamp) -> Bool) -> FrameTally {
    var lost = FrameTally()
    for index in marks.indices {
      guard case .underWay(let stamp) = marks[index], isLost(stamp) else { continue }
      lost.note(stamp)
      marks[index] = .pending
    }
    return lost
  }
}

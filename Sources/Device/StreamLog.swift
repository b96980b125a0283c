internal import Framing

/// The stream of a transfer as it came, in the slot that is to be filled: blocks, each with a checksum
/// (Hardware/store.md).
struct StreamLog {
  // "WTJS", lowest byte first.
  private static var magic: UInt32 { 0x534A_5457 }
  private static var blockByteCount: Int { 128 }
  /// Bytes of the stream in a block.
  static var pieceByteCount: Int { 124 }
  // Of block 0: what its checksum is of, and where what makes it void begins.
  private static var headByteCount: Int { 20 }
  private static var voidOffset: Int { 112 }

  // The block at hand, of those that are written or read: where it is in the slot, its number, and what it
  // has of the stream so far.
  private var offset = 0
  private var number: UInt32 = 0
  private var count = 0
  private var sum = CRC32()
  private var unit = InlineArray<16, UInt8>(repeating: 0xFF)

  /// Notes nothing before it is begun.
  init() {}

  // MARK: - Writing

  /// Begins in a slot that is blank.
  mutating func begin<Flash: FlashDevice & ~Copyable>(
    _ identity: StreamIdentity, _ slots: inout FlashSlots<Flash>
  ) {
    let head: InlineArray<5, UInt32> = [
      Self.magic, slots.nextGeneration, slots.fingerprint, identity.low, identity.high,
    ]
    (offset, number, count) = (0, 0, 0)
    sum = CRC32()
    for index in 0..<5 {
      sum.update(littleEndian: head[index])
      push(head[index], slots: &slots)
    }
    push(sum.value, slots: &slots)
    // The unit that is open ends with ones.
    while (offset &+ count) & (slots.flash.unitByteCount &- 1) != 0 { push(byte: 0xFF, &slots) }
    beginBlock(Self.blockByteCount, slots)
  }

  /// Appends a byte of the stream, if it fits.
  mutating func append<Flash: FlashDevice & ~Copyable>(
    _ byte: UInt8, _ slots: inout FlashSlots<Flash>
  ) {
    guard number > 0, offset &+ Self.blockByteCount <= slots.slotByteCount else { return }
    sum.update(byte)
    push(byte: byte, &slots)
    guard count == Self.pieceByteCount else { return }
    push(sum.value, slots: &slots)
    number &+= 1
    beginBlock(offset &+ Self.blockByteCount, slots)
  }

  private mutating func beginBlock<Flash: FlashDevice & ~Copyable>(
    _ offset: Int, _ slots: borrowing FlashSlots<Flash>
  ) {
    if number == 0 { number = 1 }
    (self.offset, count) = (offset, 0)
    sum = Self.seed(number, slots)
  }

  private mutating func push<Flash: FlashDevice & ~Copyable>(
    _ word: UInt32, slots: inout FlashSlots<Flash>
  ) {
    for place in 0..<4 {
      push(byte: UInt8(truncatingIfNeeded: word >> UInt32(8 &* place)), &slots)
    }
  }

  private mutating func push<Flash: FlashDevice & ~Copyable>(
    byte: UInt8, _ slots: inout FlashSlots<Flash>
  ) {
    let last = slots.flash.unitByteCount &- 1
    unit[count & last] = byte
    count &+= 1
    guard count & last == 0 else { return }
    slots.flash.program(unit, at: slots.start(of: slots.target) &+ offset &+ count &- last &- 1)
  }

  /// Makes void what there is, by one write.
  mutating func forget<Flash: FlashDevice & ~Copyable>(_ slots: inout FlashSlots<Flash>) {
    number = 0
    guard Self.hasHead(slots) else { return }
    slots.flash.program(
      InlineArray(repeating: 0), at: slots.start(of: slots.target) &+ Self.voidOffset)
  }

  // MARK: - Reading

  /// What there is.
  static func unfinished<Flash: FlashDevice & ~Copyable>(
    _ slots: borrowing FlashSlots<Flash>
  ) -> UnfinishedStream? {
    guard hasHead(slots) else { return nil }
    var found = UnfinishedStream()
    found.identity.low = slots.word(12, of: slots.target)
    found.identity.high = slots.word(16, of: slots.target)
    var log = StreamLog()
    log.rewind()
    while log.advance(slots) { found.byteCount &+= pieceByteCount }
    return found
  }

  /// Stands before the first block.
  mutating func rewind() { (offset, number, count) = (0, 0, 0) }

  /// Goes to the next block that is whole; behind the last one it stands where the next one goes, and is
  /// false.
  mutating func advance<Flash: FlashDevice & ~Copyable>(
    _ slots: borrowing FlashSlots<Flash>
  ) -> Bool {
    number &+= 1
    offset &+= Self.blockByteCount
    while offset &+ Self.blockByteCount <= slots.slotByteCount {
      if isWhole(slots) { return true }
      let start = slots.start(of: slots.target) &+ offset
      guard !slots.isBlank(start, byteCount: Self.blockByteCount) else { break }
      // Of one that a cut has left nothing more is made: it may not be programmed again.
      offset &+= Self.blockByteCount
    }
    beginBlock(offset, slots)
    return false
  }

  /// A byte of the block at hand.
  func byte<Flash: FlashDevice & ~Copyable>(
    _ index: Int, _ slots: borrowing FlashSlots<Flash>
  ) -> UInt8 { slots.flash.byte(at: slots.start(of: slots.target) &+ offset &+ index) }

  private func isWhole<Flash: FlashDevice & ~Copyable>(
    _ slots: borrowing FlashSlots<Flash>
  ) -> Bool {
    var sum = Self.seed(number, slots)
    for index in 0..<Self.pieceByteCount { sum.update(byte(index, slots)) }
    return slots.word(offset &+ Self.pieceByteCount, of: slots.target) == sum.value
  }

  private static func seed<Flash: FlashDevice & ~Copyable>(
    _ number: UInt32, _ slots: borrowing FlashSlots<Flash>
  ) -> CRC32 {
    var sum = CRC32()
    sum.update(littleEndian: slots.word(headByteCount, of: slots.target))
    sum.update(littleEndian: number)
    return sum
  }

  private static func hasHead<Flash: FlashDevice & ~Copyable>(
    _ slots: borrowing FlashSlots<Flash>
  ) -> Bool {
    let slot = slots.target
    guard slots.word(0, of: slot) == magic, slots.word(4, of: slot) == slots.nextGeneration,
      slots.word(8, of: slot) == slots.fingerprint
    else { return false }
    var sum = CRC32()
    for place in 0..<headByteCount {
      sum.update(slots.flash.byte(at: slots.start(of: slot) &+ place))
    }
    return slots.word(headByteCount, of: slot) == sum.value
      && slots.isBlank(slots.start(of: slot) &+ voidOffset, byteCount: 16)
  }
}

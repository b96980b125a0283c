internal import Framing

/// The states of the decoder that a transfer into flash goes on from: entries in two pages behind the slots, of
/// which one at least is always whole (Hardware/store.md).
struct FlashJournal {
  // "WTJ1", lowest byte first, and "WTJ2" with the models of differences.
  private static var magic: UInt32 { 0x314A_5457 }
  private static var magicWithDifferences: UInt32 { 0x324A_5457 }
  // At the beginning of a page: erased, or all is void.
  private static var markByteCount: Int { 16 }
  // Before the states.
  private static var wordCount: Int { 24 }

  /// What the stream at hand is known by.
  var identity = StreamIdentity()
  /// Where the last whole entry is in the flash; nil for none.
  private var latest: Int?
  private var number: UInt32 = 0
  // Where the next one goes, and where its page ends.
  private var next = 0
  private var end = 0

  /// Of a flash that has none.
  init() {}

  /// Looks for the last whole entry.
  init<Flash: FlashDevice & ~Copyable>(_ slots: borrowing FlashSlots<Flash>) {
    let byteCount = Self.entryByteCount(slots)
    for page in 0..<2 {
      let start = Self.start(ofPage: page, slots)
      guard slots.isBlank(start, byteCount: Self.markByteCount) else {
        (latest, number) = (nil, 0)
        break
      }
      var offset = start &+ Self.markByteCount
      let pageEnd = start &+ slots.flash.pageByteCount
      var isLatest = false
      while offset &+ byteCount <= pageEnd, !slots.isBlank(offset, byteCount: byteCount) {
        if Self.isWhole(offset, slots), slots.word(at: offset &+ 4) > number {
          (latest, number, isLatest) = (offset, slots.word(at: offset &+ 4), true)
        }
        offset &+= byteCount
      }
      if isLatest || page == 0 { (next, end) = (offset, pageEnd) }
    }
    if let latest {
      identity.low = slots.word(at: latest &+ 16)
      identity.high = slots.word(at: latest &+ 20)
    }
  }

  /// Whether an entry fits a page: without, nothing is noted.
  static func fits<Flash: FlashDevice & ~Copyable>(_ slots: borrowing FlashSlots<Flash>) -> Bool {
    markByteCount &+ entryByteCount(slots) <= slots.flash.pageByteCount
  }

  private static func entryByteCount<Flash: FlashDevice & ~Copyable>(
    _ slots: borrowing FlashSlots<Flash>
  ) -> Int {
    (4 &* (checkedWordCount(slots) &+ 1) &+ 15) & ~15
  }

  /// Words before the checksum.
  private static func checkedWordCount<Flash: FlashDevice & ~Copyable>(
    _ slots: borrowing FlashSlots<Flash>
  ) -> Int {
    wordCount &+ slots.tensorCount &+ slots.differenceWordCount
  }

  private static func magic<Flash: FlashDevice & ~Copyable>(
    _ slots: borrowing FlashSlots<Flash>
  ) -> UInt32 {
    slots.differenceWordCount > 0 ? magicWithDifferences : magic
  }

  private static func start<Flash: FlashDevice & ~Copyable>(
    ofPage page: Int, _ slots: borrowing FlashSlots<Flash>
  ) -> Int {
    (slots.flash.pageCount &+ page) &* slots.flash.pageByteCount
  }

  private static func isWhole<Flash: FlashDevice & ~Copyable>(
    _ offset: Int, _ slots: borrowing FlashSlots<Flash>
  ) -> Bool {
    guard slots.word(at: offset) == magic(slots),
      slots.word(at: offset &+ 8) == slots.nextGeneration
    else { return false }
    var sum = CRC32()
    sum.update(littleEndian: slots.fingerprint)
    let last = offset &+ 4 &* checkedWordCount(slots)
    for place in offset..<last { sum.update(slots.flash.byte(at: place)) }
    return slots.word(at: last) == sum.value
  }

  // MARK: - Reading

  /// What there is.
  func unfinished<Flash: FlashDevice & ~Copyable>(
    _ slots: borrowing FlashSlots<Flash>
  ) -> UnfinishedStream? {
    latest.map {
      UnfinishedStream(
        identity: identity, byteCount: Int(truncatingIfNeeded: slots.word(at: $0 &+ 12)))
    }
  }

  /// The state that was noted last, and those of the tensors.
  func load<Flash: FlashDevice & ~Copyable>(
    _ slots: borrowing FlashSlots<Flash>, _ states: LentMemory<TensorState>
  ) -> StreamSnapshot? {
    guard let latest else { return nil }
    var snapshot = StreamSnapshot()
    for index in 6..<Self.wordCount {
      snapshot.words[index] = slots.word(at: latest &+ 4 &* index)
    }
    for index in 0..<states.count {
      let word = slots.word(at: latest &+ 4 &* (Self.wordCount &+ index))
      states[index] = TensorState(word: word)
    }
    let models = latest &+ 4 &* (Self.wordCount &+ slots.tensorCount)
    for index in 0..<slots.differenceWordCount {
      snapshot.differences[index] = slots.word(at: models &+ 4 &* index)
    }
    return snapshot
  }

  // MARK: - Writing

  /// Erases a page that is not blank; false where both are.
  mutating func erase<Flash: FlashDevice & ~Copyable>(_ slots: inout FlashSlots<Flash>) -> Bool {
    (latest, number) = (nil, 0)
    let start = Self.start(ofPage: 0, slots)
    let pageByteCount = slots.flash.pageByteCount
    (next, end) = (start &+ Self.markByteCount, start &+ pageByteCount)
    for page in 0..<2
    where !slots.isBlank(start &+ page &* pageByteCount, byteCount: pageByteCount) {
      slots.flash.erase(page: slots.flash.pageCount &+ page)
      return true
    }
    return false
  }

  /// Whether a page has to be erased for the next entry.
  func isPageFull<Flash: FlashDevice & ~Copyable>(
    _ slots: borrowing FlashSlots<Flash>
  ) -> Bool { next &+ Self.entryByteCount(slots) > end }

  /// Appends an entry.
  mutating func append<Flash: FlashDevice & ~Copyable>(
    _ snapshot: StreamSnapshot, byteCount: Int, _ states: LentMemory<TensorState>,
    _ slots: inout FlashSlots<Flash>
  ) {
    if isPageFull(slots) {
      let page = end == Self.start(ofPage: 1, slots) ? 1 : 0
      slots.flash.erase(page: slots.flash.pageCount &+ page)
      let start = Self.start(ofPage: page, slots)
      (next, end) = (start &+ Self.markByteCount, start &+ slots.flash.pageByteCount)
    }
    number &+= 1
    var (words, models) = (snapshot.words, snapshot.differences)
    (words[0], words[1], words[2]) = (Self.magic(slots), number, slots.nextGeneration)
    words[3] = UInt32(truncatingIfNeeded: byteCount)
    (words[4], words[5]) = (identity.low, identity.high)
    let (count, tensorEnd) = (Self.checkedWordCount(slots), Self.wordCount &+ slots.tensorCount)
    func word(_ index: Int) -> UInt32 {
      index < Self.wordCount
        ? words[index]
        : index < tensorEnd ? states[index &- Self.wordCount].word : models[index &- tensorEnd]
    }
    var sum = CRC32()
    sum.update(littleEndian: slots.fingerprint)
    for index in 0..<count { sum.update(littleEndian: word(index)) }
    let unitByteCount = slots.flash.unitByteCount
    for offset in stride(from: 0, to: Self.entryByteCount(slots), by: unitByteCount) {
      var unit = InlineArray<16, UInt8>(repeating: 0xFF)
      for place in 0..<unitByteCount {
        let index = (offset &+ place) >> 2
        let word = index < count ? word(index) : index == count ? sum.value : .max
        unit[place] = UInt8(truncatingIfNeeded: word >> UInt32(8 &* ((offset &+ place) & 3)))
      }
      slots.flash.program(unit, at: next &+ offset)
    }
    if Self.isWhole(next, slots) { latest = next }
    next &+= Self.entryByteCount(slots)
  }

  /// Makes void what there is, by one write.
  mutating func forget<Flash: FlashDevice & ~Copyable>(_ slots: inout FlashSlots<Flash>) {
    guard latest != nil else { return }
    latest = nil
    slots.flash.program(
      InlineArray(repeating: 0), at: Self.start(ofPage: 0, slots))
  }
}

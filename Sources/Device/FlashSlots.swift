internal import Framing

/// Two slots for a model in flash: one that stays, one to be filled (Hardware/store.md).
///
/// A slot holds a model when its checksums fit; the model is in use when one unit, an activation, has been
/// programmed, and ceases to be when another one has, the revocation. So there is no moment at which a power
/// cut leaves nothing.
struct FlashSlots<Flash: FlashDevice & ~Copyable>: ~Copyable {
  // "WTS1", "WTOK" and "WTNO", lowest byte first.
  private static var magic: UInt32 { 0x3153_5457 }
  private static var activated: UInt32 { 0x4B4F_5457 }
  private static var revoked: UInt32 { 0x4F4E_5457 }

  var flash: Flash
  let tensorCount: Int
  let imageByteCount: Int
  // Of the table of the model.
  let fingerprint: UInt32
  /// Words of the models of differences, where these are taken.
  let differenceWordCount: Int
  /// The slot in use; nil where there is none.
  private(set) var active: Int?
  // Which slots have a whole model.
  private var holding = InlineArray<2, Bool>(repeating: false)
  // Pages at the beginning of the slot to be filled that have been looked at, and are blank.
  private var blankPageCount = 0

  init<Table: ModelTable>(_ flash: consuming Flash, _ table: Table) {
    self.flash = flash
    (tensorCount, _, imageByteCount) = table.end()
    var checksum = CRC32()
    for offset in 0..<table.byteCount { checksum.update(table.byte(at: offset)) }
    fingerprint = checksum.value
    differenceWordCount = Table.Differences.wordCount
    precondition(imageOffset + imageByteCount <= slotByteCount, "a slot holds the model")
    for slot in 0..<2 { holding[slot] = isSound(slot) }
    chooseActive()
  }

  /// The slot that may be filled.
  var target: Int { active == 0 ? 1 : 0 }

  /// Whether a slot has a whole model.
  func holds(_ slot: Int) -> Bool { holding[slot] }

  /// The generation of the slot that is filled next.
  var nextGeneration: UInt32 {
    var newest: UInt32?
    for slot in 0..<2 where holding[slot] {
      let other = generation(of: slot)
      // Numbers on a circle.
      newest = newest.map { Int32(bitPattern: other &- $0) > 0 ? other : $0 } ?? other
    }
    return (newest ?? 0) &+ 1
  }

  private func generation(of slot: Int) -> UInt32 { word(4, of: slot) }

  /// Where the image begins in a slot.
  var imageOffset: Int { SlotPlace.image(tensorCount: tensorCount) }

  var slotByteCount: Int { flash.pageCount / 2 &* flash.pageByteCount }

  /// What programming an image and reading it again takes, in milliseconds (Hardware/store.md).
  ///
  /// Not less than 200, for states and marks come besides; not more than a BUSY can tell.
  var storingMilliseconds: UInt16 { UInt16(clamping: max(imageByteCount / 32, 200)) }

  /// Where a slot begins in the flash.
  func start(of slot: Int) -> Int { slot == 0 ? 0 : slotByteCount }

  // MARK: - Reading

  /// A byte of the image in a slot.
  @inline(never)
  func imageByte(_ offset: Int, of slot: Int) -> UInt8 {
    let byte = flash.byte(at: start(of: slot) &+ imageOffset &+ offset)
    return isInverted(slot) ? ~byte : byte
  }

  /// A tensor's state in a slot.
  func state(_ index: Int, of slot: Int) -> TensorState {
    TensorState(word: word(SlotPlace.states &+ 4 &* index, of: slot))
  }

  /// A byte of the image in use; 0 where there is none.
  func activeByte(_ offset: Int) -> UInt8 { active.map { imageByte(offset, of: $0) } ?? 0 }

  /// A tensor's state in the model in use; that of nothing where there is none.
  func activeState(_ index: Int) -> TensorState {
    active.map { state(index, of: $0) } ?? TensorState()
  }

  /// What a slot says of its model.
  func model(of slot: Int) -> CommittedModel {
    var model = CommittedModel()
    for index in 0..<8 {
      model.digest.words[index] = word(SlotPlace.digest &+ 4 &* index, of: slot).byteSwapped
    }
    for index in 0..<32 {
      model.name[index] = flash.byte(at: start(of: slot) &+ SlotPlace.name &+ index)
    }
    return model
  }

  /// Whether a slot's image is kept inverted.
  func isInverted(_ slot: Int) -> Bool { word(20, of: slot) >> 16 & 1 == 1 }

  func word(_ offset: Int, of slot: Int) -> UInt32 { word(at: start(of: slot) &+ offset) }

  @inline(never)
  func word(at offset: Int) -> UInt32 {
    var word: UInt32 = 0
    for place in 0..<4 { word |= UInt32(flash.byte(at: offset &+ place)) << UInt32(8 &* place) }
    return word
  }

  /// Whether bytes are as they are after erasing.
  func isBlank(_ offset: Int, byteCount: Int) -> Bool {
    for place in offset..<offset &+ byteCount where flash.byte(at: place) != 0xFF { return false }
    return true
  }

  private mutating func chooseActive() {
    // In a variable, or the compiler makes a copy of all for each call.
    var found: Int?
    for slot in 0..<2 where holding[slot] && activation(of: slot) != nil {
      if let older = found, !isNewer(slot, than: older) { continue }
      found = slot
    }
    // The slot to be filled may become the other one, of which nothing is known.
    (active, blankPageCount) = (found, 0)
  }

  private func isNewer(_ slot: Int, than other: Int) -> Bool {
    Int32(bitPattern: generation(of: slot) &- generation(of: other)) > 0
  }

  /// The pair of marks by which a slot is on; nil where it is not.
  @inline(never)
  private func activation(of slot: Int) -> Int? {
    var found: Int?
    for pair in 0..<SlotPlace.pairCount
    where isMarked(slot, SlotPlace.activation(pair), Self.activated) {
      found = isMarked(slot, SlotPlace.revocation(pair), Self.revoked) ? nil : pair
    }
    return found
  }

  /// Whether a slot has a whole model of this table in it.
  @inline(never)
  private func isSound(_ slot: Int) -> Bool {
    word(0, of: slot) == Self.magic && word(8, of: slot) == UInt32(imageByteCount)
      && word(16, of: slot) == fingerprint
      && word(SlotPlace.checksum, of: slot) == headerChecksum(of: slot)
      && word(12, of: slot) == imageChecksum(of: slot)
  }

  /// Whether a mark's first unit has been programmed.
  private func isMarked(_ slot: Int, _ place: Int, _ mark: UInt32) -> Bool {
    let unused = UInt32(8 &* max(4 &- flash.unitByteCount, 0))
    return (word(place, of: slot) ^ mark) << unused == 0
  }

  private func headerChecksum(of slot: Int) -> UInt32 {
    var checksum = CRC32()
    for offset in 0..<SlotPlace.checksum {
      checksum.update(flash.byte(at: start(of: slot) &+ offset))
    }
    for offset in 0..<4 &* tensorCount {
      checksum.update(flash.byte(at: start(of: slot) &+ SlotPlace.states &+ offset))
    }
    return checksum.value
  }

  @inline(never)
  private func imageChecksum(of slot: Int) -> UInt32 {
    var checksum = CRC32()
    for offset in 0..<imageByteCount { checksum.update(imageByte(offset, of: slot)) }
    return checksum.value
  }

  // MARK: - Writing

  /// Erases the next page of the slot to be filled that is not blank; false where all are.
  mutating func eraseNextPage() -> Bool {
    let slotPageCount = flash.pageCount >> 1
    while blankPageCount < slotPageCount {
      let page = target &* slotPageCount &+ blankPageCount
      blankPageCount &+= 1
      let isBlank = isBlank(page &* flash.pageByteCount, byteCount: flash.pageByteCount)
      guard isBlank else {
        holding[target] = false
        flash.erase(page: page)
        return true
      }
    }
    blankPageCount = 0
    return false
  }

  /// Programs a unit of the image to be.
  mutating func programImage(_ unit: InlineArray<16, UInt8>, at offset: Int) {
    flash.program(unit, at: start(of: target) &+ imageOffset &+ offset)
  }

  /// Makes the image that has been programmed a model that is held, and by one write in the end the one in
  /// use; false where the flash does not hold what was written: its image has another checksum.
  @inline(never)
  mutating func store(
    _ model: CommittedModel, _ states: LentMemory<TensorState>, imageChecksum: UInt32,
    isInverted: Bool
  ) -> Bool {
    let slot = target
    programHeader(model, states, imageChecksum: imageChecksum, isInverted: isInverted)
    holding[slot] = isSound(slot)
    guard holding[slot] else { return false }
    guard !model.isInactive else { return true }
    mark(slot, SlotPlace.activation(0), Self.activated)
    chooseActive()
    return active == slot
  }

  /// Programs all that is before the image, but for the marks.
  private mutating func programHeader(
    _ model: CommittedModel, _ states: LentMemory<TensorState>, imageChecksum: UInt32,
    isInverted: Bool
  ) {
    // In variables: what is looked up in a constant array is looked up in a copy of it.
    var (header, model) = (InlineArray<24, UInt32>(repeating: .max), model)
    header[0] = Self.magic
    header[1] = nextGeneration
    header[2] = UInt32(truncatingIfNeeded: imageByteCount)
    header[3] = imageChecksum
    header[4] = fingerprint
    header[5] = UInt32(truncatingIfNeeded: tensorCount) | (isInverted ? 1 << 16 : 0)
    for index in 0..<8 {
      header[SlotPlace.digest / 4 &+ index] = model.digest.words[index].byteSwapped
      header[SlotPlace.name / 4 &+ index] = model.nameWord(index)
    }
    var sum = CRC32()
    for index in 0..<SlotPlace.checksum / 4 { sum.update(littleEndian: header[index]) }
    for index in 0..<tensorCount { sum.update(littleEndian: states[index].storedWord) }
    header[SlotPlace.checksum / 4] = sum.value
    for offset in stride(from: 0, to: imageOffset, by: flash.unitByteCount) {
      if offset >= SlotPlace.marks, offset < SlotPlace.states { continue }
      var unit = InlineArray<16, UInt8>(repeating: 0xFF)
      for place in 0..<flash.unitByteCount {
        let (index, tensor) = ((offset &+ place) >> 2, (offset &+ place &- SlotPlace.states) >> 2)
        let word =
          index < 24 ? header[index] : tensor < tensorCount ? states[tensor].storedWord : .max
        unit[place] = UInt8(truncatingIfNeeded: word >> UInt32(8 &* ((offset &+ place) & 3)))
      }
      flash.program(unit, at: start(of: target) &+ offset)
    }
  }

  /// Gives up the model in use, by one write, for the one before it; false where there is none.
  mutating func revoke() -> Bool {
    guard let active, let pair = activation(of: active) else { return false }
    mark(active, SlotPlace.revocation(pair), Self.revoked)
    chooseActive()
    return self.active != nil
  }

  /// Whether there is one before the model in use.
  var hasModelBefore: Bool { active != nil && holding[target] && activation(of: target) != nil }

  /// Makes the model of a slot the one in use; false where that cannot be: it has been too often.
  mutating func activate(_ slot: Int) -> Bool {
    if activation(of: slot) == nil {
      var pair = 0
      while pair < SlotPlace.pairCount, word(SlotPlace.activation(pair), of: slot) != .max {
        pair &+= 1
      }
      guard pair < SlotPlace.pairCount else { return false }
      mark(slot, SlotPlace.activation(pair), Self.activated)
      chooseActive()
    }
    // A newer one has to go, in a second write, or in the only one.
    return active == slot || revoke() && active == slot
  }

  @inline(never)
  private mutating func mark(_ slot: Int, _ place: Int, _ mark: UInt32) {
    var unit = InlineArray<16, UInt8>(repeating: 0xFF)
    for index in 0..<4 { unit[index] = UInt8(truncatingIfNeeded: mark >> UInt32(8 &* index)) }
    flash.program(unit, at: start(of: slot) &+ place)
  }
}

extension FlashSlots where Flash: ~Copyable {
  /// What a slot has in it.
  func content(of slot: Int, isUnfinished: Bool) -> SlotContent {
    if slot == active { return .inUse(model(of: slot)) }
    if holds(slot) { return .held(model(of: slot)) }
    return isUnfinished && slot == target ? .unfinished : .empty
  }

  /// The slot with the model of a digest; nil where there is none.
  func slot(of digest: Digest) -> Int? {
    for slot in 0..<2 where holds(slot) && model(of: slot).digest == digest { return slot }
    return nil
  }
}

internal import Framing

/// Flash as a port has it: pages that are erased to ones, units that are programmed to zeros.
public protocol FlashDevice: ~Copyable {
  /// Bytes of a page, which are erased together.
  var pageByteCount: Int { get }
  /// Pages that a store may use: two slots of half as many.
  var pageCount: Int { get }
  /// Bytes that are programmed together: a power of two, 16 at most.
  var unitByteCount: Int { get }
  /// Whether a unit may be programmed again, to clear more of its bits.
  var programsAgain: Bool { get }
  /// The time that erasing a page takes, in milliseconds.
  var eraseMilliseconds: UInt16 { get }
  /// One of the bytes.
  func byte(at offset: Int) -> UInt8
  /// Makes a page all ones.
  mutating func erase(page: Int)
  /// Programs a unit: the first `unitByteCount` bytes, at a multiple of that.
  mutating func program(_ unit: InlineArray<16, UInt8>, at offset: Int)
}

/// Two slots for a model in flash: one that stays, one to be filled (Hardware/store.md).
///
/// A slot counts when its checksums fit and one unit, the activation, has been programmed; it ceases
/// to when another one has, the revocation. So there is no moment at which a power cut leaves nothing.
struct FlashSlots<Flash: FlashDevice & ~Copyable>: ~Copyable {
  // "WTS1", "WTOK" and "WTNO", lowest byte first.
  private static var magic: UInt32 { 0x3153_5457 }
  private static var activated: UInt32 { 0x4B4F_5457 }
  private static var revoked: UInt32 { 0x4F4E_5457 }

  var flash: Flash
  private let tensorCount: Int
  let imageByteCount: Int
  // Of the table of the model.
  private let fingerprint: UInt32
  /// The slot that stays; nil where there is none.
  private(set) var active: Int?
  private var generation: UInt32 = 0
  // Pages at the beginning of the slot to be filled that have been looked at, and are blank.
  private var blankPageCount = 0

  init<Table: ModelTable>(_ flash: consuming Flash, _ table: Table) {
    self.flash = flash
    (tensorCount, _, imageByteCount) = table.end()
    var checksum = CRC32()
    for offset in 0..<table.byteCount { checksum.update(table.byte(at: offset)) }
    fingerprint = checksum.value
    precondition(imageOffset + imageByteCount <= slotByteCount, "a slot holds the model")
    findActive()
  }

  /// The slot that may be filled.
  var target: Int { active == 0 ? 1 : 0 }

  /// Where the image begins in a slot.
  var imageOffset: Int { Place.image(tensorCount: tensorCount) }

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
    TensorState(word: word(Place.states &+ 4 &* index, of: slot))
  }

  /// What a slot says of its model.
  func model(of slot: Int) -> CommittedModel {
    var model = CommittedModel()
    for index in 0..<8 {
      model.digest.words[index] = word(Place.digest &+ 4 &* index, of: slot).byteSwapped
    }
    for index in 0..<32 {
      model.name[index] = flash.byte(at: start(of: slot) &+ Place.name &+ index)
    }
    return model
  }

  /// Whether a slot's image is kept inverted.
  func isInverted(_ slot: Int) -> Bool { word(20, of: slot) >> 16 & 1 == 1 }

  @inline(never)
  private func word(_ offset: Int, of slot: Int) -> UInt32 {
    var word: UInt32 = 0
    for place in 0..<4 {
      word |= UInt32(flash.byte(at: start(of: slot) &+ offset &+ place)) << UInt32(8 &* place)
    }
    return word
  }

  @inline(never)
  private mutating func findActive() {
    // In variables, or the compiler makes a copy of all for each call.
    var (found, newest): (Int?, UInt32) = (nil, 0)
    for slot in 0..<2 where holdsModel(slot) {
      let other = word(4, of: slot)
      // Numbers on a circle.
      guard found == nil || Int32(bitPattern: other &- newest) > 0 else { continue }
      (found, newest) = (slot, other)
    }
    // The slot to be filled may become the other one, of which nothing is known.
    (active, generation, blankPageCount) = (found, newest, 0)
  }

  @inline(never)
  private func holdsModel(_ slot: Int) -> Bool {
    isMarked(slot, Place.activation, Self.activated)
      && !isMarked(slot, Place.revocation, Self.revoked) && isSound(slot)
  }

  /// Whether a slot has a whole model of this table in it.
  @inline(never)
  private func isSound(_ slot: Int) -> Bool {
    word(0, of: slot) == Self.magic && word(8, of: slot) == UInt32(imageByteCount)
      && word(16, of: slot) == fingerprint
      && word(Place.checksum, of: slot) == headerChecksum(of: slot)
      && word(12, of: slot) == imageChecksum(of: slot)
  }

  /// Whether a mark's first unit has been programmed.
  private func isMarked(_ slot: Int, _ place: Int, _ mark: UInt32) -> Bool {
    let unused = UInt32(8 &* max(4 &- flash.unitByteCount, 0))
    return (word(place, of: slot) ^ mark) << unused == 0
  }

  private func headerChecksum(of slot: Int) -> UInt32 {
    var checksum = CRC32()
    for offset in 0..<Place.checksum { checksum.update(flash.byte(at: start(of: slot) &+ offset)) }
    for offset in 0..<4 &* tensorCount {
      checksum.update(flash.byte(at: start(of: slot) &+ Place.states &+ offset))
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
      guard isBlank(page) else {
        flash.erase(page: page)
        return true
      }
    }
    blankPageCount = 0
    return false
  }

  private func isBlank(_ page: Int) -> Bool {
    let start = page &* flash.pageByteCount
    for offset in start..<start &+ flash.pageByteCount where flash.byte(at: offset) != 0xFF {
      return false
    }
    return true
  }

  /// Programs a unit of the image to be.
  mutating func programImage(_ unit: InlineArray<16, UInt8>, at offset: Int) {
    flash.program(unit, at: start(of: target) &+ imageOffset &+ offset)
  }

  /// Makes the image that has been programmed the one that stays, by one write in the end; false where
  /// the flash does not hold what was written: its image has another checksum.
  @inline(never)
  mutating func activate(
    _ model: CommittedModel, _ states: LentMemory<TensorState>, imageChecksum: UInt32,
    isInverted: Bool
  ) -> Bool {
    let slot = target
    // In variables: what is looked up in a constant array is looked up in a copy of it.
    var (header, model) = (InlineArray<24, UInt32>(repeating: .max), model)
    header[0] = Self.magic
    header[1] = generation &+ 1
    header[2] = UInt32(truncatingIfNeeded: imageByteCount)
    header[3] = imageChecksum
    header[4] = fingerprint
    header[5] = UInt32(truncatingIfNeeded: tensorCount) | (isInverted ? 1 << 16 : 0)
    for index in 0..<8 {
      header[Place.digest / 4 &+ index] = model.digest.words[index].byteSwapped
      header[Place.name / 4 &+ index] = model.nameWord(index)
    }
    var sum = CRC32()
    for index in 0..<Place.checksum / 4 { sum.update(littleEndian: header[index]) }
    for index in 0..<tensorCount { sum.update(littleEndian: states[index].word) }
    header[Place.checksum / 4] = sum.value
    // All that is before the image, but for the marks.
    for offset in stride(from: 0, to: imageOffset, by: flash.unitByteCount) {
      if offset >= Place.activation, offset < Place.states { continue }
      var unit = InlineArray<16, UInt8>(repeating: 0xFF)
      for place in 0..<flash.unitByteCount {
        let (index, tensor) = ((offset &+ place) >> 2, (offset &+ place &- Place.states) >> 2)
        let word = index < 24 ? header[index] : tensor < tensorCount ? states[tensor].word : .max
        unit[place] = UInt8(truncatingIfNeeded: word >> UInt32(8 &* ((offset &+ place) & 3)))
      }
      flash.program(unit, at: start(of: slot) &+ offset)
    }
    guard isSound(slot) else { return false }
    mark(slot, Place.activation, Self.activated)
    guard isMarked(slot, Place.activation, Self.activated) else { return false }
    // The other slot is the one to be filled, of which nothing is known.
    (active, generation, blankPageCount) = (slot, generation &+ 1, 0)
    return true
  }

  /// Gives up the model that stays, by one write, for the one before it; false where there is none.
  mutating func revoke() -> Bool {
    guard let active else { return false }
    mark(active, Place.revocation, Self.revoked)
    findActive()
    return self.active != nil
  }

  @inline(never)
  private mutating func mark(_ slot: Int, _ place: Int, _ mark: UInt32) {
    var unit = InlineArray<16, UInt8>(repeating: 0xFF)
    for index in 0..<4 { unit[index] = UInt8(truncatingIfNeeded: mark >> UInt32(8 &* index)) }
    flash.program(unit, at: start(of: slot) &+ place)
  }
}

/// Where things are in a slot.
private enum Place {
  static var digest: Int { 24 }
  static var name: Int { 56 }
  static var checksum: Int { 88 }
  static var activation: Int { 96 }
  static var revocation: Int { 112 }
  static var states: Int { 128 }

  static func image(tensorCount: Int) -> Int { states &+ (4 &* tensorCount &+ 15) & ~15 }
}

extension ModelTable {
  /// Bytes of flash that a slot for the model takes: each of the two has whole pages.
  public var slotByteCount: Int {
    let end = end()
    return Place.image(tensorCount: end.tensorCount) &+ end.imageByteCount
  }
}

extension CommittedModel {
  /// Four bytes of the name.
  fileprivate mutating func nameWord(_ index: Int) -> UInt32 {
    var word: UInt32 = 0
    for place in 0..<4 { word |= UInt32(name[4 &* index &+ place]) << UInt32(8 &* place) }
    return word
  }
}

extension TensorState {
  /// As a slot has it: level, passes, whether it has come.
  var word: UInt32 { UInt32(topLevel) | UInt32(passCount) << 16 | (hasCome ? 1 << 24 : 0) }

  init(word: UInt32) {
    self.init()
    topLevel = UInt16(truncatingIfNeeded: word)
    passCount = UInt8(truncatingIfNeeded: word >> 16)
    hasCome = word >> 24 & 1 == 1
  }
}

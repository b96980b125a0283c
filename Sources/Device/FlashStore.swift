internal import Framing

/// A store in flash that takes the weights as they come, for devices whose memory is smaller than the model.
///
/// The image is kept inverted: erased flash is a model of zeros, and all that a transfer does is to
/// clear bits, so no page of it is erased between its beginning and its end. The flash has to allow
/// that units are programmed again, up to fourteen times.
public struct FlashStore<Flash: FlashDevice & ~Copyable>: ~Copyable, WeightStore {
  private var slots: FlashSlots<Flash>
  private let states: LentMemory<TensorState>
  // The slot that is read and written; nil before there is any model.
  private var slot: Int?
  // Where its image begins in the flash: computed once, for every weight that is read.
  private var imageStart = 0
  // A unit that is being written: as it will be programmed.
  private var unit = InlineArray<16, UInt8>(repeating: 0xFF)
  private var unitOffset = -1
  private var journal = FlashJournal()

  /// Looks for a model in the flash, and lends out what it finds.
  public init<Table: ModelTable>(
    _ flash: consuming Flash, _ table: Table, states: LentMemory<TensorState>
  ) {
    precondition(flash.programsAgain, "a transfer programs units again and again")
    slots = FlashSlots(flash, table)
    self.states = states
    _ = restore()
  }

  /// All, but that it goes on only where there are pages for a journal.
  public static var services: DeviceServices {
    let others = DeviceServices.tells + .keeps + .takesDifferences + .lists + .switches + .gives
    return Flash.hasJournal ? .all : others
  }

  /// The model that stays; nil where there is none.
  public var model: CommittedModel? {
    slot == slots.active ? slot.map { slots.model(of: $0) } : nil
  }

  /// A byte of the image that is coming, or stays.
  public subscript(offset: Int) -> UInt8 {
    @inline(never) get {
      let last = slots.flash.unitByteCount &- 1
      if offset & ~last == unitOffset { return ~unit[offset & last] }
      return slot == nil ? 0 : ~rawByte(offset)
    }
    @inline(never) set {
      let last = slots.flash.unitByteCount &- 1
      if offset & ~last != unitOffset {
        flush()
        unitOffset = offset & ~last
        for place in 0...last { unit[place] = rawByte(unitOffset &+ place) }
      }
      unit[offset & last] = ~newValue
    }
  }

  /// The state of a tensor.
  public subscript(stateOf index: Int) -> TensorState {
    get { states[index] }
    set { states[index] = newValue }
  }

  /// Erasing a page.
  public var preparationMilliseconds: UInt16 { slots.flash.eraseMilliseconds }

  /// Reading the image twice, for checksums.
  public var commitMilliseconds: UInt16 { slots.storingMilliseconds }

  /// Makes the image zero, piece by piece; true when it is.
  public mutating func prepare(isKeeping: Bool) -> Bool {
    unitOffset = -1
    use(slots.target)
    if !isKeeping { states.fill(TensorState()) }
    return !slots.eraseNextPage()
  }

  /// Copies a tensor of the model in use, or leaves it zero.
  public mutating func begin(_ places: Range<Int>, stateOf index: Int, isKept: Bool) {
    states[index] = TensorState()
    guard isKept, let active = slots.active else { return }
    states[index] = slots.state(index, of: active)
    states[index].isKept = true
    for place in places { self[place] = slots.imageByte(place, of: active) }
  }

  /// Of the slot in use.
  public func baseState(_ index: Int) -> TensorState { slots.activeState(index) }

  /// Of the slot in use.
  public func baseByte(_ offset: Int) -> UInt8 { slots.activeByte(offset) }

  /// Makes the image that has come the one that stays, piece by piece.
  public mutating func commit(_ model: CommittedModel) -> CommitProgress {
    flush()
    // Of what is in the flash, for that is what the digests were taken of.
    var checksum = CRC32()
    for offset in 0..<slots.imageByteCount { checksum.update(self[offset]) }
    let isStored = slots.store(model, states, imageChecksum: checksum.value, isInverted: true)
    return isStored ? .done : .failed
  }

  /// Goes back to the model that stays; false where there is none.
  public mutating func restore() -> Bool {
    unitOffset = -1
    // Another store may have left one that is not inverted.
    use(slots.active.flatMap { slots.isInverted($0) ? $0 : nil })
    guard let slot else {
      states.fill(TensorState())
      return false
    }
    for index in 0..<states.count { states[index] = slots.state(index, of: slot) }
    return true
  }

  // MARK: - Holding several

  /// What a slot has in it; one that is not inverted is of no use here.
  public func content(ofSlot slot: Int) -> SlotContent {
    guard !slots.holds(slot) || slots.isInverted(slot) else { return .empty }
    return slots.content(of: slot, isUnfinished: unfinished != nil)
  }

  /// Whether the other slot has one that was in use.
  public var hasModelBefore: Bool { slots.hasModelBefore && slots.isInverted(slots.target) }

  /// Makes a model that is held the one in use; false where there is none of this digest.
  public mutating func activate(_ digest: Digest) -> Bool {
    guard let slot = slots.slot(of: digest), slots.isInverted(slot) else { return false }
    return slots.activate(slot) && restore()
  }

  /// Gives up the model that stays for the one before it; false where there is none.
  public mutating func rollBack() -> Bool {
    let hasModel = slots.revoke()
    return restore() && hasModel
  }

  // MARK: - Going on

  /// The image is there, and the decoder's state is noted.
  public static var resumption: StoreResumption { Flash.hasJournal ? .state : .never }

  /// What there is of a transfer.
  public var unfinished: UnfinishedStream? {
    guard Flash.hasJournal else { return nil }
    return FlashJournal(slots).unfinished(slots)
  }

  /// Erasing a page.
  public var beginMilliseconds: UInt16 { slots.flash.eraseMilliseconds }

  /// Makes the journal empty, page by page; true when it is.
  public mutating func beginStream(_ identity: StreamIdentity) -> Bool {
    journal.identity = identity
    return !journal.erase(&slots)
  }

  /// Goes back to the state that was noted last.
  public mutating func resume() -> StreamSnapshot? {
    unitOffset = -1
    use(slots.target)
    journal = FlashJournal(slots)
    return journal.load(slots, states)
  }

  /// Erasing a page, where the one at hand is full.
  public var noteMilliseconds: UInt16 {
    FlashJournal.fits(slots) && journal.isPageFull(slots) ? slots.flash.eraseMilliseconds : 0
  }

  /// Notes a state: what it is of is in the flash then.
  public mutating func note(_ snapshot: StreamSnapshot, byteCount: Int) {
    guard FlashJournal.fits(slots) else { return }
    flush()
    journal.append(snapshot, byteCount: byteCount, states, &slots)
  }

  /// Makes void what was noted.
  public mutating func forget() {
    journal = FlashJournal(slots)
    journal.forget(&slots)
  }

  // MARK: - The flash

  private mutating func use(_ slot: Int?) {
    self.slot = slot
    imageStart = slots.start(of: slot ?? 0) &+ slots.imageOffset
  }

  private func rawByte(_ offset: Int) -> UInt8 { slots.flash.byte(at: imageStart &+ offset) }

  private mutating func flush() {
    if unitOffset >= 0 { slots.programImage(unit, at: unitOffset) }
    unitOffset = -1
  }
}

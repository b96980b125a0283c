internal import Framing

/// A store in memory that is copied to flash when a model has come whole, and from there after a reset.
///
/// A page is erased once for a model, and never while one comes; once more before it comes, where the
/// receiver goes on behind a reset: then the stream is noted in the slot to be filled.
public struct BackedStore<Flash: FlashDevice & ~Copyable>: ~Copyable, WeightStore {
  private var slots: FlashSlots<Flash>
  private let image: LentMemory<UInt8>
  private let states: LentMemory<TensorState>
  // Whether the slot is blank, so that it may be programmed.
  private var isErased = false
  // Whether the memory has the model in use.
  private var isLent = false
  private var log = StreamLog()

  /// Looks for a model in the flash, and copies what it finds.
  public init<Table: ModelTable>(
    _ flash: consuming Flash, _ table: Table, image: LentMemory<UInt8>,
    states: LentMemory<TensorState>
  ) {
    slots = FlashSlots(flash, table)
    (self.image, self.states) = (image, states)
    _ = restore()
  }

  /// It can do all.
  public static var services: DeviceServices { .all }

  /// The model that stays; nil where there is none, or another one is in the memory.
  public var model: CommittedModel? { isLent ? slots.active.map { slots.model(of: $0) } : nil }

  /// A byte of the image that is coming, or stays.
  public subscript(offset: Int) -> UInt8 {
    @inline(__always) get { image[offset] }
    @inline(__always) set { image[offset] = newValue }
  }

  /// The state of a tensor.
  public subscript(stateOf index: Int) -> TensorState {
    get { states[index] }
    set { states[index] = newValue }
  }

  // MARK: - Taking a model

  /// It is over at once.
  public var preparationMilliseconds: UInt16 { 0 }

  /// Erasing a page, or programming all and reading it again, for its checksum.
  public var commitMilliseconds: UInt16 {
    isErased ? slots.storingMilliseconds : slots.flash.eraseMilliseconds
  }

  /// Makes the image zero, at once.
  public mutating func prepare(isKeeping: Bool) -> Bool {
    image.fill(0)
    if !isKeeping { states.fill(TensorState()) }
    (isErased, isLent) = (false, false)
    return true
  }

  /// Copies a tensor of the model in use, or leaves it zero.
  public mutating func begin(_ places: Range<Int>, stateOf index: Int, isKept: Bool) {
    states[index] = TensorState()
    guard isKept, let slot = slots.active else { return }
    states[index] = slots.state(index, of: slot)
    states[index].isKept = true
    for place in places { image[place] = slots.imageByte(place, of: slot) }
  }

  /// Of the slot in use.
  public func baseState(_ index: Int) -> TensorState { slots.activeState(index) }

  /// Of the slot in use.
  public func baseByte(_ offset: Int) -> UInt8 { slots.activeByte(offset) }

  /// Makes the image that has come the one that stays, piece by piece.
  public mutating func commit(_ model: CommittedModel) -> CommitProgress {
    guard isErased else {
      isErased = !slots.eraseNextPage()
      return .more
    }
    let unitByteCount = slots.flash.unitByteCount
    var checksum = CRC32()
    for offset in stride(from: 0, to: image.count, by: unitByteCount) {
      var unit = InlineArray<16, UInt8>(repeating: 0xFF)
      for place in 0..<min(unitByteCount, image.count &- offset) {
        unit[place] = image[offset &+ place]
        checksum.update(unit[place])
      }
      slots.programImage(unit, at: offset)
    }
    isErased = false
    let isStored = slots.store(model, states, imageChecksum: checksum.value, isInverted: false)
    isLent = isStored && !model.isInactive
    return isStored ? .done : .failed
  }

  /// Goes back to the model that stays; false where there is none.
  public mutating func restore() -> Bool {
    isLent = slots.active != nil
    guard let slot = slots.active else {
      image.fill(0)
      states.fill(TensorState())
      return false
    }
    for offset in 0..<image.count { image[offset] = slots.imageByte(offset, of: slot) }
    for index in 0..<states.count { states[index] = slots.state(index, of: slot) }
    return true
  }

  // MARK: - Holding several

  /// What a slot has in it.
  public func content(ofSlot slot: Int) -> SlotContent {
    slots.content(of: slot, isUnfinished: StreamLog.unfinished(slots) != nil)
  }

  /// Whether the other slot has one that was in use.
  public var hasModelBefore: Bool { slots.hasModelBefore }

  /// Makes a model that is held the one in use; false where there is none of this digest.
  public mutating func activate(_ digest: Digest) -> Bool {
    guard let slot = slots.slot(of: digest) else { return false }
    return slots.activate(slot) && restore()
  }

  /// Gives up the model that stays for the one before it; false where there is none.
  public mutating func rollBack() -> Bool {
    let hasModel = slots.revoke()
    return restore() && hasModel
  }

  // MARK: - Going on

  /// The stream goes through the decoder again.
  public static var resumption: StoreResumption { .stream }

  /// What there is of a transfer.
  public var unfinished: UnfinishedStream? { StreamLog.unfinished(slots) }

  /// Erasing a page.
  public var beginMilliseconds: UInt16 { slots.flash.eraseMilliseconds }

  /// Makes the slot ready that is to be filled, page by page; true when it is.
  public mutating func beginStream(_ identity: StreamIdentity) -> Bool {
    guard !slots.eraseNextPage() else { return false }
    log.begin(identity, &slots)
    return true
  }

  /// Stands before the first piece.
  public mutating func resume() -> StreamSnapshot? {
    log.rewind()
    return StreamSnapshot()
  }

  /// Notes the next byte of the stream, as long as there is room.
  public mutating func note(_ byte: UInt8) { log.append(byte, &slots) }

  /// Goes to the next piece; its size, or 0 behind the last.
  public mutating func nextPiece() -> Int { log.advance(slots) ? StreamLog.pieceByteCount : 0 }

  /// A byte of that piece.
  public func pieceByte(_ index: Int) -> UInt8 { log.byte(index, slots) }

  /// Makes void what was noted.
  public mutating func forget() { log.forget(&slots) }
}

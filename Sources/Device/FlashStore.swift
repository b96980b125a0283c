internal import Framing

/// A store in flash that takes the weights as they come, for devices whose memory is smaller than the model.
///
/// The image is kept inverted: erased flash is a model of zeros, and all that a transfer does is to
/// clear bits, so no page is erased between its beginning and its end. The flash has to allow
/// that units are programmed again, up to seven times.
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

  /// Looks for a model in the flash, and lends out what it finds.
  public init<Table: ModelTable>(
    _ flash: consuming Flash, _ table: Table, states: LentMemory<TensorState>
  ) {
    precondition(flash.programsAgain, "a transfer programs units again and again")
    slots = FlashSlots(flash, table)
    self.states = states
    _ = restore()
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
  public mutating func prepare() -> Bool {
    unitOffset = -1
    use(slots.target)
    states.fill(TensorState())
    return !slots.eraseNextPage()
  }

  /// Makes the image that has come the one that stays, piece by piece.
  public mutating func commit(_ model: CommittedModel) -> CommitProgress {
    flush()
    // Of what is in the flash, for that is what the digests were taken of.
    var checksum = CRC32()
    for offset in 0..<slots.imageByteCount { checksum.update(self[offset]) }
    let isActive = slots.activate(
      model, states, imageChecksum: checksum.value, isInverted: true)
    return isActive ? .done : .failed
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

  /// Gives up the model that stays for the one before it; false where there is none.
  public mutating func rollBack() -> Bool { slots.revoke() && restore() }

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

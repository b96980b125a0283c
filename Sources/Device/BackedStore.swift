internal import Framing

/// A store in memory that is copied to flash when a model has come whole, and from there after a reset.
///
/// A page is erased once for a model, and never while one comes.
public struct BackedStore<Flash: FlashDevice & ~Copyable>: ~Copyable, WeightStore {
  private var slots: FlashSlots<Flash>
  private let image: LentMemory<UInt8>
  private let states: LentMemory<TensorState>
  // Whether the slot is blank, so that it may be programmed.
  private var isErased = false

  /// Looks for a model in the flash, and copies what it finds.
  public init<Table: ModelTable>(
    _ flash: consuming Flash, _ table: Table, image: LentMemory<UInt8>,
    states: LentMemory<TensorState>
  ) {
    slots = FlashSlots(flash, table)
    (self.image, self.states) = (image, states)
    _ = restore()
  }

  /// The model that stays; nil where there is none.
  public var model: CommittedModel? { slots.active.map { slots.model(of: $0) } }

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

  /// It is over at once.
  public var preparationMilliseconds: UInt16 { 0 }

  /// Erasing a page, or programming all and reading it again, for its checksum.
  public var commitMilliseconds: UInt16 {
    isErased ? slots.storingMilliseconds : slots.flash.eraseMilliseconds
  }

  /// Makes the image zero, piece by piece; true when it is.
  public mutating func prepare() -> Bool {
    image.fill(0)
    states.fill(TensorState())
    isErased = false
    return true
  }

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
    let isActive = slots.activate(
      model, states, imageChecksum: checksum.value, isInverted: false)
    return isActive ? .done : .failed
  }

  /// Goes back to the model that stays; false where there is none.
  public mutating func restore() -> Bool {
    guard let slot = slots.active else {
      image.fill(0)
      states.fill(TensorState())
      return false
    }
    for offset in 0..<image.count { image[offset] = slots.imageByte(offset, of: slot) }
    for index in 0..<states.count { states[index] = slots.state(index, of: slot) }
    return true
  }

  /// Gives up the model that stays for the one before it; false where there is none.
  public mutating func rollBack() -> Bool { slots.revoke() && restore() }
}

/// A store in memory: the image lasts until the next reset.
///
/// It does not know which model it has; for a `DeviceReceiver` that tells, see `HeldMemoryStore`.
public struct MemoryStore: ~Copyable, WeightStore {
  private let image: LentMemory<UInt8>
  private let states: LentMemory<TensorState>

  /// Keeps an image and the states of all tensors.
  public init(image: LentMemory<UInt8>, states: LentMemory<TensorState>) {
    (self.image, self.states) = (image, states)
  }

  /// It is not known.
  public var model: CommittedModel? { nil }

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

  /// There is nothing to do.
  public var commitMilliseconds: UInt16 { 0 }

  /// Makes the image zero, unless tensors may be kept.
  public mutating func prepare(isKeeping: Bool) -> Bool {
    if !isKeeping { clear() }
    return true
  }

  /// Leaves a tensor where it is, or makes it zero.
  public mutating func begin(_ places: Range<Int>, stateOf index: Int, isKept: Bool) {
    guard !isKept else { return }
    for place in places { image[place] = 0 }
    states[index] = TensorState()
  }

  /// Nothing is to be done.
  public mutating func commit(_ model: CommittedModel) -> CommitProgress { .done }

  /// There is none: what was in memory has gone.
  public mutating func restore() -> Bool {
    clear()
    return false
  }

  /// There is no other.
  public mutating func rollBack() -> Bool { restore() }

  private func clear() {
    image.fill(0)
    states.fill(TensorState())
  }
}

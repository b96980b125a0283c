/// A store in memory: the image lasts until the next reset.
public struct MemoryStore: ~Copyable, WeightStore {
  private let image: LentMemory<UInt8>
  private let states: LentMemory<TensorState>
  /// The model that has come last, and whole.
  public private(set) var model: CommittedModel?

  /// Keeps an image and the states of all tensors.
  public init(image: LentMemory<UInt8>, states: LentMemory<TensorState>) {
    (self.image, self.states) = (image, states)
  }

  /// It holds one model.
  public static var services: DeviceServices { .keeps + .lists + .gives }

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

  /// Makes the image zero, but where a tensor may be kept.
  public mutating func prepare(isKeeping: Bool) -> Bool {
    model = nil
    guard !isKeeping else { return true }
    image.fill(0)
    states.fill(TensorState())
    return true
  }

  /// Leaves a tensor where it is, or makes it zero.
  public mutating func begin(_ places: Range<Int>, stateOf index: Int, isKept: Bool) {
    guard !isKept else { return }
    for place in places { image[place] = 0 }
    states[index] = TensorState()
  }

  /// Nothing is to be done.
  public mutating func commit(_ model: CommittedModel) -> CommitProgress {
    self.model = model
    return .done
  }

  /// There is none but one that has come whole: what was in memory has gone.
  public mutating func restore() -> Bool { model != nil || rollBack() }

  /// There is no other.
  public mutating func rollBack() -> Bool {
    model = nil
    image.fill(0)
    states.fill(TensorState())
    return false
  }
}

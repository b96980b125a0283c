/// A store in memory that knows which model it has, once that has come whole; until the next reset.
public struct HeldMemoryStore: ~Copyable, WeightStore {
  private var memory: MemoryStore
  /// The model in use.
  public private(set) var model: CommittedModel?

  /// Keeps an image and the states of all tensors.
  public init(image: LentMemory<UInt8>, states: LentMemory<TensorState>) {
    memory = MemoryStore(image: image, states: states)
  }

  /// What can be done with one model.
  public static var services: DeviceServices { .tells + .keeps + .lists + .gives }

  /// A byte of the image that is coming, or stays.
  public subscript(offset: Int) -> UInt8 {
    @inline(__always) get { memory[offset] }
    @inline(__always) set { memory[offset] = newValue }
  }

  /// The state of a tensor.
  public subscript(stateOf index: Int) -> TensorState {
    get { memory[stateOf: index] }
    set { memory[stateOf: index] = newValue }
  }

  /// It is over at once.
  public var preparationMilliseconds: UInt16 { 0 }

  /// There is nothing to do.
  public var commitMilliseconds: UInt16 { 0 }

  /// Makes the image zero, unless tensors may be kept.
  public mutating func prepare(isKeeping: Bool) -> Bool {
    model = nil
    return memory.prepare(isKeeping: isKeeping)
  }

  /// Leaves a tensor where it is, or makes it zero.
  public mutating func begin(_ places: Range<Int>, stateOf index: Int, isKept: Bool) {
    memory.begin(places, stateOf: index, isKept: isKept)
  }

  /// Notes which model it is.
  public mutating func commit(_ model: CommittedModel) -> CommitProgress {
    self.model = model
    return .done
  }

  /// There is none but one that has come whole.
  public mutating func restore() -> Bool { model != nil || memory.restore() }

  /// There is no other.
  public mutating func rollBack() -> Bool {
    model = nil
    return memory.restore()
  }
}

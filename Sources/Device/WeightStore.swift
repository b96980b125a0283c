/// What a commit has come to.
public enum CommitProgress: Equatable, Sendable {
  /// There is more to do.
  case more
  case done
  /// The store does not hold what it should: a worn page, a flash that is not as described.
  case failed
}

/// Where a device keeps the image of a model: memory, or flash (Hardware/store.md).
///
/// What takes its time is done in pieces, so that the sender can be told before each.
public protocol WeightStore: ~Copyable {
  /// A byte of the image that is coming.
  subscript(offset: Int) -> UInt8 { get set }

  /// The longest time that a piece of making ready takes, in milliseconds.
  var preparationMilliseconds: UInt16 { get }

  /// The longest time that the next piece of a commit takes, in milliseconds.
  var commitMilliseconds: UInt16 { get }

  /// Makes the image zero, piece by piece; true when it is.
  mutating func prepare() -> Bool

  /// Makes the image that has come the one that stays, piece by piece.
  ///
  /// Until the last write of the last piece the one before stays, whatever happens.
  mutating func commit(_ model: CommittedModel) -> CommitProgress

  /// Goes back to the model that stays, after one that has not come to its end; false where there is none.
  mutating func restore() -> Bool

  /// The state of a tensor: its level and its passes, four bytes, kept with the image.
  subscript(stateOf index: Int) -> TensorState { get set }
}

/// What is known of a tensor in a store.
public struct TensorState: Equatable, Sendable, BitwiseCopyable {
  /// The level of its largest magnitude (Protocol.md §6.3); 0xFFFF where all is zero.
  public var topLevel: UInt16 = 0
  /// Passes of its planes: S0 is the first, S1 R1 the next two.
  public var passCount: UInt8 = 0
  /// Whether it has come: whole, or at least coarsely.
  public var hasCome = false

  /// Nothing is known.
  public init() {}

  /// The level of a tensor of zeros.
  public static let none: UInt16 = .max

  /// Planes of which it is known what becomes significant.
  public var planeCount: Int { passCount == 0 ? 0 : Int(passCount) / 2 &+ 1 }

  /// Whether the last of these has been refined too.
  public var isRefined: Bool { passCount & 1 == 1 || passCount == 0 }
}

/// What a store notes of a model that has come whole.
public struct CommittedModel: Sendable {
  /// Its digest (Protocol.md §5.6).
  public var digest = Digest()
  /// The beginning of the name that the sender calls it by; zeros behind it.
  public var name = InlineArray<32, UInt8>(repeating: 0)

  /// Of nothing.
  public init() {}
}

/// A store in memory: the image lasts until the next reset.
public struct MemoryStore: ~Copyable, WeightStore {
  private let image: LentMemory<UInt8>
  private let states: LentMemory<TensorState>

  /// Keeps an image and the states of all tensors.
  public init(image: LentMemory<UInt8>, states: LentMemory<TensorState>) {
    (self.image, self.states) = (image, states)
  }

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

  /// Makes the image zero, piece by piece; true when it is.
  public mutating func prepare() -> Bool {
    image.fill(0)
    states.fill(TensorState())
    return true
  }

  /// Makes the image that has come the one that stays, piece by piece.
  public mutating func commit(_ model: CommittedModel) -> CommitProgress { .done }

  /// There is none: what was in memory has gone.
  public mutating func restore() -> Bool {
    image.fill(0)
    states.fill(TensorState())
    return false
  }
}

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
  /// What a receiver can do with it, besides taking models.
  static var services: DeviceServices { get }

  /// A byte of the image that is coming.
  subscript(offset: Int) -> UInt8 { get set }

  /// The state of a tensor: its level and its passes, four bytes, kept with the image.
  subscript(stateOf index: Int) -> TensorState { get set }

  /// The model in use, if it is the one whose weights are lent out now; nil where there is none.
  var model: CommittedModel? { get }

  // MARK: - Taking a model

  /// The longest time that a piece of making ready takes, in milliseconds.
  var preparationMilliseconds: UInt16 { get }

  /// The longest time that the next piece of a commit takes, in milliseconds.
  var commitMilliseconds: UInt16 { get }

  /// Makes the image zero, piece by piece; true when it is.
  ///
  /// With `isKeeping` tensors may be kept: `begin` follows for each, and the states are left to it.
  mutating func prepare(isKeeping: Bool) -> Bool

  /// Makes a tensor the one of the model in use, or zero.
  mutating func begin(_ places: Range<Int>, stateOf index: Int, isKept: Bool)

  /// The state of a tensor of the model in use, while another one comes.
  func baseState(_ index: Int) -> TensorState

  /// A byte of that model's image.
  func baseByte(_ offset: Int) -> UInt8

  /// Makes the image that has come the one that stays, piece by piece.
  ///
  /// Until the last write of the last piece the one before stays, whatever happens.
  mutating func commit(_ model: CommittedModel) -> CommitProgress

  /// Goes back to the model that stays, after one that has not come to its end; false where there is none.
  mutating func restore() -> Bool

  // MARK: - Holding several

  /// What a slot has in it.
  func content(ofSlot slot: Int) -> SlotContent

  /// Whether `rollBack` finds a model.
  var hasModelBefore: Bool { get }

  /// Makes a model that is held the one in use; false where there is none of this digest.
  mutating func activate(_ digest: Digest) -> Bool

  /// Gives up the model in use for the one before it; false where there is none, and then none is in use.
  mutating func rollBack() -> Bool

  // MARK: - Going on

  /// How it goes on with a transfer behind a reset.
  static var resumption: StoreResumption { get }

  /// What there is of a transfer that has not come to its end; nil for nothing.
  var unfinished: UnfinishedStream? { get }

  /// The longest time that a piece of that takes, in milliseconds.
  var beginMilliseconds: UInt16 { get }

  /// Makes ready to note a stream, piece by piece; true when it is.
  mutating func beginStream(_ identity: StreamIdentity) -> Bool

  /// Stands where the unfinished stream ends, or with `.stream` begins; nil where that cannot be.
  mutating func resume() -> StreamSnapshot?

  /// Whether to note a state takes long: a page has to be erased.
  var noteMilliseconds: UInt16 { get }

  /// Notes a state behind so many bytes of the stream.
  mutating func note(_ snapshot: StreamSnapshot, byteCount: Int)

  /// Notes the next byte of the stream.
  mutating func note(_ byte: UInt8)

  /// Goes to the next piece of the stream that was noted; its size, or 0 behind the last.
  mutating func nextPiece() -> Int

  /// A byte of that piece.
  func pieceByte(_ index: Int) -> UInt8

  /// Makes void what was noted.
  mutating func forget()
}

/// How a store goes on with a transfer.
public enum StoreResumption: Sendable {
  case never
  /// It has the image, and notes the state of the decoder.
  case state
  /// It notes the stream, which goes through the decoder again.
  case stream
}

/// What a stream is known by (Protocol.md §5.11): two words of four bytes, the lowest first.
public struct StreamIdentity: Equatable, Sendable {
  /// The words; zero for none.
  public var low: UInt32 = 0
  /// The second one.
  public var high: UInt32 = 0

  /// Of nothing.
  public init() {}

  var isNone: Bool { low | high == 0 }
}

/// What there is of a transfer that has not come to its end.
public struct UnfinishedStream: Sendable {
  /// Which one it is.
  public var identity = StreamIdentity()
  /// Bytes of the stream behind the manifest.
  public var byteCount = 0
}

/// The state of a receiver in a stream, as the journal has it (Hardware/store.md): words 6 to 23 of an
/// entry, and those behind the tensors' states.
public struct StreamSnapshot: Sendable {
  /// The words of an entry before the states; those of the store are zero here.
  public var words = InlineArray<24, UInt32>(repeating: 0)
  /// The models of a pass of differences, where these are taken.
  public var differences = InlineArray<23, UInt32>(repeating: 0)

  /// Of the beginning.
  public init() {}
}

/// What a slot has in it.
public enum SlotContent {
  case empty
  /// A transfer that has not come to its end.
  case unfinished
  /// A whole model.
  case held(CommittedModel)
  /// The one in use.
  case inUse(CommittedModel)
}

// What a store does that does nothing of it.
extension WeightStore where Self: ~Copyable {
  /// Nothing.
  public static var services: DeviceServices { .none }
  /// Never.
  public static var resumption: StoreResumption { .never }
  /// None.
  public var unfinished: UnfinishedStream? { nil }
  /// None is erased.
  public var noteMilliseconds: UInt16 { 0 }

  /// It is not there any more.
  public func baseState(_ index: Int) -> TensorState { TensorState() }
  /// It is not there any more.
  public func baseByte(_ offset: Int) -> UInt8 { 0 }

  /// The model in use is the only one.
  public func content(ofSlot slot: Int) -> SlotContent { model.map { .inUse($0) } ?? .empty }

  /// It does not.
  public var hasModelBefore: Bool { false }

  /// There is no other.
  public mutating func activate(_ digest: Digest) -> Bool {
    model.map { $0.digest == digest } ?? false
  }

  /// There is nothing to make ready.
  public var beginMilliseconds: UInt16 { 0 }
  /// There is nothing to make ready.
  public mutating func beginStream(_ identity: StreamIdentity) -> Bool { true }
  /// It does not go on.
  public mutating func resume() -> StreamSnapshot? { nil }
  /// Nothing is noted.
  public mutating func note(_ snapshot: StreamSnapshot, byteCount: Int) {}
  /// Nothing is noted.
  public mutating func note(_ byte: UInt8) {}
  /// There is none.
  public mutating func nextPiece() -> Int { 0 }
  /// There is none.
  public func pieceByte(_ index: Int) -> UInt8 { 0 }
  /// There is nothing.
  public mutating func forget() {}

  /// Makes the image zero, piece by piece; true when it is.
  public mutating func prepare() -> Bool { prepare(isKeeping: false) }
}

/// What is known of a tensor in a store.
public struct TensorState: Equatable, Sendable, BitwiseCopyable {
  /// The level of its largest magnitude (Protocol.md §6.3); 0xFFFF where all is zero.
  public var topLevel: UInt16 = 0
  /// Passes of its planes: S0 is the first, S1 R1 the next two.
  public var passCount: UInt8 = 0
  private var flags: UInt8 = 0

  /// Nothing is known.
  public init() {}

  /// Whether it has come: whole, or at least coarsely.
  public var hasCome: Bool {
    get { flags & 1 != 0 }
    set { flags = flags & ~1 | (newValue ? 1 : 0) }
  }

  /// Whether it is that of the model in use, and nothing of it comes.
  var isKept: Bool {
    get { flags & 2 != 0 }
    set { flags = flags & ~2 | (newValue ? 2 : 0) }
  }

  /// Whether it comes as what differs from that of the model in use.
  var isDifference: Bool {
    get { flags & 4 != 0 }
    set { flags = flags & ~4 | (newValue ? 4 : 0) }
  }

  /// The planes that such a one and its base have in common, as its header tells.
  var commonPlaneCount: UInt8 {
    get { flags >> 4 & 7 }
    set { flags = flags & ~0x70 | newValue << 4 }
  }

  /// Whether its next pass is the first, which brings over these.
  var lacksBasePlanes: Bool {
    passCount == (commonPlaneCount == 0 ? 0 : 2 &* commonPlaneCount &- 1)
  }

  /// The level of a tensor of zeros.
  public static let none: UInt16 = .max

  /// Planes of which it is known what becomes significant.
  public var planeCount: Int { passCount == 0 ? 0 : Int(passCount) / 2 &+ 1 }

  /// Whether the last of these has been refined too.
  public var isRefined: Bool { passCount & 1 == 1 || passCount == 0 }
}

extension TensorState {
  /// As a slot has it: level, passes, flags.
  var word: UInt32 { UInt32(topLevel) | UInt32(passCount) << 16 | UInt32(flags) << 24 }

  init(word: UInt32) {
    self.init()
    topLevel = UInt16(truncatingIfNeeded: word)
    passCount = UInt8(truncatingIfNeeded: word >> 16)
    flags = UInt8(truncatingIfNeeded: word >> 24) & 0x7F
  }
}

/// What a store notes of a model that has come whole.
public struct CommittedModel: Sendable {
  /// Its digest (Protocol.md §5.6).
  public var digest = Digest()
  /// The beginning of the name that the sender calls it by; zeros behind it.
  public var name = InlineArray<32, UInt8>(repeating: 0)
  /// Whether it is stored, and the one in use stays in use.
  public var isInactive = false

  /// Of nothing.
  public init() {}
}

/// Where in the initiator's stream of records a device is.
struct RecordState {
  /// What a record is (Protocol.md §5.1).
  enum Kind {
    static let offer: UInt8 = 1
    static let unit: UInt8 = 3
    static let content: UInt8 = 4
    static let digest: UInt8 = 5
    static let finish: UInt8 = 6
    static let coded: UInt8 = 7
    static let milestone: UInt8 = 8
    static let basis: UInt8 = 10
    static let unchanged: UInt8 = 11
    static let list: UInt8 = 12
    static let activate: UInt8 = 13
    static let rollBack: UInt8 = 14
    static let fetch: UInt8 = 15
    static let info: UInt8 = 64
    static let accept: UInt8 = 65
    static let verified: UInt8 = 66
    static let failed: UInt8 = 67
    static let metric: UInt8 = 68
    static let listing: UInt8 = 70
  }

  /// What may come next.
  enum Order {
    case offer
    /// TENSOR records: the bytes of the table.
    case tensors
    /// What is kept.
    case basis
    /// The coded stream, milestones, units, the end.
    case contents
    /// The content of the open unit, or its digest.
    case content
    /// The answers of who is given a model.
    case answers
  }

  enum Step {
    case kind, length, body
  }

  // Bytes of a body, at most: of content and the coded stream, and of all others (Protocol.md §7).
  private static let contentLimit = 16384
  private static let bodyLimit = 2048

  var order = Order.offer
  var step = Step.kind
  var kind: UInt8 = 0
  /// Bytes of the body that are to come.
  var rest = 0
  /// The field of the body, counted from 0, and of a number what has come so far.
  var field = 0
  var number = 0
  private var shift = 0
  /// Whether a number was longer than it needs, or may be.
  private(set) var isBroken = false
  /// Whether there is a coded stream.
  var offersCoded = false
  private var digestByteCount = 0
  /// Bytes of the table that have come.
  var tablePosition = 0
  /// The elements of the open unit.
  var index = 0
  var place = 0
  var end = 0
  /// The last bytes of the body, the highest first: a digest, a milestone.
  var digest = Digest()
  /// What the offer says behind the name.
  var terms = DeviceTerms()

  /// Takes a record's kind; false where it may not come now.
  mutating func begin(_ byte: UInt8) -> Bool {
    kind = byte
    step = .length
    (rest, number, shift, field, digestByteCount) = (0, 0, 0, 0, 0)
    switch order {
    case .offer: return byte == Kind.offer
    case .tensors, .basis, .answers: return false
    case .contents:
      let isCoded = byte == Kind.coded
      return byte == Kind.unit || Kind.finish...Kind.milestone ~= byte && (!isCoded || offersCoded)
    case .content: return byte == Kind.content || byte == Kind.digest
    }
  }

  /// Takes a byte of the body's length; false where no record has it.
  mutating func takeLength(_ byte: UInt8) -> Bool {
    guard takeNumber(byte) else { return shift < 28 }
    rest = number
    step = .body
    number = 0
    guard !isBroken else { return false }
    switch kind {
    case Kind.content, Kind.coded: return rest <= Self.contentLimit
    case Kind.digest, Kind.finish: return rest == SHA256.byteCount
    default: return rest <= Self.bodyLimit
    }
  }

  /// Whether the body's length is one of records that ask for something else than to take a model.
  var hasServiceLength: Bool {
    switch kind {
    case Kind.unchanged, Kind.activate, Kind.verified: rest == SHA256.byteCount
    case Kind.list, Kind.rollBack, Kind.accept: rest == 0
    default: true
    }
  }

  /// Takes a byte of a number; true with its last.
  ///
  /// What no device can hold becomes something else.
  @inline(never)
  mutating func takeNumber(_ byte: UInt8) -> Bool {
    if shift == 0 { number = 0 }
    number |= Int(byte & 0x7F) &<< (shift < 28 ? shift : 28)
    if shift > 0, byte == 0 || shift == 56 && byte & 0x80 != 0 { isBroken = true }
    shift &+= 7
    guard byte & 0x80 == 0 else { return false }
    shift = 0
    return true
  }

  /// Keeps a byte of those that count from the highest.
  mutating func keep(_ byte: UInt8) {
    guard digestByteCount < SHA256.byteCount else { return }
    let word = digestByteCount >> 2
    digest.words[word] = digest.words[word] &<< 8 | UInt32(byte)
    digestByteCount &+= 1
  }
}

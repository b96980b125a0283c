/// Which model a host wants to have back, and how it takes it (Protocol.md §5.13).
public struct FetchRequest: Equatable, Sendable {
  /// The model; nil for the one in use.
  public let digest: Digest?
  /// Bytes of its stream that are there.
  public let byteCount: Int
  /// What is taken, as a receiver says it.
  public let taker: ReceiverInfo

  /// Joins the three.
  public init(_ digest: Digest?, behind byteCount: Int, by taker: ReceiverInfo) {
    (self.digest, self.byteCount, self.taker) = (digest, byteCount, taker)
  }

  package func encoded() -> [UInt8] {
    var body = digest?.bytes ?? [UInt8](repeating: 0, count: Digest.byteCount)
    Varint.append(byteCount, to: &body)
    return body + taker.encoded()
  }

  package init(parsing bytes: [UInt8]) throws(RecordError) {
    var body = BodyReader(bytes)
    let digest = try body.bytes(Digest.byteCount)
    self.digest = digest.allSatisfy { $0 == 0 } ? nil : Digest(digest)
    byteCount = try body.varint()
    taker = try ReceiverInfo(parsing: body.rest())
  }
}

/// What a receiver holds, slot by slot (Protocol.md §5.12).
public struct Listing: Equatable, Sendable {
  /// A place for a model.
  public enum Slot: Equatable, Sendable {
    case empty
    /// A transfer that has not come to its end, with so many bytes of the stream.
    case unfinished(byteCount: Int)
    /// A whole model, which is in use or not.
    case model(HeldEntry, isInUse: Bool)
  }

  /// What is told of a model.
  public struct HeldEntry: Equatable, Sendable {
    /// What it is known by.
    public let digest: Digest
    /// Bytes of its tensors, as a manifest gives them.
    public let byteCount: Int
    /// How many tensors it has.
    public let tensorCount: Int
    /// Planes that are kept of a large tensor; nil for all.
    public let planeCount: Int?
    /// What its sender has called it, UTF-8.
    public let name: [UInt8]

    /// Joins the five; of the name what fits.
    public init(
      digest: Digest, byteCount: Int, tensorCount: Int, planeCount: Int?, name: [UInt8]
    ) {
      self.digest = digest
      self.byteCount = byteCount
      self.tensorCount = tensorCount
      self.planeCount = planeCount
      self.name = Array(name.prefix(Listing.nameByteCountLimit))
    }
  }

  static let nameByteCountLimit = 64
  // So many fit a record.
  private static let slotLimit = 16

  /// Bytes that a model may take; nil where only a disk limits it.
  public let room: Int?
  /// The slots, in the receiver's order.
  public let slots: [Slot]

  /// Joins the two; of the slots as many as fit a record.
  public init(room: Int?, slots: [Slot]) {
    self.room = room
    self.slots = Array(slots.prefix(Self.slotLimit))
  }

  package func encoded() -> [UInt8] {
    var body: [UInt8] = []
    Varint.append(room ?? 0, to: &body)
    body.append(UInt8(slots.count))
    for slot in slots {
      switch slot {
      case .empty: body.append(0)
      case .unfinished(let byteCount):
        body.append(1)
        Varint.append(byteCount, to: &body)
      case .model(let model, let isInUse):
        body.append(isInUse ? 3 : 2)
        body += model.digest.bytes
        Varint.append(model.byteCount, to: &body)
        Varint.append(model.tensorCount, to: &body)
        body.append(UInt8(model.planeCount ?? 0))
        Varint.append(model.name.count, to: &body)
        body += model.name
      }
    }
    return body
  }

  /// What a later revision adds behind is ignored.
  package init(parsing bytes: [UInt8]) throws(RecordError) {
    var body = BodyReader(bytes)
    let room = try body.varint()
    self.room = room == 0 ? nil : room
    let count = try body.byte()
    guard count <= Self.slotLimit else { throw .badListing }
    var slots: [Slot] = []
    for _ in 0..<count { slots.append(try Self.slot(&body)) }
    self.slots = slots
  }

  private static func slot(_ body: inout BodyReader) throws(RecordError) -> Slot {
    let state = try body.byte()
    switch state {
    case 0: return .empty
    case 1: return .unfinished(byteCount: try body.varint())
    case 2, 3:
      guard let digest = Digest(try body.bytes(Digest.byteCount)) else { throw .badDigest }
      let (byteCount, tensorCount) = (try body.varint(), try body.varint())
      let planes = try body.byte()
      let nameByteCount = try body.varint()
      guard nameByteCount <= nameByteCountLimit else { throw .badName }
      let model = HeldEntry(
        digest: digest, byteCount: byteCount, tensorCount: tensorCount,
        planeCount: planes == 0 ? nil : Int(planes), name: try body.bytes(nameByteCount))
      return .model(model, isInUse: state == 3)
    default: throw .badListing
    }
  }
}

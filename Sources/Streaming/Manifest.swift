public import Tensors
public import WeightCodec

/// What a model consists of, as the sender offers it.
public struct Manifest: Equatable, Sendable {
  /// Whether tensors come, or a file that nobody looked into.
  public enum Kind: UInt8, Equatable, Sendable {
    case tensors = 0
    /// One tensor of bytes, which is the file: `.tflite`, `.pte` and others.
    case file = 1
  }

  /// One tensor of the model.
  public struct Entry: Equatable, Sendable {
    /// Name, dtype and shape.
    public let tensor: TensorDescriptor
    /// The earlier entry with the very same bytes (tied weights), whose content stands for both.
    public let sharedWith: Int?

    /// Joins the two.
    public init(_ tensor: TensorDescriptor, sharedWith: Int? = nil) {
      self.tensor = tensor
      self.sharedWith = sharedWith
    }

    /// Whether content comes for it.
    public var hasContent: Bool { sharedWith == nil && tensor.byteCount > 0 }
  }

  /// A bound for receivers; the largest models have some thousands.
  public static let tensorCountLimit = 1 << 20
  /// Bytes of all bodies of a manifest, at most, with every name written out.
  public static let byteCountLimit = 1 << 26
  /// Bytes of a name, at most.
  public static let nameByteCountLimit = 1024

  /// What the entries are.
  public let kind: Kind
  /// How the coded stream is written; nil where there is none, and contents come whole.
  public let codec: CodecVariant?
  /// Bytes that the sender expects the stream to have, records and all; 0 where it does not say.
  public let expectedByteCount: Int
  /// The file's name at the sender, UTF-8; for people.
  public let name: [UInt8]
  /// The tensors in the order of the file.
  public let entries: [Entry]
  /// What a transfer that goes on is known by, and what it builds on.
  public var terms: OfferTerms

  /// - Precondition: tensor names within their limit; `sharedWith` names an earlier entry that has the
  ///   same dtype and shape and does not share itself.
  public init(
    kind: Kind, codec: CodecVariant? = nil, expectedByteCount: Int = 0, name: [UInt8],
    entries: [Entry], terms: OfferTerms = OfferTerms()
  ) {
    for entry in entries {
      precondition(
        entry.tensor.name.utf8.count <= Self.nameByteCountLimit, "a tensor's name fits a record")
    }
    self.kind = kind
    self.codec = codec
    self.expectedByteCount = max(expectedByteCount, 0)
    self.name = Array(name.prefix(Self.nameByteCountLimit))
    self.entries = entries
    self.terms = terms
  }

  /// Tensors with content.
  public var contentCount: Int {
    var count = 0
    for entry in entries where entry.hasContent { count += 1 }
    return count
  }

  /// How each tensor builds on what the receiver holds, by its index; those without content do not.
  public var relations: [TensorRelation] {
    var rest = terms.relations[...]
    return entries.map { $0.hasContent ? rest.popFirst() ?? .plain : .plain }
  }

  /// The indices of the tensors that come.
  public var arriving: [Int] {
    let relations = relations
    return entries.indices.filter { entries[$0].hasContent && relations[$0] != .kept }
  }

  /// What a model takes over from one that the receiver holds.
  public struct Takeover: Equatable, Sendable {
    /// Tensors that stay as they are.
    public var keptCount = 0
    /// The size of these, in bytes.
    public var keptByteCount = 0
    /// Tensors that come as differences.
    public var differenceCount = 0

    /// Whether there is anything.
    public var isEmpty: Bool { keptCount == 0 && differenceCount == 0 }
  }

  /// What it takes over from the model that the receiver holds.
  public var takeover: Takeover {
    var takeover = Takeover()
    for (entry, relation) in zip(entries, relations) {
      switch relation {
      case .plain: break
      case .kept:
        takeover.keptCount += 1
        takeover.keptByteCount += entry.tensor.byteCount
      case .difference: takeover.differenceCount += 1
      }
    }
    return takeover
  }

  /// The bytes of all tensors as the file has them, shared ones once.
  public var byteCount: Int {
    var sum = 0
    for entry in entries where entry.hasContent { sum += entry.tensor.byteCount }
    return sum
  }

  /// The same with another expectation.
  func expecting(byteCount: Double) -> Manifest {
    Manifest(
      kind: kind, codec: codec, expectedByteCount: Int(byteCount.rounded()), name: name,
      entries: entries, terms: terms)
  }

  /// The records of the manifest: the offer, the tensors or their numbers in the base, and on what they
  /// build.
  public func encoded() -> [UInt8] {
    var stream: [UInt8] = []
    var body = [kind.rawValue, codec?.rawValue ?? 0]
    Varint.append(entries.count, to: &body)
    Varint.append(expectedByteCount, to: &body)
    Varint.append(name.count, to: &body)
    body += name + terms.encoded()
    Record.append(.offer, body: body, to: &stream)
    if terms.order.isEmpty {
      stream += encodedTensors()
    } else {
      BaseTensors.append(terms.order, to: &stream)
    }
    TensorRelation.append(terms.relations, to: &stream)
    return stream
  }

  /// The records of the tensors, which the model's digest starts with.
  public func encodedTensors() -> [UInt8] {
    var stream: [UInt8] = []
    var previous: [UInt8] = []
    for entry in entries {
      Record.append(.tensor, body: entry.encoded(after: previous), to: &stream)
      previous = entry.tensor.name.utf8
    }
    return stream
  }
}

extension Manifest.Entry {
  /// The body of a tensor record.
  ///
  ///     flags       1 byte; bit 0: the tensor shares its bytes with an earlier one
  ///     shared      varint, with bit 0 only: that tensor's index
  ///     prefix      varint: bytes of the name that are those of the tensor before
  ///     suffix      varint and as many bytes: the rest of the name
  ///     dtype       1 byte
  ///     extents     varint for their number, then a varint each
  ///
  /// Protocol.md §5.3. Front coding makes the names of a network's layers short without a compressor.
  func encoded(after previous: [UInt8]) -> [UInt8] {
    var body: [UInt8] = [sharedWith == nil ? 0 : 1]
    if let sharedWith { Varint.append(sharedWith, to: &body) }
    let name = tensor.name.utf8
    var prefix = 0
    while prefix < min(name.count, previous.count), name[prefix] == previous[prefix] { prefix += 1 }
    Varint.append(prefix, to: &body)
    Varint.append(name.count - prefix, to: &body)
    body += name[prefix...]
    body.append(tensor.dtype.rawValue)
    Varint.append(tensor.shape.rank, to: &body)
    for extent in tensor.shape.extents { Varint.append(extent, to: &body) }
    return body
  }

  init(
    parsing bytes: [UInt8], after previous: Manifest.Entry?, index: Int
  ) throws(RecordError) {
    var body = BodyReader(bytes)
    let flags = try body.byte()
    guard flags <= 1 else { throw .unknownFlags(flags) }
    let sharedWith = flags == 1 ? try body.varint() : nil
    if let sharedWith, sharedWith >= index { throw .badIndex(sharedWith) }
    let previousName = previous?.tensor.name.utf8 ?? []
    let prefix = try body.varint()
    let suffix = try body.varint()
    guard prefix <= previousName.count, suffix <= Manifest.nameByteCountLimit - prefix else {
      throw .badName
    }
    let rest = try body.bytes(suffix)
    // A shorter prefix would encode the same name in other bytes than were digested.
    if let first = rest.first, prefix < previousName.count, previousName[prefix] == first {
      throw .badName
    }
    let name = TensorName(utf8: previousName[..<prefix] + rest)
    let code = try body.byte()
    guard let dtype = DType(rawValue: code) else { throw .unknownDType(code) }
    let rank = try body.varint()
    guard rank <= TensorShape.rankLimit else { throw .badShape }
    var extents: [Int] = []
    for _ in 0..<rank { extents.append(try body.varint()) }
    guard body.isAtEnd else { throw .trailingBytes }
    guard let shape = TensorShape(extents),
      let tensor = TensorDescriptor(name: name, dtype: dtype, shape: shape)
    else { throw .badShape }
    self.init(tensor, sharedWith: sharedWith)
  }
}

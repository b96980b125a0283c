internal import Tensors
internal import WeightCodec

/// Collects the records of a manifest: twin of `Manifest.encoded()`.
///
/// Takes only what `encoded()` writes, byte for byte: the model's digest begins with these bytes, and
/// each end computes it from the manifest that it holds.
public struct ManifestReader: Sendable {
  private var kind = Manifest.Kind.tensors
  private var codec: CodecVariant?
  private var expectedByteCount = 0
  private var name: [UInt8] = []
  private var entries: [Manifest.Entry] = []
  private var contentCount = 0
  // nil before the offer
  private var tensorCount: Int?
  // Of the bodies, with names written out: front coding must not multiply what a peer has to send.
  private var byteCount = 0
  // Of all tensors, shared ones too.
  private var tensorByteCount = 0
  private var terms = OfferTerms()
  // Whether relations follow the tensors, and whether these are told by numbers.
  private var (hasBasis, hasOrder) = (false, false)
  private let base: BaseTensors?

  /// Stands before the offer; `base` is the model that this end holds.
  public init(base: BaseTensors? = nil) { self.base = base }

  /// Takes the next record; returns the manifest with its last one.
  public mutating func take(
    _ record: RecordKind, body bytes: [UInt8]
  ) throws(RecordError) -> Manifest? {
    if let tensorCount {
      if hasOrder, entries.count < tensorCount {
        guard record == .order else { throw .unexpected(record) }
        try takeOrder(bytes, tensorCount)
      } else if entries.count < tensorCount {
        guard record == .tensor else { throw .unexpected(record) }
        let entry = try Manifest.Entry(parsing: bytes, after: entries.last, index: entries.count)
        try take(entry, byteCount: bytes.count)
      } else {
        guard record == .basis else { throw .unexpected(record) }
        try TensorRelation.take(bytes, of: contentCount, into: &terms.relations)
      }
    } else {
      guard record == .offer else { throw .unexpected(record) }
      try takeOffer(bytes)
    }
    return isComplete ? manifest : nil
  }

  private var isComplete: Bool {
    guard entries.count == tensorCount else { return false }
    return !hasBasis || contentCount > 0 && terms.relations.count == contentCount
  }

  private mutating func takeOffer(_ bytes: [UInt8]) throws(RecordError) {
    var body = BodyReader(bytes)
    let kindCode = try body.byte()
    guard let kind = Manifest.Kind(rawValue: kindCode) else { throw .unknownKind(kindCode) }
    self.kind = kind
    let codecCode = try body.byte()
    codec = CodecVariant(rawValue: codecCode)
    guard codec != nil || codecCode == 0 else { throw .unknownCodec(codecCode) }
    let count = try body.varint()
    guard count <= Manifest.tensorCountLimit else { throw .tooManyTensors(count) }
    expectedByteCount = try body.varint()
    let nameByteCount = try body.varint()
    guard nameByteCount <= Manifest.nameByteCountLimit else { throw .badName }
    name = try body.bytes(nameByteCount)
    (hasBasis, hasOrder) = try terms.parse(&body)
    guard body.isAtEnd else { throw .trailingBytes }
    guard !hasOrder || count > 0 && base?.digest == terms.base else { throw .badBasis }
    byteCount = bytes.count
    tensorCount = count
  }

  /// Takes the numbers of the next tensors: as many as go into a record, or all that are left.
  private mutating func takeOrder(_ bytes: [UInt8], _ count: Int) throws(RecordError) {
    var body = BodyReader(bytes)
    repeat {
      let number = try body.varint()
      guard entries.count < count, let entry = base?.entry(number) else { throw .badIndex(number) }
      try take(entry, byteCount: 0)
      terms.order.append(number)
    } while !body.isAtEnd
  }

  private mutating func take(_ entry: Manifest.Entry, byteCount bodyByteCount: Int)
    throws(RecordError)
  {
    if let sharedWith = entry.sharedWith { try check(entry, sharedWith) }
    byteCount += bodyByteCount + entry.tensor.name.utf8.count
    guard byteCount <= Manifest.byteCountLimit else { throw .tooManyTensors(entries.count) }
    let (sum, overflow) = tensorByteCount.addingReportingOverflow(entry.tensor.byteCount)
    guard !overflow else { throw .badShape }
    tensorByteCount = sum
    entries.append(entry)
    if entry.hasContent { contentCount += 1 }
  }

  private var manifest: Manifest {
    Manifest(
      kind: kind, codec: codec, expectedByteCount: expectedByteCount, name: name, entries: entries,
      terms: terms)
  }

  /// A shared tensor is one of the same bytes, and the other one is not itself shared.
  private func check(_ entry: Manifest.Entry, _ sharedWith: Int) throws(RecordError) {
    let other = entries[sharedWith]
    guard other.sharedWith == nil, other.tensor.dtype == entry.tensor.dtype,
      other.tensor.shape == entry.tensor.shape
    else { throw .badIndex(sharedWith) }
  }
}

extension Manifest {
  /// Reads the records that `encoded()` has written.
  package init(encoded stream: [UInt8]) throws(RecordError) {
    var records = RecordReader()
    var manifests = ManifestReader()
    var position = 0
    while true {
      guard case .record(let kind, let body) = try records.next(stream.span, from: &position) else {
        throw .truncated
      }
      guard let manifest = try manifests.take(kind, body: body) else { continue }
      guard position == stream.count else { throw .trailingBytes }
      self = manifest
      return
    }
  }
}

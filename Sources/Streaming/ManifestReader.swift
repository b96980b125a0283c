internal import Tensors

/// Collects the records of a manifest: twin of `Manifest.encoded()`.
public struct ManifestReader: Sendable {
  private var kind = Manifest.Kind.tensors
  private var name: [UInt8] = []
  private var entries: [Manifest.Entry] = []
  // nil before the offer
  private var tensorCount: Int?
  private var byteCount = 0

  /// Stands before the offer.
  public init() {}

  /// Takes the next record; returns the manifest with its last one.
  public mutating func take(
    _ record: RecordKind, body bytes: [UInt8]
  ) throws(RecordError) -> Manifest? {
    byteCount += bytes.count
    guard byteCount <= Manifest.byteCountLimit else { throw .tooManyTensors(entries.count) }
    if let tensorCount {
      guard record == .tensor else { throw .unexpected(record) }
      let entry = try Manifest.Entry(parsing: bytes, after: entries.last, index: entries.count)
      if let sharedWith = entry.sharedWith { try check(entry, sharedWith) }
      entries.append(entry)
      return entries.count == tensorCount ? manifest : nil
    }
    guard record == .offer else { throw .unexpected(record) }
    var body = BodyReader(bytes)
    let kindCode = try body.byte()
    guard let kind = Manifest.Kind(rawValue: kindCode) else { throw .unknownKind(kindCode) }
    self.kind = kind
    let count = try body.varint()
    guard count <= Manifest.tensorCountLimit else { throw .tooManyTensors(count) }
    tensorCount = count
    let nameByteCount = try body.varint()
    name = try body.bytes(nameByteCount)
    return count == 0 ? manifest : nil
  }

  private var manifest: Manifest { Manifest(kind: kind, name: name, entries: entries) }

  /// A shared tensor is one of the same bytes, and the other one is not itself shared.
  private func check(_ entry: Manifest.Entry, _ sharedWith: Int) throws(RecordError) {
    let other = entries[sharedWith]
    guard other.sharedWith == nil, other.tensor.dtype == entry.tensor.dtype,
      other.tensor.shape == entry.tensor.shape
    else { throw .badIndex(sharedWith) }
  }
}

internal import Streaming

/// A model as it comes in: the records of the manifest, then those of the stream, in the order that
/// Protocol.md §5 allows.
struct IncomingStream {
  private var reader: ManifestReader
  /// What is on offer, once all of it has come.
  private(set) var manifest: Manifest?
  // Whether the content of a tensor has begun and not ended.
  private var isInUnit = false
  // Bytes of content that were announced, and are still to be taken; 0 for none.
  private(set) var contentByteCount = 0

  /// Nothing has come; `base` is the model that this end holds.
  init(base: BaseTensors? = nil) { reader = ManifestReader(base: base) }

  /// Takes a record of the manifest; all of that once it is complete.
  mutating func offer(_ kind: RecordKind, _ body: [UInt8]) throws(RecordError) -> Manifest? {
    manifest = try reader.take(kind, body: body)
    return manifest
  }

  /// Takes a record of the stream.
  ///
  /// - Throws: `RecordError` where it is not its turn.
  mutating func take(
    _ kind: RecordKind, _ body: [UInt8]
  ) throws(RecordError) -> ReceiveTransfer.Event {
    switch (kind, isInUnit) {
    case (.unit, false):
      let unit = try Unit(parsing: body)
      guard let manifest else { throw .unexpected(kind) }
      try unit.check(against: manifest)
      isInUnit = true
      return .unitBegan(unit)
    case (.digest, true):
      isInUnit = false
      return .unitEnded(try Digest(record: body))
    case (.milestone, false): return .milestone(try Milestone(parsing: body))
    case (.finish, false): return .finished(try Digest(record: body))
    default: throw .unexpected(kind)
    }
  }

  /// The head of a record with content has come, of which `byteCount` bytes are there.
  ///
  /// - Throws: `RecordError` where it is not its turn.
  mutating func announce(
    _ kind: RecordKind, byteCount: Int
  ) throws(RecordError) -> ReceiveTransfer.Event {
    contentByteCount = byteCount
    switch (kind, isInUnit) {
    case (.content, true): return .content(byteCount: byteCount)
    case (.coded, false):
      guard manifest?.codec != nil else { throw .unexpected(kind) }
      return .coded(byteCount: byteCount)
    default: throw .unexpected(kind)
    }
  }

  /// What was announced is taken: its size.
  mutating func takeContent() -> Int {
    defer { contentByteCount = 0 }
    return contentByteCount
  }
}

extension Digest {
  /// Reads the body of a record that is nothing but a digest.
  init(record body: [UInt8]) throws(RecordError) {
    guard let digest = Digest(body) else { throw .badDigest }
    self = digest
  }
}

internal import Checkpoints
internal import Streaming
internal import SystemPackage
internal import Tensors

/// A model that this end holds already: a file with tensors, of which another model may keep some.
struct HeldModel {
  // A larger file takes too long to digest for a sender who waits; nothing of it is kept.
  private static let byteCountLimit = 1 << 32

  let path: FilePath
  private let checkpoint: Checkpoint
  /// Its tensors, in the order of the file.
  let manifest: Manifest
  private let digests: [Digest]
  private let places: [TensorName: Int]
  private let prefixes: [DigestPrefix: Int]
  /// What it is known by, if it is a whole model.
  let digest: Digest?

  /// Reads the file; nil where there is none that anything could be kept of.
  init?(opening path: FilePath) {
    guard let checkpoint = try? Checkpoint(opening: path),
      checkpoint.tensors.reduce(0, { $0 + $1.descriptor.byteCount }) <= Self.byteCountLimit,
      let digests = try? checkpoint.tensors.indices.map({ try Self.digest(of: $0, checkpoint) })
    else { return nil }
    self.path = path
    self.checkpoint = checkpoint
    manifest = Manifest(checkpoint, named: path.lastComponent?.string ?? "")
    self.digests = digests
    var places: [TensorName: Int] = [:]
    var prefixes: [DigestPrefix: Int] = [:]
    for (index, tensor) in checkpoint.tensors.enumerated() {
      places[tensor.descriptor.name] = index
      prefixes[DigestPrefix(digests[index])] = index
    }
    (self.places, self.prefixes) = (places, prefixes)
    let isPartial = checkpoint.metadata.contains { $0 == Snapshot.partialMark }
    digest =
      isPartial ? nil : ModelDigest.ofFile(manifest, digests)
  }

  private static func digest(of index: Int, _ checkpoint: Checkpoint) throws -> Digest {
    var hash = ContentDigest()
    let byteCount = checkpoint.tensors[index].descriptor.byteCount
    try checkpoint.withBytes(of: index, 0..<byteCount) { bytes in
      unsafe bytes.withUnsafeBytes { unsafe hash.update($0) }
    }
    return hash.finish()
  }

  /// Whether a tensor with such a digest is there.
  func holds(_ prefix: DigestPrefix) -> Bool { prefixes[prefix] != nil }

  /// The tensor with such a digest and this size; nil where there is none.
  func tensor(_ prefix: DigestPrefix, byteCount: Int) -> Int? {
    prefixes[prefix].flatMap {
      checkpoint.tensors[$0].descriptor.byteCount == byteCount ? $0 : nil
    }
  }

  /// The tensor with this name, dtype and shape; in a file that is no checkpoint the only one, whatever
  /// its name.
  func tensor(like wanted: TensorDescriptor) -> Int? {
    let isOpaque = checkpoint.format == .opaque
    return (isOpaque ? 0 : places[wanted.name]).flatMap {
      let found = checkpoint.tensors[$0].descriptor
      return found.dtype == wanted.dtype && found.shape == wanted.shape ? $0 : nil
    }
  }

  /// What is told of it.
  var entry: Listing.HeldEntry? {
    digest.map {
      Listing.HeldEntry(
        digest: $0, byteCount: manifest.byteCount, tensorCount: manifest.entries.count,
        planeCount: nil, name: manifest.name)
    }
  }

  func digest(of index: Int) -> Digest { digests[index] }

  /// Calls `body` with the bytes of a tensor.
  func withBytes<R>(of index: Int, _ body: (RawSpan) throws(CheckpointError) -> R) throws -> R {
    let byteCount = checkpoint.tensors[index].descriptor.byteCount
    return try checkpoint.withBytes(of: index, 0..<byteCount, body)
  }
}

extension ModelDigest {
  /// The digest by which a receiver knows a model in a file of its own (Protocol.md §5.2).
  static func ofFile(_ manifest: Manifest, _ digests: [Digest]) -> Digest? {
    let (ofFile, order) = manifest.inFileOrder()
    var digest = ModelDigest(ofFile)
    for (place, index) in order.enumerated() {
      let source = manifest.entries[index].sharedWith ?? index
      digest.note(digests[source], tensorIndex: place)
    }
    return digest.finish()
  }
}

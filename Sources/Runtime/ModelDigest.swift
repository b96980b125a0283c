internal import struct Crypto.SHA256
package import Streaming

/// SHA-256 of what goes over the line, portion by portion (FIPS 180-4, by swift-crypto).
package struct ContentDigest {
  private var hash = SHA256()

  package init() {}

  package mutating func update(_ bytes: Span<UInt8>) {
    unsafe bytes.withUnsafeBytes { unsafe hash.update(bufferPointer: $0) }
  }

  package mutating func update(_ bytes: UnsafeRawBufferPointer) {
    unsafe hash.update(bufferPointer: bytes)
  }

  package consuming func finish() -> Digest {
    guard let digest = Digest(Array(hash.finalize())) else {
      preconditionFailure("SHA-256 has 32 bytes")
    }
    return digest
  }
}

/// The digest of a model: SHA-256 over the records of its tensors and then, in the manifest's
/// order, the digest of each content (Protocol.md §5.6).
package struct ModelDigest {
  private let manifest: Manifest
  private var contents: [Int: Digest] = [:]

  package init(_ manifest: Manifest) {
    self.manifest = manifest
  }

  /// The contents whose digest is known.
  package var contentCount: Int { contents.count }

  package mutating func note(_ digest: Digest, tensorIndex: Int) {
    contents[tensorIndex] = digest
  }

  package func holds(_ tensorIndex: Int) -> Bool { contents[tensorIndex] != nil }

  /// The digest; nil while a content is missing.
  package func finish() -> Digest? {
    var digest = ContentDigest()
    digest.update(manifest.encodedTensors().span)
    for index in manifest.entries.indices where manifest.entries[index].hasContent {
      guard let content = contents[index] else { return nil }
      digest.update(content.bytes.span)
    }
    return digest.finish()
  }
}

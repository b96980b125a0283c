internal import Streaming
internal import Tensors
internal import WeightCodec

/// A model as it comes over the line: unpacked, decoded and digested, portion by portion.
///
/// Contents may come in any order; what becomes of the elements is the caller's business.
struct IncomingModel {
  private struct OpenUnit {
    let index: Int
    let inflate: ZlibBox?
    var decoder: ContentDecoder
    var hash = ContentDigest()
  }

  let manifest: Manifest
  private var digest: ModelDigest
  private var unit: OpenUnit?

  init(_ manifest: Manifest) {
    self.manifest = manifest
    digest = ModelDigest(manifest)
  }

  /// Tensors that are complete.
  var tensorCount: Int { digest.contentCount }

  /// A content begins, of a unit that fits the manifest.
  mutating func begin(_ unit: Unit) throws(ModelWriterError) {
    let index = unit.tensorIndex
    guard !digest.holds(index) else { throw .incomplete }
    self.unit = OpenUnit(
      index: index, inflate: unit.compression == .deflate ? ZlibBox(.inflate) : nil,
      decoder: ContentDecoder(manifest.entries[index].tensor, unit.representation))
  }

  /// Takes the next bytes of the content, as packed; returns the elements that they become.
  mutating func append(_ bytes: Span<UInt8>) throws(ModelWriterError) -> [UInt8] {
    guard var unit = unit.take() else { throw .incomplete }
    var elements: [UInt8] = []
    do {
      if let inflate = unit.inflate {
        try inflate.process(bytes) { try Self.decode($0, &unit, into: &elements) }
      } else {
        try Self.decode(bytes, &unit, into: &elements)
      }
    } catch {
      throw .content(tensor: manifest.entries[unit.index].tensor.name)
    }
    self.unit = unit
    return elements
  }

  private static func decode(
    _ content: Span<UInt8>, _ unit: inout OpenUnit, into elements: inout [UInt8]
  ) throws {
    unit.hash.update(content)
    try unit.decoder.decode(content, into: &elements)
  }

  /// The content is complete.
  mutating func endUnit(_ expected: Digest) throws(ModelWriterError) {
    guard let unit = unit.take() else { throw .incomplete }
    let name = manifest.entries[unit.index].tensor.name
    do throws(ContentError) {
      try unit.decoder.finish()
    } catch {
      throw .content(tensor: name)
    }
    if let inflate = unit.inflate, !inflate.isAtEnd { throw .content(tensor: name) }
    guard unit.hash.finish() == expected else { throw .digest(tensor: name) }
    digest.note(expected, tensorIndex: unit.index)
  }

  /// All is there: checks the digest of the whole.
  func check(_ expected: Digest) throws(ModelWriterError) {
    guard let model = digest.finish() else { throw .incomplete }
    guard model == expected else { throw .digest(tensor: nil) }
  }
}

package import Checkpoints
package import Streaming
package import SystemPackage
package import Tensors
internal import WeightCodec

/// Why a model that comes in cannot be taken or kept.
package enum ModelWriterError: Error, Equatable, Sendable {
  case output(OutputError)
  /// No file can be laid out for this manifest.
  case layout(CheckpointError)
  /// A content is not what its unit says: it does not unpack, or to another size.
  case content(tensor: TensorName)
  /// A digest does not fit; nil for that of the whole model.
  case digest(tensor: TensorName?)
  /// The same content twice, or the end while one is missing.
  case incomplete
}

/// Turns what comes over the line into a file: unpacked, decoded, digested, in its place.
///
/// Contents may come in any order; each is written to its offset as it arrives.
package struct ModelWriter: ~Copyable {
  private struct OpenUnit {
    let index: Int
    let inflate: ZlibBox?
    var decoder: ContentDecoder
    var hash = ContentDigest()
    /// Where the next element goes in the file, for each tensor that has these bytes.
    var offsets: [Int]
  }

  private var file: OutputFile
  private var manifest = Manifest(kind: .file, name: [], entries: [])
  private var digest: ModelDigest
  private var offsets: [Int] = []
  private var unit: OpenUnit?
  /// Bytes of tensors that have been written; those of shared ones once.
  package private(set) var tensorByteCount = 0
  /// Tensors that are complete.
  package var tensorCount: Int { digest.contentCount }

  /// Creates the output beside its final place.
  package init(_ path: FilePath) throws(OutputError) {
    file = try OutputFile(path)
    digest = ModelDigest(manifest)
  }

  package var partialPath: FilePath { file.partialPath }

  /// Lays the file out for a model; what an earlier sender left is void.
  package mutating func begin(_ manifest: Manifest) throws(ModelWriterError) {
    self.manifest = manifest
    digest = ModelDigest(manifest)
    unit = nil
    tensorByteCount = 0
    switch manifest.kind {
    case .file:
      offsets = [0]
      guard manifest.entries.count == 1 else { throw .incomplete }
      try output { (file) throws(OutputError) in
        try file.allocate(byteCount: manifest.entries[0].tensor.byteCount)
      }
    case .tensors:
      let layout: SafetensorsLayout
      do throws(CheckpointError) {
        layout = try SafetensorsLayout(tensors: manifest.entries.map(\.tensor))
      } catch {
        throw .layout(error)
      }
      offsets = layout.dataOffsets
      try output { (file) throws(OutputError) in
        try file.allocate(byteCount: layout.byteCount)
        try file.write(layout.header, at: 0)
      }
    }
  }

  /// A content begins, of a unit that fits the manifest.
  package mutating func begin(_ unit: Unit) throws(ModelWriterError) {
    let index = unit.tensorIndex
    guard !digest.holds(index) else { throw .incomplete }
    let entries = manifest.entries
    let sharing = entries.indices.filter { $0 == index || entries[$0].sharedWith == index }
    self.unit = OpenUnit(
      index: index, inflate: unit.compression == .deflate ? ZlibBox(.inflate) : nil,
      decoder: ContentDecoder(entries[index].tensor, unit.representation),
      offsets: sharing.map { offsets[$0] })
  }

  /// The next bytes of the content, as packed.
  package mutating func append(_ bytes: Span<UInt8>) throws(ModelWriterError) {
    guard var unit = unit.take() else { throw .incomplete }
    let name = manifest.entries[unit.index].tensor.name
    do {
      if let inflate = unit.inflate {
        try inflate.process(bytes) { try store($0, &unit) }
      } else {
        try store(bytes, &unit)
      }
    } catch let error as OutputError {
      throw .output(error)
    } catch {
      throw .content(tensor: name)
    }
    self.unit = unit
  }

  /// The content is complete.
  package mutating func endUnit(_ expected: Digest) throws(ModelWriterError) {
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

  /// Checks the digest of the whole and puts the file in its place.
  package consuming func finish(_ expected: Digest) throws(ModelWriterError) {
    guard let model = digest.finish() else { throw .incomplete }
    guard model == expected else { throw .digest(tensor: nil) }
    do throws(OutputError) {
      try file.finish()
    } catch {
      throw .output(error)
    }
  }

  private mutating func store(_ content: Span<UInt8>, _ unit: inout OpenUnit) throws {
    unit.hash.update(content)
    var elements: [UInt8] = []
    try unit.decoder.decode(content, into: &elements)
    tensorByteCount += elements.count
    for index in unit.offsets.indices {
      try file.write(elements, at: unit.offsets[index])
      unit.offsets[index] += elements.count
    }
  }

  private mutating func output(
    _ body: (inout OutputFile) throws(OutputError) -> Void
  ) throws(ModelWriterError) {
    do throws(OutputError) {
      try body(&file)
    } catch {
      throw .output(error)
    }
  }
}

package import Checkpoints
package import Streaming
package import SystemPackage
package import Tensors

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
  private var file: OutputFile
  private var model = IncomingModel(Manifest(kind: .file, name: [], entries: []))
  private var offsets: [Int] = []
  // Where the next element goes in the file, for each tensor that has the bytes of the open unit.
  private var targets: [Int] = []
  /// Bytes of tensors that have been written; those of shared ones once.
  package private(set) var tensorByteCount = 0
  /// Tensors that are complete.
  package var tensorCount: Int { model.tensorCount }

  /// Creates the output beside its final place.
  package init(_ path: FilePath) throws(OutputError) {
    file = try OutputFile(path)
  }

  package var partialPath: FilePath { file.partialPath }

  /// Lays the file out for a model; what an earlier sender left is void.
  package mutating func begin(_ manifest: Manifest) throws(ModelWriterError) {
    model = IncomingModel(manifest)
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
    try model.begin(unit)
    let (index, entries) = (unit.tensorIndex, model.manifest.entries)
    let sharing = entries.indices.filter { $0 == index || entries[$0].sharedWith == index }
    targets = sharing.map { offsets[$0] }
  }

  /// The next bytes of the content, as packed.
  package mutating func append(_ bytes: Span<UInt8>) throws(ModelWriterError) {
    let elements = try model.append(bytes)
    tensorByteCount += elements.count
    for index in targets.indices {
      let target = targets[index]
      try output { (file) throws(OutputError) in try file.write(elements, at: target) }
      targets[index] += elements.count
    }
  }

  /// The content is complete.
  package mutating func endUnit(_ expected: Digest) throws(ModelWriterError) {
    try model.endUnit(expected)
  }

  /// Checks the digest of the whole and puts the file in its place.
  package consuming func finish(_ expected: Digest) throws(ModelWriterError) {
    try model.check(expected)
    do throws(OutputError) {
      try file.finish()
    } catch {
      throw .output(error)
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

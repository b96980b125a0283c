internal import Checkpoints
package import Streaming
package import SystemPackage
internal import Tensors
internal import WeightCodec

/// Turns what comes over the line into a file: decoded in its place, from the first plane on.
///
/// The file grows beside its final place. At milestones a copy of it, the best model so far, appears
/// there, complete and loadable.
package struct ModelWriter: ~Copyable {
  private var file: OutputFile
  private var memory: MappedFile?
  private var model = IncomingModel(Manifest(kind: .file, name: [], entries: []), at: [])
  private var offsets: [Int] = []
  // Where the next element goes in the file, for each tensor that has the bytes of the open unit.
  private var targets: [Int] = []
  private let snapshots: SnapshotPolicy
  private var pace = SnapshotPace()
  /// Tensors that are complete.
  package var tensorCount: Int { model.tensorCount }
  /// Whether there is something to decode before anything else is taken.
  package var isBusy: Bool { model.isBusy }
  // Of the coded stream and of contents, so far.
  private var streamByteCount = 0

  /// Creates the output beside its final place.
  package init(_ path: FilePath, _ snapshots: SnapshotPolicy = .init()) throws(OutputError) {
    file = try OutputFile(path)
    self.snapshots = snapshots
  }

  package var partialPath: FilePath { file.partialPath }

  /// Lays the file out for a model; what an earlier sender left is void.
  ///
  /// What the model keeps of another one is there at once.
  mutating func begin(_ manifest: Manifest, _ holdings: Holdings? = nil) throws(ModelWriterError) {
    memory = nil
    pace = SnapshotPace()
    streamByteCount = 0
    let byteCount: Int
    var header: [UInt8] = []
    switch manifest.kind {
    case .file:
      offsets = [0]
      guard manifest.entries.count == 1 else { throw .incomplete }
      byteCount = manifest.entries[0].tensor.byteCount
    case .tensors:
      do throws(CheckpointError) {
        let layout = try SafetensorsLayout(tensors: manifest.entries.map(\.tensor))
        (offsets, byteCount, header) = (layout.dataOffsets, layout.byteCount, layout.header)
      } catch {
        throw .layout(error)
      }
    }
    model = IncomingModel(manifest, at: offsets)
    do throws(OutputError) {
      try file.allocate(byteCount: byteCount)
      if !header.isEmpty { try file.write(header, at: 0) }
      memory = try file.map(byteCount: byteCount)
    } catch {
      throw .output(error)
    }
    try holdings?.keep(of: manifest) { (index, bytes, digest) throws(OutputError) in
      try file.write(bytes, at: offsets[index])
      if let digest { model.keep(index, digest) }
    }
  }

  /// The output's place.
  var path: FilePath { file.path }

  // MARK: - Coded stream

  /// The next bytes of the coded stream.
  package mutating func appendCoded(_ bytes: Span<UInt8>) throws(ModelWriterError) {
    file.markWorthKeeping()
    streamByteCount += bytes.count
    try memory?.withMemory { (memory) throws(ModelWriterError) in
      try model.appendCoded(bytes, into: &memory)
    }
  }

  /// Goes on to decode, while `isBusy`.
  package mutating func decode() throws(ModelWriterError) {
    try memory?.withMemory { (memory) throws(ModelWriterError) in
      try model.decode(into: &memory)
    }
  }

  /// The codeword ends here.
  package mutating func endCodeword() throws(ModelWriterError) {
    try memory?.withMemory { (memory) throws(ModelWriterError) in
      try model.endCodeword(into: &memory)
    }
  }

  // MARK: - Contents

  /// A content begins, of a unit that fits the manifest.
  package mutating func begin(_ unit: Unit) throws(ModelWriterError) {
    try model.begin(unit)
    let (index, entries) = (unit.tensorIndex, model.manifest.entries)
    let sharing = entries.indices.filter { $0 == index || entries[$0].sharedWith == index }
    targets = sharing.map { offsets[$0] }
  }

  /// The next bytes of the content, as packed.
  package mutating func append(_ bytes: Span<UInt8>) throws(ModelWriterError) {
    streamByteCount += bytes.count
    let elements = try model.append(bytes)
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

  // MARK: - Models

  /// Puts the best model so far in the output's place, unless it was done too recently; true where it is
  /// there now.
  ///
  /// Where that fails nothing is lost, and it may be tried again.
  package mutating func takeSnapshot(
    _ occasion: SnapshotOccasion, _ tier: Milestone.Tier? = nil
  ) throws(OutputError) -> Bool {
    let start = MonotonicClock.now
    guard model.manifest.kind == .tensors, snapshots.isWanted,
      pace.allows(occasion, byteCount: streamByteCount, at: start)
    else { return false }
    copySharedTensors()
    let snapshot = Snapshot(model.manifest, snapshots, offsets)
    let state = Snapshot.State(
      tier: tier, knowledge: model.manifest.entries.indices.map { model.knowledge(of: $0) })
    defer { pace.note(from: start, to: MonotonicClock.now, byteCount: streamByteCount) }
    try memory?.withBytes { (bytes) throws(OutputError) in
      try snapshot.write(bytes, state, to: file.path)
    }
    return true
  }

  private mutating func copySharedTensors() {
    memory?.withMemory { memory in model.copySharedTensors(in: &memory) }
  }

  /// Checks the digest of the whole and puts the file in its place.
  package consuming func finish(_ expected: Digest) throws(ModelWriterError) {
    guard memory != nil else { throw .incomplete }
    copySharedTensors()
    try memory?.withMemory { (memory) throws(ModelWriterError) in
      try model.check(expected, memory.bytes)
    }
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

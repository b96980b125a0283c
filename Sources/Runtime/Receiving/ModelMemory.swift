internal import Streaming
internal import Tensors
internal import WeightCodec

/// A model as it comes, kept in memory: its tensors one behind the other.
///
/// Decodes at once all there is.
struct ModelMemory: ~Copyable {
  private var model: IncomingModel
  private var memory: [UInt8]
  // Where the next element of the open content goes.
  private var contentOffset = 0
  /// Where each tensor begins.
  let offsets: [Int]

  init(_ manifest: Manifest) {
    var offsets: [Int] = []
    var end = 0
    for entry in manifest.entries {
      offsets.append(end)
      end += entry.tensor.byteCount
    }
    self.offsets = offsets
    memory = Array(repeating: 0, count: end)
    model = IncomingModel(manifest, at: offsets)
  }

  /// Begins with what is kept of a base, and what differences are from.
  init(_ manifest: Manifest, from base: BaseModel?, _ digests: [Int: Digest]) throws {
    self.init(manifest)
    guard let base else { return }
    for (index, relation) in model.manifest.relations.enumerated() where relation != .plain {
      guard let place = base.tensor(like: model.manifest.entries[index].tensor) else { continue }
      let bytes = try base.withElements(of: place) { bytes in
        unsafe bytes.withUnsafeBytes { unsafe [UInt8]($0) }
      }
      memory.replaceSubrange(offsets[index]..<offsets[index] + bytes.count, with: bytes)
      if relation == .kept, let digest = digests[index] { model.keep(index, digest) }
    }
  }

  /// What is known of each element of each tensor.
  var knowledge: [String] { model.manifest.entries.indices.map { model.knowledge(of: $0) } }

  /// Calls `body` with all tensors, those that share bytes too.
  mutating func withBytes<R, E: Error>(_ body: (RawSpan) throws(E) -> R) throws(E) -> R {
    try withMemory { (model, memory) throws(E) in
      model.copySharedTensors(in: &memory)
      return try body(memory.bytes)
    }
  }

  mutating func begin(_ unit: Unit) throws(ModelWriterError) {
    try model.begin(unit)
    contentOffset = offsets[unit.tensorIndex]
  }

  mutating func append(_ bytes: Span<UInt8>) throws(ModelWriterError) {
    let elements = try model.append(bytes)
    memory.replaceSubrange(contentOffset..<contentOffset + elements.count, with: elements)
    contentOffset += elements.count
  }

  mutating func endUnit(_ expected: Digest) throws(ModelWriterError) {
    try model.endUnit(expected)
  }

  mutating func appendCoded(_ bytes: Span<UInt8>) throws(ModelWriterError) {
    try withMemory { (model, memory) throws(ModelWriterError) in
      try model.appendCoded(bytes, into: &memory)
      while model.isBusy { try model.decode(into: &memory) }
    }
  }

  mutating func endCodeword() throws(ModelWriterError) {
    try withMemory { (model, memory) throws(ModelWriterError) in
      try model.endCodeword(into: &memory)
      while model.isBusy { try model.decode(into: &memory) }
    }
  }

  mutating func check(_ expected: Digest) throws(ModelWriterError) {
    try withMemory { (model, memory) throws(ModelWriterError) in
      try model.check(expected, memory.bytes)
    }
  }

  private mutating func withMemory<R, E: Error>(
    _ body: (inout IncomingModel, inout MutableRawSpan) throws(E) -> R
  ) throws(E) -> R {
    // Out of this value, or the two could not be changed together.
    var bytes: [UInt8] = []
    swap(&bytes, &memory)
    defer { swap(&bytes, &memory) }
    var span = bytes.mutableSpan
    var raw = unsafe span.mutableBytes
    return try body(&model, &raw)
  }
}

internal import Streaming
internal import Tensors
internal import WeightCodec

/// A model as it comes over the line: the coded stream decoded into memory, in place; contents unpacked,
/// decoded and digested, portion by portion.
///
/// Where a tensor lies is the caller's business; `offsets` says where in the memory each begins.
struct IncomingModel: ~Copyable {
  private struct OpenUnit {
    let index: Int
    let inflate: ZlibBox?
    var decoder: ContentDecoder
    var hash = ContentDigest()
  }

  // Elements gone through in one call: some hundredths of a second, in which the line can wait.
  private static let workLimit = 1 << 21

  let manifest: Manifest
  private let offsets: [Int]
  private var digest: ModelDigest
  private var unit: OpenUnit?
  private var decoder: CodedStreamDecoder
  // The place of each tensor in the coded stream, and back.
  private let slots: [Int: Int]
  // Bytes of the coded stream that have come and are not decoded.
  private var coded: [UInt8] = []
  private var codedPosition = 0
  private var codewordEnds = false

  init(_ manifest: Manifest, at offsets: [Int]) {
    self.manifest = manifest
    self.offsets = offsets
    digest = ModelDigest(manifest)
    let (tensors, indices) = manifest.codedTensors
    decoder = CodedStreamDecoder(
      tensors, at: indices.map { offsets[$0] }, manifest.codec ?? .flat)
    var slots: [Int: Int] = [:]
    for (slot, index) in indices.enumerated() { slots[index] = slot }
    self.slots = slots
  }

  /// A tensor is there, since this end held it before.
  mutating func keep(_ index: Int, _ digest: Digest) {
    self.digest.note(digest, tensorIndex: index)
  }

  /// Tensors that are complete.
  var tensorCount: Int {
    var count = digest.contentCount
    for (index, slot) in slots where !digest.holds(index) && decoder.progress(of: slot).isExact {
      count += 1
    }
    return count
  }

  /// What is known of each element of a tensor, for people and programs: `exact`, `planes 5`,
  /// `mantissa 3` for short floats, `nothing`.
  func knowledge(of index: Int) -> String {
    let index = manifest.entries[index].sharedWith ?? index
    guard let slot = slots[index], !digest.holds(index) else { return "exact" }
    let progress = decoder.progress(of: slot)
    if progress.isExact { return "exact" }
    if let bits = progress.mantissaBits { return "mantissa \(bits)" }
    return progress.planeCount > 0 ? "planes \(progress.planeCount)" : "nothing"
  }

  /// Gives tensors that share their bytes what has come for them.
  func copySharedTensors(in memory: inout MutableRawSpan) {
    for (index, entry) in manifest.entries.enumerated() {
      guard let source = entry.sharedWith else { continue }
      let byteCount = entry.tensor.byteCount
      let from = offsets[source]..<offsets[source] + byteCount
      let to = offsets[index]..<offsets[index] + byteCount
      unsafe memory.withUnsafeMutableBytes { bytes in
        let part = unsafe UnsafeRawBufferPointer(rebasing: bytes[from])
        unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[to]).copyMemory(from: part)
      }
    }
  }

  // MARK: - Coded stream

  /// Takes the next bytes of the coded stream, and decodes as much as one call may.
  mutating func appendCoded(
    _ bytes: Span<UInt8>, into memory: inout MutableRawSpan
  ) throws(ModelWriterError) {
    coded.removeFirst(codedPosition)
    codedPosition = 0
    for index in bytes.indices { coded.append(bytes[index]) }
    try decode(into: &memory)
  }

  /// The codeword ends with what has come.
  mutating func endCodeword(into memory: inout MutableRawSpan) throws(ModelWriterError) {
    guard manifest.codec != nil, codedHasBegun else { return }
    codewordEnds = true
    try decode(into: &memory)
  }

  /// Whether there is something to decode before anything else is taken.
  private(set) var isBusy = false
  private var codedHasBegun = false

  /// Goes on to decode.
  mutating func decode(into memory: inout MutableRawSpan) throws(ModelWriterError) {
    codedHasBegun = codedHasBegun || !coded.isEmpty
    // Out of this value while the decoder, another part of it, works.
    let bytes = coded
    var position = codedPosition
    defer { codedPosition = position }
    do throws(CodedStreamError) {
      let outcome = try decoder.decode(
        bytes.span, at: &position, isLast: codewordEnds, workLimit: Self.workLimit, into: &memory)
      isBusy = outcome == .isBusy
      guard outcome == .hasEnded else { return }
      codewordEnds = false
      codedHasBegun = false
      coded = []
      position = 0
    } catch {
      throw .codedStream(error)
    }
  }

  // MARK: - Contents

  /// A content begins, of a unit that fits the manifest.
  mutating func begin(_ unit: Unit) throws(ModelWriterError) {
    let index = unit.tensorIndex
    let isCoded = slots[index].map { decoder.progress(of: $0) != TensorProgress() } ?? false
    guard !digest.holds(index), !isCoded else { throw .incomplete }
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

  // MARK: - End

  /// All is there: checks the digest of the whole, of coded tensors over what the memory holds.
  mutating func check(_ expected: Digest, _ memory: RawSpan) throws(ModelWriterError) {
    for (index, slot) in slots where !digest.holds(index) {
      guard decoder.progress(of: slot) != TensorProgress() else { throw .incomplete }
      let range = offsets[index]..<offsets[index] + manifest.entries[index].tensor.byteCount
      var hash = ContentDigest()
      let part = memory.extracting(range)
      unsafe part.withUnsafeBytes { unsafe hash.update($0) }
      digest.note(hash.finish(), tensorIndex: index)
    }
    guard let model = digest.finish() else { throw .incomplete }
    guard model == expected else { throw .digest(tensor: nil) }
  }
}

internal import Checkpoints
internal import LinkLayer
internal import Streaming
internal import SystemPackage
package import Tensors
internal import WeightCodec

/// What is put in the output's place before the model is complete.
package struct SnapshotPolicy: Equatable, Sendable {
  /// Whether anything is.
  package var isWanted: Bool
  /// What float tensors are written as; nil for their own type.
  package var dtype: DType?

  package init(isWanted: Bool = true, dtype: DType? = nil) {
    self.isWanted = isWanted
    self.dtype = dtype
  }
}

/// Why a snapshot is taken.
package enum SnapshotOccasion: Equatable, Sendable {
  /// All of the model has come so far.
  case milestone
  /// Time has passed.
  case tick
  /// Nothing more will come.
  case last
}

/// Keeps what snapshots cost within a tenth of the time, and their number within some dozens.
struct SnapshotPace {
  private static let restFactor: Int64 = 9
  // Between snapshots that no milestone asks for: a second, and a quarter more of the stream.
  private static let interval = Interval.seconds(1)
  private static let growth = 1.25

  private var next: Instant?
  private var last: (time: Instant, byteCount: Int)?

  func allows(_ occasion: SnapshotOccasion, byteCount: Int, at now: Instant) -> Bool {
    if occasion == .last { return byteCount > last?.byteCount ?? 0 }
    if let next, now < next { return false }
    guard occasion == .tick else { return true }
    guard let last else { return false }
    return now - last.time >= Self.interval
      && Double(byteCount) >= Self.growth * Double(last.byteCount)
  }

  mutating func note(from start: Instant, to end: Instant, byteCount: Int) {
    next = end + Interval(microseconds: (end - start).microseconds * Self.restFactor)
    last = (end, byteCount)
  }
}

/// A model as far as it has come, as a safetensors file of its own.
struct Snapshot {
  private let manifest: Manifest
  private let policy: SnapshotPolicy
  private let offsets: [Int]

  init(_ manifest: Manifest, _ policy: SnapshotPolicy, _ offsets: [Int]) {
    self.manifest = manifest
    self.policy = policy
    self.offsets = offsets
  }

  /// What a file says of itself that is no complete model: the milestone that it has reached, and of each
  /// tensor what is known.
  struct State {
    var tier: Milestone.Tier?
    var knowledge: [String]
  }

  /// Writes it beside its place and renames it; a model without a state is complete.
  func write(_ memory: RawSpan, _ state: State?, to path: FilePath) throws(OutputError) {
    var file = try OutputFile(path, suffix: ".snapshot", isTemporary: true)
    let tensors = manifest.entries.map { stored($0.tensor) }
    let metadata = state.map { self.metadata($0) } ?? []
    // The manifest has been laid out before: what can be too much for a header is the metadata, or next
    // to it the names of other types.
    let layout =
      (try? SafetensorsLayout(tensors: tensors, metadata: metadata))
      ?? (try? SafetensorsLayout(tensors: tensors))
    guard let layout else {
      throw OutputError(operation: .write, path: path, errno: .fileTooLarge)
    }
    try file.allocate(byteCount: layout.byteCount)
    try file.write(layout.header, at: 0)
    for (index, entry) in manifest.entries.enumerated() {
      let range = offsets[index]..<offsets[index] + entry.tensor.byteCount
      let part = memory.extracting(range)
      let target = layout.dataOffsets[index]
      if tensors[index].dtype == entry.tensor.dtype {
        try file.write(part, at: target)
      } else {
        try file.write(
          Self.convert(part, from: entry.tensor.dtype, to: tensors[index].dtype), at: target)
      }
    }
    try file.finish(isDurable: false)
  }

  /// What the file of a model says of itself that has not come to its end.
  static let partialMark = (key: "wtserial.state", value: "partial")

  private func metadata(_ state: State) -> [(String, String)] {
    var metadata = [Self.partialMark]
    if let tier = state.tier {
      metadata.append(("wtserial.milestone", "\(Milestone(tier).name)"))
    }
    for (entry, text) in zip(manifest.entries, state.knowledge) {
      metadata.append(("wtserial.bits.\(entry.tensor.name)", text))
    }
    return metadata
  }

  private func stored(_ tensor: TensorDescriptor) -> TensorDescriptor {
    guard let dtype = policy.dtype, tensor.dtype.isQuantizable else { return tensor }
    return TensorDescriptor(name: tensor.name, dtype: dtype, shape: tensor.shape) ?? tensor
  }

  private static func convert(_ bytes: RawSpan, from: DType, to: DType) -> [UInt8] {
    let (size, width) = (from.byteCount, to.byteCount)
    var output: [UInt8] = []
    output.reserveCapacity(bytes.byteCount / size * width)
    for start in stride(from: 0, to: bytes.byteCount, by: size) {
      var bits: UInt64 = 0
      for place in (0..<size).reversed() {
        let byte = unsafe bytes.unsafeLoad(fromByteOffset: start + place, as: UInt8.self)
        bits = bits << 8 | UInt64(byte)
      }
      let result = FloatBits.bits(FloatBits.value(bits, from), to)
      for place in 0..<width {
        output.append(UInt8(truncatingIfNeeded: result >> UInt64(8 * place)))
      }
    }
    return output
  }
}

internal import Checkpoints
internal import Streaming
internal import Tensors
internal import WeightCodec

/// The digests of a model's tensors as a receiver will have them, and what identifies the stream that brings
/// them there.
struct FinalDigests: Sendable {
  let manifest: Manifest
  // Of each tensor, as it is sent.
  fileprivate let sent: [Digest]
  /// Of each tensor of the manifest, as the receiver will have it; nil for one that comes as something else
  /// than its elements.
  let digests: [Digest?]
  /// Planes of those of which the receiver will have no more, by their indices.
  let planeCounts: [Int: Int]

  /// What the model is known by at a receiver that has all of it: as FINISH says, and as a file of its own
  /// tells; empty where that is not known before the end.
  var models: [Digest] {
    let known = digests.compactMap(\.self)
    guard known.count == digests.count else { return [] }
    var model = ModelDigest(manifest)
    for (index, digest) in known.enumerated() { model.note(digest, tensorIndex: index) }
    return [model.finish(), ModelDigest.ofFile(manifest, known)].compactMap(\.self)
  }

  /// Those that are known, by the tensors' indices.
  var known: [Int: Digest] {
    var known: [Int: Digest] = [:]
    for (index, digest) in digests.enumerated() { known[index] = digest }
    return known
  }

  /// Where tensors are, by all that is said of them.
  var places: [TensorDescriptor: Int] {
    var places: [TensorDescriptor: Int] = [:]
    for (index, entry) in manifest.entries.enumerated() { places[entry.tensor] = index }
    return places
  }

  /// The names of the tensors with content.
  var contentNames: [String] {
    manifest.entries.filter(\.hasContent).map { $0.tensor.name.description }
  }

  /// By what the receiver recognizes the tensors with content.
  var prefixes: [DigestPrefix] {
    manifest.entries.indices.filter { manifest.entries[$0].hasContent }
      .map { digests[$0].map(DigestPrefix.init) ?? .unknown }
  }

  /// What identifies the stream of a plan for the same tensors: all that its bytes follow from.
  func identity(of plan: TransferPlan) -> StreamIdentity {
    var hash = ContentDigest()
    hash.update(Array("wtserial stream 1".utf8).span)
    var manifest = plan.manifest
    manifest.terms.identity = nil
    manifest.terms.goesOn = false
    hash.update(manifest.encoded().span)
    for digest in sent { hash.update(digest.bytes.span) }
    for step in plan.steps { hash.update(step.action.code.span) }
    return StreamIdentity(hash.finish().bytes)
  }
}

/// Computes the digests of a model's tensors portion by portion, for the line does not wait.
struct DigestWork {
  // Bytes of a tensor that are gone through in one call: some hundredths of a second.
  private static let portionByteCount = 1 << 23

  private let source: ModelSource
  private let plan: TransferPlan
  private let ends: [Int: TensorEnd]
  private var index = 0
  private var offset = 0
  private var hash = ContentDigest()
  private var sent: [Digest] = []
  private var digests: [Digest?] = []

  init(_ source: ModelSource, _ model: ModelPlan) {
    self.source = source
    plan = model.plan
    ends = TensorEnd.all(in: model.plan)
  }

  /// Whether all are known.
  var isComplete: Bool { index == plan.manifest.entries.count }

  /// The digests, once it is.
  var result: FinalDigests {
    FinalDigests(
      manifest: plan.manifest, sent: sent, digests: digests,
      planeCounts: ends.compactMapValues(\.planeCount))
  }

  /// Goes on by a portion.
  ///
  /// - Throws: what reading the checkpoint throws.
  mutating func advance() throws {
    guard !isComplete else { return }
    let entry = plan.manifest.entries[index]
    guard entry.sharedWith == nil else { return note(sent[entry.sharedWith ?? 0]) }
    // One that is edited is made anew for each use, and is not cut in portions.
    let isWhole = source.isEdited(entry.tensor)
    let end =
      isWhole ? entry.tensor.byteCount : min(offset + Self.portionByteCount, entry.tensor.byteCount)
    if isWhole {
      hash = try source.withElements(of: index) { Self.hash(of: $0) }
    } else if offset < end {
      var hash = hash
      try source.checkpoint.withBytes(of: index, offset..<end) { bytes in
        unsafe bytes.withUnsafeBytes { unsafe hash.update($0) }
      }
      self.hash = hash
    }
    offset = end
    if end == entry.tensor.byteCount { note(hash.finish()) }
  }

  private mutating func note(_ digest: Digest) {
    sent.append(digest)
    let source = plan.manifest.entries[index].sharedWith ?? index
    switch ends[source] ?? .exact {
    case .exact: digests.append(digest)
    case .cut(let planeCount): digests.append(cutDigest(of: source, planeCount))
    case .other: digests.append(nil)
    }
    (index, offset, hash) = (index + 1, 0, ContentDigest())
  }

  private func cutDigest(of index: Int, _ planeCount: Int) -> Digest? {
    try? source.withElements(of: index, cutTo: planeCount) { Self.hash(of: $0).finish() }
  }

  private static func hash(of bytes: RawSpan) -> ContentDigest {
    var hash = ContentDigest()
    unsafe bytes.withUnsafeBytes { unsafe hash.update($0) }
    return hash
  }
}

/// What becomes of a tensor in the end.
private enum TensorEnd {
  case exact
  /// So many planes of it.
  case cut(planeCount: Int)
  /// Something else than elements is digested, as codes with their scales.
  case other

  var planeCount: Int? {
    if case .cut(let planeCount) = self { planeCount } else { nil }
  }

  static func all(in plan: TransferPlan) -> [Int: TensorEnd] {
    let (tensors, indices) = plan.manifest.codedTensors
    var progress: [Int: TensorProgress] = [:]
    var ends: [Int: TensorEnd] = [:]
    let grids = Dictionary(uniqueKeysWithValues: zip(indices, tensors.map(\.grid)))
    for step in plan.steps {
      switch step.action {
      case .pass(let pass, let index):
        progress[index, default: TensorProgress()].note(pass, grids[index] ?? nil)
      case .content(let unit):
        ends[unit.tensorIndex] = unit.representation == .exact ? .exact : .other
      case .milestone: break
      }
    }
    for (index, progress) in progress {
      ends[index] = progress.isExact ? .exact : .cut(planeCount: progress.planeCount)
    }
    return ends
  }
}

extension PlanStep.Action {
  /// A few bytes that are those of no other step.
  fileprivate var code: [UInt8] {
    switch self {
    case .pass(let pass, let index): [1] + pass.code + Array("\(index);".utf8)
    case .content(let unit): [2] + unit.encoded()
    case .milestone(let milestone): [3] + milestone.encoded()
    }
  }
}

extension Pass {
  fileprivate var code: [UInt8] {
    switch self {
    case .significance: [0, 0]
    case .refinement: [1, 0]
    case .mantissa(let bits): [2, UInt8(bits)]
    case .bytes(let asDifferences): [3, asDifferences ? 1 : 0]
    }
  }
}

package import Checkpoints
package import Streaming
internal import Tensors
package import WeightCodec

/// Surveys a model and plans it: what is needed to send it, within a second for a hundred megabytes.
package struct ModelPlan: Sendable {
  package internal(set) var plan: TransferPlan
  /// Of each tensor in planes: what its encoder has to know.
  let heads: [Int: TensorHead]
  /// Of tensors that come as differences: what is added to their bases first.
  let updates: [Int: LowRankUpdate]
  /// What was asked for, as the receiver allows it.
  let policy: SendPolicy
  /// The terms that were asked for: `plan` has those that were found best.
  let terms: OfferTerms
  /// The digests of tensors as the receiver will have them, as far as they are known beforehand: of those
  /// that it keeps, at least.
  var digests: [Int: Digest] = [:]

  /// Plans for a receiver; without one, for the richest.
  ///
  /// The terms say what is known there already; of tensors that may come as differences from the base, those
  /// do that take less so.
  init(
    _ source: ModelSource, named name: String, _ policy: SendPolicy, for info: ReceiverInfo? = nil,
    _ terms: OfferTerms, from base: BaseModel?
  ) throws {
    let info =
      info ?? ReceiverInfo(compressions: Compression.allCases, byteCountLimit: nil, name: [])
    let (policy, variant) = policy.adapted(to: info)
    self.policy = policy
    self.terms = terms
    var manifest = Manifest(source.checkpoint, named: name, codec: variant)
    manifest.terms = terms
    switch policy.codec {
    case .plain(let plain):
      plan = TransferPlan(manifest, plain, try Self.contentFacts(source, manifest, plain))
      heads = [:]
      updates = [:]
    case .planes(let progressive):
      var surveyor = try Surveyor(source, manifest, policy, info, base)
      let facts = try surveyor.facts()
      manifest.terms.relations = surveyor.relations
      plan = TransferPlan(manifest, facts, progressive)
      heads = surveyor.heads
      updates = surveyor.updates
    }
  }

  /// Plans for the richest receiver that holds an earlier version.
  package init(
    _ source: ModelSource, named name: String, _ policy: SendPolicy, from earlier: Checkpoint
  ) throws {
    let base = try BaseModel(of: earlier, policy)
    var work = DigestWork(source, try ModelPlan(source, named: name, policy))
    while !work.isComplete { try work.advance() }
    let digests = work.result
    var terms = OfferTerms()
    terms.relations = base.relations(
      of: digests.manifest, digests.digests, allowingDifferences: policy.takesDifferences)
    if terms.relations.allSatisfy({ $0 == .plain }) { terms.relations = [] }
    terms.base = terms.relations.isEmpty ? nil : base.digest
    try self.init(source, named: name, policy, terms, from: base)
    self.digests = digests.known
  }

  /// Plans for a receiver that holds nothing; without one, for the richest.
  package init(
    _ source: ModelSource, named name: String, _ policy: SendPolicy, for info: ReceiverInfo? = nil
  ) throws {
    try self.init(source, named: name, policy, for: info, OfferTerms(), from: nil)
  }
}

extension ModelPlan {
  /// What whole contents take, and how far off the values of large tensors will be.
  private static func contentFacts(
    _ source: ModelSource, _ manifest: Manifest, _ policy: PlainPolicy
  ) throws -> [Int: ContentFacts] {
    var facts: [Int: ContentFacts] = [:]
    for index in manifest.arriving {
      let tensor = manifest.entries[index].tensor
      let unit = Unit(
        tensorIndex: index, representation: policy.representation(for: tensor),
        compression: policy.compression)
      if unit.representation == .exact && unit.compression == .none { continue }
      facts[index] = try source.withElements(of: index) { bytes in
        try ContentTrial(bytes, tensor).facts(unit)
      }
    }
    return facts
  }
}

extension Manifest {
  /// The manifest of a checkpoint.
  package init(_ checkpoint: Checkpoint, named name: String, codec: CodecVariant? = nil) {
    self.init(
      kind: checkpoint.format == .opaque ? .file : .tensors, codec: codec, name: Array(name.utf8),
      entries: checkpoint.tensors.map { Entry($0.descriptor, sharedWith: $0.sharedWith) })
  }
}

/// Learns what the planner has to know.
private struct Surveyor {
  // Elements of a tensor that are coded to see what rows and columns tell.
  private static let sampleCount = 1 << 13

  private let source: ModelSource
  private let manifest: Manifest
  private let policy: SendPolicy
  private let info: ReceiverInfo
  private let base: BaseModel?
  private var sampler: PassSampler
  // By index.
  private var relationsByIndex: [TensorRelation]
  private(set) var heads: [Int: TensorHead] = [:]
  private(set) var updates: [Int: LowRankUpdate] = [:]

  init(
    _ source: ModelSource, _ manifest: Manifest, _ policy: SendPolicy, _ info: ReceiverInfo,
    _ base: BaseModel?
  ) throws {
    self.base = base
    relationsByIndex = manifest.relations
    self.source = source
    self.manifest = manifest
    self.policy = policy
    self.info = info
    sampler = PassSampler(manifest.codec ?? .flat, elementCount: Self.sampleCount)
  }

  mutating func facts() throws -> [Int: TensorFacts] {
    var facts: [Int: TensorFacts] = [:]
    for index in manifest.arriving {
      let tensor = manifest.entries[index].tensor
      let weight = policy.weight(
        of: tensor.name.description, elementCount: tensor.shape.elementCount)
      facts[index] = TensorFacts(try way(index, tensor), weight: weight)
    }
    return facts
  }

  /// How tensors with content relate to the base, as was found best; empty where none does.
  var relations: [TensorRelation] {
    let all = manifest.entries.indices.filter { manifest.entries[$0].hasContent }
      .map { relationsByIndex[$0] }
    return all.contains { $0 != .plain } ? all : []
  }

  /// What differs from the base, if that takes less than the tensor itself.
  private mutating func way(
    _ index: Int, _ tensor: TensorDescriptor
  ) throws -> TensorFacts.Way {
    let plain = try plainWay(index, tensor)
    guard relationsByIndex[index] == .difference, let base,
      let place = base.tensor(like: tensor)
    else { return plain }
    let difference = try source.withElements(of: index) { bytes in
      try base.source.withElements(of: place) { try differenceWay(index, tensor, bytes, $0) }
    }
    guard let difference, difference.byteCount < plain.byteCount else {
      relationsByIndex[index] = .plain
      return plain
    }
    if case .difference(let survey, let update) = difference {
      heads[index] = survey.head
      updates[index] = update
    }
    return difference
  }

  private func differenceWay(
    _ index: Int, _ tensor: TensorDescriptor, _ bytes: RawSpan, _ base: RawSpan
  ) throws -> TensorFacts.Way? {
    if let grid = TensorGrid(tensor) {
      return differenceWay(bytes, base, grid, manifest.codec ?? .flat)
    }
    let size = tensor.dtype.byteCount
    let trial = WholeTrial(differenceOf: bytes, from: base, elementByteCount: size)
    guard
      case (.coded(let asDifferences), let byteCount) = try trial.best(
        canCode: true, canDeflate: false)
    else { return nil }
    return .whole(
      .pass(.bytes(asDifferences: asDifferences), tensorIndex: index), byteCount: byteCount)
  }

  /// With an update, if one is found that pays.
  private func differenceWay(
    _ bytes: RawSpan, _ base: RawSpan, _ grid: TensorGrid, _ codec: CodecVariant
  ) -> TensorFacts.Way {
    let plain = DifferenceSurvey(bytes, from: base, grid, codec)
    guard codec == .lines, let update = LowRankUpdate(from: base, to: bytes, grid) else {
      return .difference(plain, nil)
    }
    let updated = update.applied(to: base, grid)
    let survey = unsafe DifferenceSurvey(bytes, from: updated.span.bytes, grid, codec)
    let (with, without) = (
      Double(update.bitCount) + survey.bitCount(planes: survey.bestPlaneCount),
      plain.bitCount(planes: plain.bestPlaneCount)
    )
    return with < without ? .difference(survey, update) : .difference(plain, nil)
  }

  private mutating func plainWay(
    _ index: Int, _ tensor: TensorDescriptor
  ) throws -> TensorFacts.Way {
    guard let grid = TensorGrid(tensor), !(isForPlanesOnly && PlainPolicy.isSmall(tensor)) else {
      return try wholeWay(index, tensor, isContent: isForPlanesOnly)
    }
    let (survey, scales) = try source.withElements(of: index) { bytes in
      let survey = TensorSurvey(bytes, grid)
      return (survey, sampler.scales(bytes, survey))
    }
    heads[index] = survey.head
    return .planes(survey, scales)
  }

  private var isForPlanesOnly: Bool {
    if case .planes(let progressive) = policy.codec { return progressive.codesPlanesOnly }
    return false
  }

  /// The smallest of what a tensor may be sent as that does not go in planes, or as a content.
  private func wholeWay(
    _ index: Int, _ tensor: TensorDescriptor, isContent: Bool = false
  ) throws -> TensorFacts.Way {
    try source.withElements(of: index) { bytes in
      let trial = WholeTrial(bytes, elementByteCount: tensor.dtype.byteCount)
      let content = { (compression: Compression) in
        PlanStep.Action.content(
          Unit(tensorIndex: index, representation: .exact, compression: compression))
      }
      let (choice, byteCount) = try trial.best(
        canCode: !isContent, canDeflate: info.takes(.deflate))
      switch choice {
      case .coded(let asDifferences):
        return .whole(
          .pass(.bytes(asDifferences: asDifferences), tensorIndex: index), byteCount: byteCount)
      case .deflate: return .whole(content(.deflate), byteCount: byteCount)
      case .none: return .whole(content(.none), byteCount: byteCount)
      }
    }
  }
}

extension TensorFacts.Way {
  /// The bytes that all of the tensor takes, about.
  fileprivate var byteCount: Double {
    switch self {
    case .planes(let survey, _):
      let whole = Pass.mantissa(bits: survey.grid.format.mantissaBits)
      var progress = TensorProgress()
      progress.begin(topLevel: survey.head.topLevel)
      return PassSizes(survey).bitCount(of: whole, after: progress) / 8
    case .difference(let survey, let update):
      return (survey.bitCount(planes: survey.bestPlaneCount) + Double(update?.bitCount ?? 0)) / 8
    case .whole(_, let byteCount): return byteCount
    }
  }
}

extension LowRankUpdate {
  /// A base with the update added.
  func applied(to base: RawSpan, _ grid: TensorGrid) -> [UInt8] {
    var copy = unsafe base.withUnsafeBytes { unsafe [UInt8]($0) }
    var span = copy.mutableSpan
    var memory = unsafe span.mutableBytes
    apply(to: &memory, grid)
    return copy
  }
}

package import Checkpoints
package import Streaming
internal import Tensors
package import WeightCodec

/// Surveys a model and plans it: what is needed to send it, within a second for a hundred megabytes.
package struct ModelPlan: Sendable {
  package internal(set) var plan: TransferPlan
  /// Of each tensor in planes: what its encoder has to know.
  let heads: [Int: TensorHead]
  /// What was asked for, as the receiver allows it.
  let policy: SendPolicy
  /// The digests of tensors as the receiver will have them, as far as they are known beforehand: of those
  /// that it keeps, at least.
  var digests: [Int: Digest] = [:]

  /// Plans for a receiver; without one, for the richest.
  ///
  /// The terms say what is known there already.
  package init(
    _ source: ModelSource, named name: String, _ policy: SendPolicy, for info: ReceiverInfo? = nil,
    _ terms: OfferTerms = OfferTerms()
  ) throws {
    let info =
      info ?? ReceiverInfo(compressions: Compression.allCases, byteCountLimit: nil, name: [])
    let (policy, variant) = policy.adapted(to: info)
    self.policy = policy
    var manifest = Manifest(source.checkpoint, named: name, codec: variant)
    manifest.terms = terms
    switch policy.codec {
    case .plain(let plain):
      plan = TransferPlan(manifest, plain, try Self.contentFacts(source, manifest, plain))
      heads = [:]
    case .planes(let progressive):
      var surveyor = try Surveyor(source, manifest, policy, info)
      let facts = try surveyor.facts()
      plan = TransferPlan(manifest, facts, progressive)
      heads = surveyor.heads
    }
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
  private var sampler: PassSampler
  private(set) var heads: [Int: TensorHead] = [:]

  init(
    _ source: ModelSource, _ manifest: Manifest, _ policy: SendPolicy, _ info: ReceiverInfo
  ) throws {
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

  private mutating func way(_ index: Int, _ tensor: TensorDescriptor) throws -> TensorFacts.Way {
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

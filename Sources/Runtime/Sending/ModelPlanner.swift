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
      // Where nothing builds on it, a base is none: it comes with relations only.
      if surveyor.relations.isEmpty { (manifest.terms.base, manifest.terms.order) = (nil, []) }
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
    let terms = base.terms(
      of: digests.manifest,
      base.relations(
        of: digests.manifest, digests.digests, allowingDifferences: policy.takesDifferences),
      numbersTensors: true)
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

internal import Checkpoints
internal import Streaming

/// What a session sends: a model as it is planned for the receiver at hand, and its stream.
struct OutgoingModel {
  /// Whose plan and stream that is.
  private enum Origin {
    /// The session's own, made of this.
    case own(ModelSource, usesThread: Bool)
    /// That of all sessions that send the same.
    case shared(PreparedModel)
  }

  private let origin: Origin
  private let name: String
  let policy: SendPolicy
  /// For the richest receiver, until there is one.
  var model: ModelPlan

  /// Surveys a model that no other session sends.
  ///
  /// - Throws: what reading the checkpoint throws.
  init(
    _ checkpoint: Checkpoint, named name: String, _ policy: SendPolicy, usesThread: Bool
  ) throws {
    let source = ModelSource(checkpoint, policy)
    origin = .own(source, usesThread: usesThread)
    (self.name, self.policy) = (name, policy)
    model = try ModelPlan(source, named: name, policy)
  }

  /// Takes what other sessions send, too.
  init(_ prepared: PreparedModel) {
    origin = .shared(prepared)
    (name, policy, model) = (prepared.name, prepared.policy, prepared.model)
  }

  /// Plans for a receiver, and begins to find out what it needs.
  mutating func preparation(
    for info: ReceiverInfo, _ library: BaseLibrary
  ) throws -> OfferPreparation {
    switch origin {
    case .shared(let prepared):
      let (model, digests) = try prepared.digests(for: info)
      self.model = model
      return OfferPreparation(digests, for: info, policy, library)
    case .own(let source, _):
      try adapt(source, to: info, OfferTerms())
      return OfferPreparation(DigestWork(source, model), for: info, policy, library)
    }
  }

  /// Plans on these terms, and makes the stream from its beginning.
  mutating func stream(
    for info: ReceiverInfo, _ terms: OfferTerms, from base: BaseModel?, _ digests: [Int: Digest]
  ) throws -> Feeder {
    switch origin {
    case .shared(let prepared):
      let (model, feeder) = try prepared.prepared(for: info, terms, from: base, digests)
      self.model = model
      return feeder
    case .own(let source, let usesThread):
      try adapt(source, to: info, terms, from: base)
      model.digests = digests
      return Feeder(ModelStream(source, model, from: base), usesThread: usesThread)
    }
  }

  private mutating func adapt(
    _ source: ModelSource, to info: ReceiverInfo, _ terms: OfferTerms, from base: BaseModel? = nil
  ) throws {
    let (adapted, variant) = policy.adapted(to: info)
    guard
      adapted != model.policy || variant != model.plan.manifest.codec
        || terms != model.terms
    else { return }
    model = try ModelPlan(source, named: name, policy, for: info, terms, from: base)
  }
}

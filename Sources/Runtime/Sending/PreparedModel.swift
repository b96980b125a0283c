package import Checkpoints
internal import Streaming
internal import Synchronization
internal import WeightCodec

/// A model that several sessions send, each on a thread of its own: surveyed, planned and encoded once for
/// all receivers that get the same.
///
/// The encoded stream is kept in memory, since a session may begin at any time; it is shorter than the
/// model. A receiver that gets something else, as a device that takes other planes, has a plan and a stream
/// of its own, with all that are like it.
package final class PreparedModel: Sendable {
  /// What one kind of receiver gets.
  ///
  /// A stream reads its checkpoint on a thread of its own, and nobody else reads that one.
  private struct Variant: Sendable {
    let model: ModelPlan
    let takesDeflate: Bool
    let stream: BackgroundStream
  }

  package let name: String
  package let policy: SendPolicy
  /// As it is planned for the richest receiver.
  let model: ModelPlan
  private let open: @Sendable () throws -> Checkpoint
  // Locked while a plan is made: who wants the same waits for it.
  private let variants = Mutex<[Variant]>([])
  private let digested = Mutex<[(model: ModelPlan, digests: FinalDigests)]>([])

  /// Surveys the model that `open` opens, anew for each kind of receiver.
  ///
  /// - Throws: what opening and reading the checkpoint throw.
  package init(
    named name: String, _ policy: SendPolicy,
    opening open: @escaping @Sendable () throws -> Checkpoint
  ) throws {
    self.name = name
    self.policy = policy
    self.open = open
    model = try ModelPlan(ModelSource(try open(), policy), named: name, policy)
  }

  /// The plan for a receiver of which nothing else is known, and the digests of what it gets.
  func digests(for info: ReceiverInfo) throws -> (ModelPlan, FinalDigests) {
    try digested.withLock { digested in
      let (adapted, codec) = policy.adapted(to: info)
      let found = digested.first {
        $0.model.policy == adapted && $0.model.plan.manifest.codec == codec
      }
      if let found { return (found.model, found.digests) }
      let source = ModelSource(try open(), policy)
      let model = try ModelPlan(source, named: name, policy, for: info)
      var work = DigestWork(source, model)
      while !work.isComplete { try work.advance() }
      digested.append((model, work.result))
      return (model, work.result)
    }
  }

  /// The plan for a receiver that holds something, and the stream from its beginning.
  ///
  /// `digests` are those of the tensors as it will have them, as far as they are known.
  func prepared(
    for info: ReceiverInfo, _ terms: OfferTerms, from base: BaseModel?, _ digests: [Int: Digest]
  ) throws -> (ModelPlan, Feeder) {
    let variant = try variants.withLock { variants in
      let (adapted, codec) = policy.adapted(to: info)
      let takesDeflate = info.takes(.deflate)
      let found = variants.first {
        $0.model.policy == adapted && $0.model.plan.manifest.codec == codec
          && $0.takesDeflate == takesDeflate
          && $0.model.terms == terms
      }
      if let found { return found }
      let source = ModelSource(try open(), policy)
      var model = try ModelPlan(source, named: name, policy, for: info, terms, from: base)
      model.digests = digests
      let stream = BackgroundStream(ModelStream(source, model, from: base), keepsPieces: true)
      let variant = Variant(model: model, takesDeflate: takesDeflate, stream: stream)
      variants.append(variant)
      return variant
    }
    return (variant.model, Feeder(sharing: variant.stream))
  }

  /// Ends the encoders; to be called when all sessions have ended.
  package func stop() {
    variants.withLock { variants in
      for variant in variants { variant.stream.stop() }
    }
  }
}

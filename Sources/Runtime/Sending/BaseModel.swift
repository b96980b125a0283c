internal import Checkpoints
internal import Streaming
package import SystemPackage
internal import Tensors

/// An earlier model that the receiver holds and this end can read, too.
struct BaseModel {
  /// What the receiver knows it by.
  let digest: Digest
  private let source: ModelSource
  private let places: [TensorDescriptor: Int]
  private let digests: [Digest?]
  private let manifest: Manifest
  private let planeCounts: [Int: Int]

  init(_ digest: Digest, _ source: ModelSource, _ digests: FinalDigests) {
    self.digest = digest
    self.source = source
    self.digests = digests.digests
    manifest = digests.manifest
    planeCounts = digests.planeCounts
    places = digests.places
  }

  /// A model as it would be known by a receiver that was sent it with this policy.
  init(of checkpoint: Checkpoint, _ policy: SendPolicy) throws {
    let source = ModelSource(checkpoint, policy)
    var work = DigestWork(source, try ModelPlan(source, named: "", policy))
    while !work.isComplete { try work.advance() }
    self.init(work.result.models.last ?? .none, source, work.result)
  }

  /// The tensor with this name, dtype and shape; nil where there is none.
  func tensor(like tensor: TensorDescriptor) -> Int? { places[tensor] }

  /// Calls `body` with all bytes of a tensor as the receiver has them.
  func withElements<R>(of place: Int, _ body: (RawSpan) throws -> R) throws -> R {
    try source.withElements(of: place, cutTo: planeCounts[place], body)
  }

  /// Whether it has more of these tensors than those that are called the same there.
  func holdsMore(of new: FinalDigests) -> Bool {
    let all = Set(digests.compactMap(\.self))
    let manifest = new.manifest
    let relations = relations(of: manifest, new.digests, allowingDifferences: false)
    let there = manifest.entries.indices.filter { manifest.entries[$0].hasContent }
      .filter { new.digests[$0].map(all.contains) ?? false }
    return there.count > relations.count { $0 == .kept }
  }

  /// What an offer says of a model that builds on this one.
  ///
  /// Its tensors are told by numbers where a receiver takes these. Nothing is said where nothing is built
  /// on: then this end need not have the base to go on later.
  func terms(
    of manifest: Manifest, _ relations: [TensorRelation], numbersTensors: Bool
  ) -> OfferTerms {
    var terms = OfferTerms()
    guard relations.contains(where: { $0 != .plain }) else { return terms }
    (terms.base, terms.relations) = (digest, relations)
    if numbersTensors { terms.order = BaseTensors(digest, self.manifest).order(of: manifest) ?? [] }
    return terms
  }

  /// Relates tensors to those of the model: kept where they are the same, differences where they may be.
  ///
  /// `digests` are those of the manifest's tensors, as the receiver will have them.
  func relations(
    of manifest: Manifest, _ digests: [Digest?], allowingDifferences: Bool
  ) -> [TensorRelation] {
    manifest.entries.indices.filter { manifest.entries[$0].hasContent }.map { index in
      guard let place = tensor(like: manifest.entries[index].tensor),
        let old = self.digests[place], let new = digests[index]
      else { return .plain }
      if old == new { return .kept }
      return allowingDifferences ? .difference : .plain
    }
  }
}

/// Where earlier models are looked for.
package struct BaseLibrary: Sendable {
  private let path: FilePath?
  private let cache: ModelCache?

  /// Looks for a file that a user has named, and among those that were sent before; nil for nothing.
  package init(path: FilePath? = nil, cache: ModelCache? = nil) {
    (self.path, self.cache) = (path, cache)
  }

  /// Whether a user has named one.
  package var hasPath: Bool { path != nil }

  /// What may be the model of this digest, the best guess first.
  func candidates(for digest: Digest) -> [Checkpoint] {
    let named = path.flatMap { try? Checkpoint(opening: $0) }
    return [named, cache?.model(digest)].compactMap(\.self)
  }
}

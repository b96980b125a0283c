internal import Checkpoints
internal import Streaming
internal import Transfer

/// Finds out what of a model a receiver needs, before the model is offered: digests what there is, looks for
/// the model that the receiver holds, or asks which tensors it has.
///
/// Works in pieces, between which the line is looked after.
struct OfferPreparation {
  /// What is to be done next.
  enum Step {
    /// Call again: there is more to do.
    case more
    /// The receiver is asked, and its answer is awaited.
    case waiting
    /// It uses the model.
    case unchanged(Digest)
    /// It holds the model, and uses another one.
    case stored(Digest)
    /// The model can be offered, on these terms.
    case ready(OfferTerms)
  }

  private enum State {
    case digesting(DigestWork)
    case digested(FinalDigests)
    /// What may be the model that the receiver uses, and its digests as far as they have come.
    case trying(ModelSource, DigestWork)
    case comparing
    case ready(OfferTerms)
  }

  private let info: ReceiverInfo
  private let policy: SendPolicy
  // What may be the model that the receiver uses, as it was sent.
  private var candidates: [(model: Checkpoint, policy: SendPolicy)]
  private var state: State
  /// Of the model's tensors; nil while they are computed.
  private(set) var digests: FinalDigests?
  /// The model that the receiver uses, where this end has it, too.
  private(set) var base: BaseModel?

  /// Computes the digests of the model first.
  init(
    _ work: DigestWork, for info: ReceiverInfo, _ policy: SendPolicy, _ library: BaseLibrary
  ) {
    self.init(.digesting(work), info, policy, library)
  }

  /// Knows them already.
  init(
    _ digests: FinalDigests, for info: ReceiverInfo, _ policy: SendPolicy, _ library: BaseLibrary
  ) {
    self.init(.digested(digests), info, policy, library)
    self.digests = digests
  }

  private init(
    _ state: State, _ info: ReceiverInfo, _ policy: SendPolicy, _ library: BaseLibrary
  ) {
    self.state = state
    self.info = info
    self.policy = policy
    let canKeep = info.abilities.contains(.keeps)
    let models = canKeep ? info.inUse.map { library.candidates(for: $0) } ?? [] : []
    let policies = [policy] + policy.cuts(for: info)
    candidates = models.flatMap { model in policies.map { (model, $0) } }
  }

  /// Whether a receiver can do without some of a model.
  static func isWorthwhile(for info: ReceiverInfo) -> Bool {
    !info.abilities.isEmpty || !info.held.isEmpty
  }

  /// Goes on.
  ///
  /// - Throws: what reading a checkpoint throws.
  mutating func advance(_ machine: inout SendTransfer) throws -> Step {
    switch state {
    case .digesting(var work):
      try work.advance()
      state = work.isComplete ? .digested(work.result) : .digesting(work)
      if work.isComplete { digests = work.result }
      return .more
    case .digested(let digests):
      if let model = digests.models.first(where: info.held.contains) {
        if model == info.inUse { return .unchanged(model) }
        // Of one that is there and cannot be changed to, all has to come again.
        if info.abilities.contains(.switches) { return .stored(model) }
      }
      return try tryNext(digests, &machine)
    case .trying(let source, var work):
      // One that cannot be read is none.
      guard let digests, (try? work.advance()) != nil else { return try skip(&machine) }
      state = .trying(source, work)
      guard work.isComplete else { return .more }
      return try judge(source, work.result, digests, &machine)
    case .comparing: return .waiting
    case .ready(let terms): return .ready(terms)
    }
  }

  /// Goes on with the next model that may be the one of the receiver, or asks that for its tensors.
  private mutating func tryNext(
    _ digests: FinalDigests, _ machine: inout SendTransfer
  ) throws -> Step {
    while !candidates.isEmpty {
      let (model, policy) = candidates.removeFirst()
      let source = ModelSource(model, policy)
      guard let plan = try? ModelPlan(source, named: "", policy, for: info) else { continue }
      state = .trying(source, DigestWork(source, plan))
      return .more
    }
    let prefixes = digests.prefixes
    guard info.abilities.isSuperset(of: [.keeps, .compares]), !prefixes.isEmpty else {
      state = .ready(OfferTerms())
      return .more
    }
    machine.compare(prefixes)
    state = .comparing
    return .waiting
  }

  private mutating func skip(_ machine: inout SendTransfer) throws -> Step {
    guard let digests else { return .more }
    return try tryNext(digests, &machine)
  }

  private mutating func judge(
    _ source: ModelSource, _ found: FinalDigests, _ digests: FinalDigests,
    _ machine: inout SendTransfer
  ) throws -> Step {
    guard let inUse = info.inUse, found.models.contains(inUse) else {
      return try tryNext(digests, &machine)
    }
    let base = BaseModel(inUse, source, found)
    // Under other names, too: of these only the receiver can tell.
    if base.holdsMore(of: digests), info.abilities.contains(.compares) {
      candidates = []
      return try tryNext(digests, &machine)
    }
    self.base = base
    let relations = base.relations(
      of: digests.manifest, digests.digests,
      allowingDifferences: info.abilities.contains(.takesDifferences)
        && policy.adapted(to: info).policy.takesDifferences)
    state = .ready(
      base.terms(
        of: digests.manifest, relations,
        numbersTensors: info.abilities.contains(.numbersTensors)))
    return .more
  }

  /// The receiver has answered.
  mutating func note(held: [Bool]) {
    var terms = OfferTerms()
    if held.contains(true) { terms.relations = held.map { $0 ? .kept : .plain } }
    state = .ready(terms)
  }
}

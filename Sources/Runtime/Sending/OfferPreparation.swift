internal import Streaming
internal import Transfer

/// Finds out what of a model a receiver needs, before the model is offered: digests what there is,
/// asks which tensors the receiver holds, and goes through what it has of the stream.
///
/// Works in pieces, between which the line is looked after.
struct OfferPreparation {
  /// What is to be done next.
  enum Step {
    /// Call again: there is more to do.
    case more
    /// The receiver is asked, and its answer is awaited.
    case waiting
    /// It holds the model.
    case unchanged(Digest)
    /// The model can be offered, on these terms.
    case ready(OfferTerms)
  }

  private enum State {
    case digesting(DigestWork)
    case digested(FinalDigests)
    case comparing
    case ready(OfferTerms)
  }

  private let info: ReceiverInfo
  private var state: State
  /// Of the model's tensors; nil while they are computed.
  private(set) var digests: FinalDigests?

  /// Computes the digests first.
  init(_ work: DigestWork, for info: ReceiverInfo) {
    self.info = info
    state = .digesting(work)
  }

  /// Knows them already.
  init(_ digests: FinalDigests, for info: ReceiverInfo) {
    self.info = info
    self.digests = digests
    state = .digested(digests)
  }

  /// Whether a receiver can do without some of a model.
  static func isWorthwhile(for info: ReceiverInfo) -> Bool {
    !info.abilities.isEmpty || !info.held.isEmpty
  }

  /// Goes on.
  ///
  /// - Throws: what reading the checkpoint throws.
  mutating func advance(_ machine: inout SendTransfer) throws -> Step {
    switch state {
    case .digesting(var work):
      try work.advance()
      state = .digesting(work)
      guard work.isComplete else { return .more }
      digests = work.result
      state = .digested(work.result)
      return .more
    case .digested(let digests):
      if let model = digests.models.first(where: info.held.contains) { return .unchanged(model) }
      let prefixes = digests.prefixes
      guard info.abilities.isSuperset(of: [.keeps, .compares]), !prefixes.isEmpty else {
        state = .ready(OfferTerms())
        return .more
      }
      machine.compare(prefixes)
      state = .comparing
      return .waiting
    case .comparing: return .waiting
    case .ready(let terms): return .ready(terms)
    }
  }

  /// The receiver has answered.
  mutating func note(held: [Bool]) {
    var terms = OfferTerms()
    if held.contains(true) { terms.relations = held.map { $0 ? .kept : .plain } }
    state = .ready(terms)
  }
}

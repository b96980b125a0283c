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
    case digesting
    case comparing
    case ready(OfferTerms)
  }

  private let info: ReceiverInfo
  private(set) var digests: FinalDigests
  private var state = State.digesting

  init(_ source: ModelSource, _ model: ModelPlan, for info: ReceiverInfo) {
    self.info = info
    digests = FinalDigests(source, model)
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
    case .digesting:
      guard digests.isComplete else {
        try digests.advance()
        return .more
      }
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

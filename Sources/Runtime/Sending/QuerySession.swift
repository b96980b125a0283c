package import Checkpoints
package import LinkLayer
package import Streaming
internal import Transfer

/// Asks a receiver what it holds, or has it use another model; no model goes over the line.
package final class QuerySession {
  /// What is asked.
  package enum Query {
    /// What is there?
    case list
    /// Is this model there, as a sender with this policy would bring it?
    case verify(Checkpoint, SendPolicy)
    /// Use the model whose digest begins so; the only one that is not in use where it is empty.
    case activate(prefix: String)
    /// Use the model that was in use before.
    case rollBack
  }

  /// What came out.
  package enum Answer: Sendable {
    case listed(ReceiverInfo, Listing?)
    /// The model is there, and in use or not.
    case same(Digest, isInUse: Bool)
    /// It is not; the names of the tensors that are not there, where the receiver tells.
    case different([String]?)
    /// This model is in use now.
    case inUse(Digest)
  }

  /// Why a query makes no sense to a receiver.
  package enum Refusal: Error, Equatable, Sendable {
    /// It cannot do this.
    case unable(Abilities)
    /// There is no such model, or several.
    case noModel(matching: String, count: Int)
    /// What the model comes to over there is not known before it is sent.
    case unknowable
  }

  private let query: Query
  private let tell: (TransferNews) -> Void
  private var peer: PeerLimits?
  private var info: ReceiverInfo?
  private var work: DigestWork?
  private var digests: FinalDigests?
  private var answer: Answer?
  private var refusal: Refusal?
  private var outcome: TransferOutcome?
  /// What happened on the link; complete when `run` has ended, in whatever way.
  package private(set) var statistics = LinkStatistics()

  /// Prepares a query; `tell` is called for what a user may want to see.
  package init(_ query: Query, tell: @escaping (TransferNews) -> Void) {
    self.query = query
    self.tell = tell
  }

  /// Runs over a link, of which this end is the initiator, until the receiver has answered.
  ///
  /// - Throws: `SessionError`, `Refusal`, and what the loop and the checkpoint throw.
  package func run(over link: consuming Link, _ loop: inout TransferLoop) throws -> Answer {
    var machine = SendTransfer(link: link, at: MonotonicClock.now)
    defer { statistics = machine.statistics }
    do {
      try loop.run(&machine) { machine in
        try respond(&machine)
      } observe: { _ in
      }
    } catch let error as TransferLoop.Interruption {
      throw error
    } catch {
      loop.abort(&machine)
      throw error
    }
    if let refusal { throw refusal }
    guard let answer else {
      throw SessionError.ended(outcome ?? .linkClosed(.local(.aborted)))
    }
    return answer
  }

  private func respond(_ machine: inout SendTransfer) throws -> Bool {
    while let event = machine.nextEvent() {
      switch event {
      case .connected(let peer):
        peer.log()
        self.peer = peer
      case .interrupted: tell(.interrupted)
      case .resumed: tell(.resumed)
      case .receiverReady(let info):
        if let peer { tell(.connected(peer, info)) }
        self.info = info
        try ask(info, &machine)
      case .listed(let listing): try take(listing, &machine)
      case .held(let held):
        answer = different(held)
        machine.leave()
      case .verified(let digest): answer = .inUse(digest)
      case .accepted, .measured: break
      case .ended(let outcome): self.outcome = outcome
      }
    }
    return try compute(&machine)
  }

  private func ask(_ info: ReceiverInfo, _ machine: inout SendTransfer) throws {
    switch query {
    case .list:
      guard info.abilities.contains(.lists) else {
        answer = .listed(info, nil)
        return machine.leave()
      }
      machine.list()
    case .verify(let checkpoint, let policy):
      let source = ModelSource(checkpoint, policy)
      work = DigestWork(source, try ModelPlan(source, named: "", policy, for: info))
    case .activate:
      let wanted: Abilities = [.switches, .lists]
      guard info.abilities.isSuperset(of: wanted) else {
        return refuse(.unable(wanted.subtracting(info.abilities)), &machine)
      }
      machine.list()
    case .rollBack:
      guard info.abilities.contains(.switches) else { return refuse(.unable(.switches), &machine) }
      machine.rollBack()
    }
  }

  /// Takes leave of a receiver that has done nothing wrong, and waits on.
  private func refuse(_ refusal: Refusal, _ machine: inout SendTransfer) {
    self.refusal = refusal
    machine.leave()
  }

  // MARK: - Lists

  private func take(_ listing: Listing, _ machine: inout SendTransfer) throws {
    guard case .activate(let prefix) = query else {
      if let info { answer = .listed(info, listing) }
      return machine.leave()
    }
    let found = listing.slots.compactMap { slot -> (Digest, Bool)? in
      guard case .model(let model, let isInUse) = slot, model.digest.hex.hasPrefix(prefix) else {
        return nil
      }
      return prefix.isEmpty && isInUse ? nil : (model.digest, isInUse)
    }
    guard found.count == 1, let (digest, isInUse) = found.first else {
      return refuse(.noModel(matching: prefix, count: found.count), &machine)
    }
    guard !isInUse else {
      answer = .inUse(digest)
      return machine.leave()
    }
    machine.activate(digest)
  }

  // MARK: - Digests

  /// Goes on with the digests of the model to compare; true while there is more to do.
  private func compute(_ machine: inout SendTransfer) throws -> Bool {
    guard var work, let info else { return false }
    try work.advance()
    self.work = work
    guard work.isComplete else { return true }
    self.work = nil
    let digests = work.result
    self.digests = digests
    guard !digests.models.isEmpty else {
      refuse(.unknowable, &machine)
      return false
    }
    if let digest = digests.models.first(where: info.held.contains) {
      answer = .same(digest, isInUse: digest == info.inUse)
      machine.leave()
    } else if info.abilities.contains(.compares), !digests.prefixes.isEmpty {
      machine.compare(digests.prefixes)
    } else {
      answer = .different(nil)
      machine.leave()
    }
    return false
  }

  private func different(_ held: [Bool]) -> Answer {
    guard let digests else { return .different(nil) }
    let missing = zip(digests.contentNames, held).filter { !$0.1 }.map(\.0)
    // All are there, and more besides, or under other names.
    return .different(missing)
  }
}

extension Digest {
  /// In hexadecimal digits.
  package var hex: String {
    let digits = Array("0123456789abcdef")
    return String(bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
  }
}

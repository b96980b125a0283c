internal import LinkLayer
internal import Streaming
internal import Transfer

/// What is offered to a receiver: what it needs is found out first, and what it has is gone through.
extension SendSession {
  /// Begins with a receiver of which no more is known than what it says of itself.
  func prepare(for info: ReceiverInfo, _ machine: inout SendTransfer) throws {
    if let peer { tell(.connected(peer, info)) }
    if let limit = info.byteCountLimit, plan.manifest.byteCount > limit {
      throw SessionError.modelTooLarge(byteCount: plan.manifest.byteCount, limit: limit)
    }
    if staysInactive, !info.abilities.contains(.switches) {
      // The receiver has done nothing wrong, and waits on.
      machine.leave()
      throw SessionError.noSlots
    }
    let substitution = outgoing.policy.substitution(for: info)
    if let substitution, substitution != toldSubstitution { tell(.substituted(substitution)) }
    toldSubstitution = substitution
    // It reads the checkpoint, which is not for two at once.
    feed?.stop()
    self.info = info
    (feed, preparation, unfinished, resumedByteCount, unchanged) = (nil, nil, nil, 0, nil)
    guard OfferPreparation.isWorthwhile(for: info) else { return try offer(OfferTerms(), &machine) }
    preparation = try outgoing.preparation(for: info, library)
  }

  /// Goes on to find out what is needed; true when there is more to do at once.
  func goOnPreparing(_ machine: inout SendTransfer) throws -> Bool {
    switch try preparation?.advance(&machine) {
    case .more: return true
    case .waiting, nil: return false
    case .unchanged(let digest):
      preparation = nil
      unchanged = digest
      machine.keep(digest)
      return false
    case .stored(let digest):
      preparation = nil
      unchanged = digest
      // It is there, and is to be used from now on or not.
      if staysInactive { machine.leave() } else { machine.activate(digest) }
      return false
    case .ready(let terms):
      if library.hasPath, preparation?.base == nil { tell(.baseIsAnother) }
      try offer(terms, &machine)
      return true
    }
  }

  private func offer(_ terms: OfferTerms, _ machine: inout SendTransfer) throws {
    guard let info else { return }
    let digests = preparation?.digests
    base = preparation?.base
    heldDigests = info.abilities.contains(.keeps) ? digests?.models ?? [] : []
    try beginStream(for: info, terms, digests?.known ?? [:])
    outgoing.model.plan.manifest.terms.staysInactive = staysInactive
    outgoing.model.plan.manifest.terms.identity =
      info.abilities.contains(.resumes) ? digests?.identity(of: plan) : nil
    preparation = nil
    let takeover = plan.manifest.takeover
    if !takeover.isEmpty { tell(.kept(takeover)) }
    guard let there = info.unfinished, there.byteCount > 0 else {
      return machine.offer(plan.manifest)
    }
    guard there.identity == plan.manifest.terms.identity else {
      tell(.startsOver(byteCount: there.byteCount))
      return machine.offer(plan.manifest)
    }
    unfinished = there
    machine.skip(byteCount: there.byteCount)
  }

  /// Plans on these terms, and stands before the stream.
  private func beginStream(
    for info: ReceiverInfo, _ terms: OfferTerms, _ digests: [Int: Digest]
  ) throws {
    feed?.stop()
    feed = StreamFeed(try outgoing.stream(for: info, terms, from: base, digests))
  }

  /// Goes through what the receiver has, and offers the rest; or all, where this is not what it has.
  func skip(_ machine: inout SendTransfer) throws -> Bool {
    guard let unfinished, let info else { return false }
    let isAtEnd = feed?.isFinished ?? true
    if machine.isSkipping, !isAtEnd { return try feedPiece(&machine) }
    self.unfinished = nil
    let fits = unfinished.checksum.map { $0 == machine.skippedChecksum } ?? true
    guard fits, !machine.isSkipping else {
      // Another version of this program, perhaps: the same offer, and other bytes.
      machine.beginAnew()
      tell(.startsOver(byteCount: unfinished.byteCount))
      let manifest = plan.manifest
      try beginStream(for: info, model.terms, model.digests)
      outgoing.model.plan.manifest = manifest
      machine.offer(manifest)
      return true
    }
    resumedByteCount = unfinished.byteCount
    tell(.goesOn(byteCount: unfinished.byteCount))
    var manifest = plan.manifest
    manifest.terms.goesOn = true
    machine.offer(manifest)
    return true
  }
}

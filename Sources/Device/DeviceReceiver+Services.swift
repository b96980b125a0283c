// What a device does besides taking models: each is left out where neither table nor store ask for it.
extension DeviceReceiver where Store: ~Copyable {
  private typealias Kind = RecordState.Kind

  /// Whether a record may come now that asks for something else than to take a model.
  func mayServe(_ kind: UInt8) -> Bool {
    guard !Self.services.isEmpty else { return false }
    switch reader.order {
    case .offer:
      switch kind {
      case Kind.unchanged: return true
      case Kind.list: return Self.does(.lists)
      case Kind.activate, Kind.rollBack: return Self.does(.switches)
      case Kind.fetch: return Self.does(.gives)
      default: return false
      }
    case .basis: return Self.does(.keeps) && kind == Kind.basis
    case .answers: return Self.does(.gives) && Kind.accept...Kind.failed ~= kind
    case .tensors, .contents, .content: return false
    }
  }

  /// Ends one of these records.
  mutating func endService() -> Event? {
    switch reader.kind {
    case Kind.unchanged: return endUnchanged()
    case Kind.list where Self.does(.lists): return sayListing()
    case Kind.activate where Self.does(.switches):
      return store.activate(reader.digest) ? endSwitch() : fail(DeviceFailure.wrongModel)
    case Kind.rollBack where Self.does(.switches):
      guard store.hasModelBefore, store.rollBack() else { return fail(DeviceFailure.wrongModel) }
      return endSwitch()
    case Kind.basis where Self.does(.keeps): return endBasis()
    case Kind.fetch where Self.does(.gives): return endFetch()
    case Kind.accept...Kind.failed where Self.does(.gives): return endAnswer()
    default: return nil
    }
  }

  /// The last word of a session: what follows is not listened to.
  mutating func verified(_ digest: Digest) {
    phase = .failed
    say(Kind.verified, byteCount: SHA256.byteCount)
    say(digest)
    link.close(code: CloseCode.done)
  }

  /// Whether the weights of the model in use are there, or again.
  mutating func lend() -> Bool { store.model != nil || store.restore() }

  /// The sender's model is the one in use, or is not.
  private mutating func endUnchanged() -> Event? {
    guard let inUse = modelInUse, inUse.digest == reader.digest, lend() else {
      return fail(DeviceFailure.wrongModel)
    }
    verified(inUse.digest)
    return .unchanged
  }

  private mutating func endSwitch() -> Event? {
    guard let inUse = store.model else { return fail(DeviceFailure.cannotKeep) }
    model = inUse
    phase = .completed
    return .switched
  }

  /// A model has been stored that is not to be used yet.
  mutating func endInactive() -> Event? {
    verified(model.digest)
    _ = store.restore()
    return .stored
  }

  // MARK: - The terms of an offer

  /// Looks at what an offer says behind the name.
  mutating func judgeTerms() -> Event? {
    let terms = reader.terms
    guard terms.isSound, Self.does(.switches) || !terms.staysInactive,
      Self.does(.keeps) || !terms.keeps
    else { return fail(DeviceFailure.broken) }
    model.isInactive = terms.staysInactive
    if Self.does(.keeps), terms.keeps {
      let base = modelInUse
      guard terms.hasBase, let base, base.digest == reader.digest else {
        return refuse("another model is in use")
      }
    }
    if terms.goesOn {
      guard Self.does(.resumes), let there = store.unfinished, there.identity == terms.identity
      else { return fail(DeviceFailure.broken) }
    }
    return nil
  }

  /// The manifest is right, and what is kept follows.
  mutating func beginBasis() {
    (reader.order, phase) = (.basis, .reading)
    cursor = TableEntry()
    for index in 0..<table.end().tensorCount {
      store[stateOf: index].isKept = false
      store[stateOf: index].isDifference = false
    }
  }

  /// Takes what becomes of four tensors.
  mutating func takeBasis(_ byte: UInt8) -> Event? {
    for pair in 0..<4 {
      let code = byte >> UInt8(2 &* pair) & 3
      guard cursor.advanceToContent(table) else {
        guard pair > 0, code == 0 else { return fail(DeviceFailure.broken) }
        continue
      }
      guard code < 3 else { return fail(DeviceFailure.broken) }
      store[stateOf: cursor.index].isKept = code == 1
      guard code == 2 else { continue }
      guard Self.does(.takesDifferences), cursor.isPlaned,
        DifferenceBase(store.baseState(cursor.index)) != nil
      else { return fail(DeviceFailure.wrongModel) }
      store[stateOf: cursor.index].isDifference = true
    }
    return nil
  }

  private mutating func endBasis() -> Event? {
    var rest = cursor
    guard !rest.advanceToContent(table) else { return nil }
    (reader.order, phase) = (.contents, .preparing)
    return nil
  }
}

extension TableEntry {
  /// Goes on to the next tensor with content; false behind the last.
  @inline(never)
  mutating func advanceToContent<Table: ModelTable>(_ table: Table) -> Bool {
    repeat {
      guard advance(table) else { return false }
    } while !hasContent
    return true
  }
}

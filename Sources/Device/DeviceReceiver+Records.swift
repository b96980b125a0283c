/// Why a device takes no more (Protocol.md §5.7).
enum DeviceFailure {
  static let wrongModel: UInt8 = 2
  static let cannotKeep: UInt8 = 3
  static let digest: UInt8 = 4
  static let broken: UInt8 = 5
}

/// How this end closes a session (Protocol.md §4.6).
enum CloseCode {
  static let done: UInt8 = 0
  static let refused: UInt8 = 2
}

extension DeviceReceiver where Store: ~Copyable {
  private typealias Kind = RecordState.Kind

  /// Reads records as far as they have come, up to an event.
  @inline(never)
  mutating func read() -> Event? {
    while position < pendingByteCount {
      guard phase == .reading || isGiving else {
        // What follows a failure, or the end, is not listened to; work comes before the rest.
        if phase == .failed || phase == .completed { position = pendingByteCount }
        return nil
      }
      let isCoded = reader.step == .body && reader.kind == Kind.coded
      if let event = isCoded ? readCoded() : take(byte(at: position)) { return event }
    }
    return noteStream()
  }

  /// A byte that has come, now or before a reset.
  private func byte(at position: Int) -> UInt8 {
    isReplaying ? store.pieceByte(position) : link.dataByte(at: position)
  }

  private mutating func readCoded() -> Event? {
    while reader.rest > 0, position < pendingByteCount,
      decoder.append(byte(at: position))
    {
      position &+= 1
      reader.rest &-= 1
    }
    if reader.rest == 0 { reader.step = .kind }
    return judge(decoder.decode(isComplete: false, table, &store))
  }

  /// Ends the codeword that is open, if one is.
  private mutating func endCodeword() -> Event? {
    guard decoder.isOpen else { return nil }
    let outcome = decoder.decode(isComplete: true, table, &store)
    if case .needsBytes = outcome { return fail(DeviceFailure.broken) }
    return judge(outcome)
  }

  private mutating func judge(_ outcome: PlaneDecoder<Table.Differences>.Outcome) -> Event? {
    switch outcome {
    case .needsBytes, .hasEnded: nil
    case .broken: fail(DeviceFailure.broken)
    case .notFinite: fail(DeviceFailure.cannotKeep, "NaN or infinite weight")
    case .unkeepable: fail(DeviceFailure.cannotKeep)
    }
  }

  // MARK: - Bytes

  private mutating func take(_ byte: UInt8) -> Event? {
    position &+= 1
    if reader.order == .tensors { return takeTensor(byte) }
    switch reader.step {
    case .kind:
      return reader.begin(byte) || mayServe(byte) ? nil : fail(DeviceFailure.broken)
    case .length:
      guard reader.takeLength(byte) else { return fail(DeviceFailure.broken) }
      guard reader.step == .body else { return nil }
      let fits = Self.services.isEmpty || reader.hasServiceLength
      guard fits else { return fail(DeviceFailure.broken) }
      guard reader.rest == 0 else { return nil }
    case .body:
      reader.rest &-= 1
      if let event = takeBody(byte) { return event }
      guard !reader.isBroken else { return fail(DeviceFailure.broken) }
      guard reader.rest == 0 else { return nil }
    }
    reader.step = .kind
    return endBody()
  }

  private mutating func takeTensor(_ byte: UInt8) -> Event? {
    let expected = table.byte(at: reader.tablePosition)
    if byte != expected, let event = refuse() { return event }
    hash.model.update(expected)
    reader.tablePosition &+= 1
    if reader.tablePosition == table.byteCount {
      reader.order = .contents
      phase = .preparing
      if Self.does(.keeps), reader.terms.keeps { beginBasis() }
    }
    return nil
  }

  private mutating func takeBody(_ byte: UInt8) -> Event? {
    switch reader.kind {
    case Kind.offer: return takeOffer(byte)
    case Kind.unit: return takeUnit(byte)
    case Kind.content:
      guard reader.place < reader.end else { return fail(DeviceFailure.broken) }
      store[reader.place] = byte
      reader.place &+= 1
    case Kind.milestone:
      // Bytes behind these two are ignored.
      guard reader.field < 2 else { return nil }
      reader.keep(byte)
      reader.field &+= 1
    case Kind.basis where Self.does(.keeps): return takeBasis(byte)
    case Kind.fetch where Self.does(.gives): return takeFetch(byte)
    default: reader.keep(byte)
    }
    return nil
  }

  private mutating func takeOffer(_ byte: UInt8) -> Event? {
    switch reader.field {
    case 0:
      guard byte == 0 else { return refuse("tensors, not a file") }
    case 1:
      guard byte <= 1 else { return fail(DeviceFailure.broken) }
      reader.offersCoded = byte == 1
    case 2:
      guard reader.takeNumber(byte) else { return nil }
      guard reader.number == table.end().tensorCount else {
        return refuse("another count of tensors")
      }
    case 3, 4:
      guard reader.takeNumber(byte) else { return nil }
      guard reader.field == 3 || reader.number <= reader.rest else {
        return fail(DeviceFailure.broken)
      }
    default:
      let place = reader.field &- 5
      if place < min(model.name.count, reader.number) { model.name[place] = byte }
      // Where it does nothing but take models, there is nothing behind the name that matters.
      if !Self.services.isEmpty, place >= reader.number, reader.terms.take(byte) {
        reader.keep(byte)
      }
    }
    reader.field &+= 1
    return nil
  }

  private mutating func takeUnit(_ byte: UInt8) -> Event? {
    if reader.field == 0 {
      guard reader.takeNumber(byte) else { return nil }
      if let event = openUnit() { return event }
    } else if byte != 0 {
      // Exact and not compressed, as INFO has it.
      return fail(DeviceFailure.cannotKeep)
    }
    reader.field &+= 1
    return nil
  }

  // MARK: - Records

  private mutating func endBody() -> Event? {
    switch reader.kind {
    case Kind.offer:
      guard reader.field >= 5 else { return fail(DeviceFailure.broken) }
      for place in min(model.name.count, reader.number)..<model.name.count {
        model.name[place] = 0
      }
      reader.order = .tensors
      if !Self.services.isEmpty { return judgeTerms() }
    case Kind.unit:
      guard reader.field == 4 else { return fail(DeviceFailure.broken) }
      reader.order = .content
    case Kind.digest: return closeUnit()
    case Kind.milestone:
      guard reader.field == 2 else { return fail(DeviceFailure.broken) }
      if let event = endCodeword() { return event }
      return .milestone(
        tier: UInt8(truncatingIfNeeded: reader.digest.words[0] >> 8),
        quality: UInt8(truncatingIfNeeded: reader.digest.words[0]))
    case Kind.finish:
      if let event = endCodeword() { return event }
      phase = .verifying
    default: return !Self.services.isEmpty ? endService() : nil
    }
    return nil
  }

  private mutating func openUnit() -> Event? {
    guard let entry = table.entry(reader.number, amongContents: false), entry.hasContent,
      !store[stateOf: entry.index].hasCome
    else { return fail(DeviceFailure.broken) }
    guard !entry.isPlaned else { return fail(DeviceFailure.cannotKeep) }
    reader.index = entry.index
    (reader.place, reader.end) = (entry.offset, entry.offset &+ entry.byteCount)
    return nil
  }

  private mutating func closeUnit() -> Event? {
    guard reader.place == reader.end,
      let entry = table.entry(reader.index, amongContents: false)
    else { return fail(DeviceFailure.broken) }
    let found = digest(of: entry)
    guard found == reader.digest else { return fail(DeviceFailure.digest) }
    store[stateOf: entry.index].hasCome = true
    reader.order = .contents
    return nil
  }

  /// Takes the rest of the next tensor into the model's digest, and in the end compares it.
  mutating func verify() -> Event? {
    let entry = hash.entry
    guard !entry.hasContent || store[stateOf: entry.index].hasCome else {
      return fail(DeviceFailure.broken)
    }
    _ = takeDigest(ofCount: .max, knownCount: entry.elementCount, isAhead: false)
    guard hash.isComplete else { return nil }
    let found = hash.model.finish()
    guard found == reader.digest else { return fail(DeviceFailure.digest) }
    model.digest = found
    phase = .committing
    return nil
  }

  mutating func commit() -> Event? {
    switch store.commit(model) {
    case .more: return nil
    case .failed:
      return fail(DeviceFailure.cannotKeep, "flash does not hold what was written")
    case .done:
      if Self.does(.switches), model.isInactive { return endInactive() }
      phase = .completed
      return .completed
    }
  }
}

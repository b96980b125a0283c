/// What is to be made ready before a model can come.
enum Readiness {
  /// What notes the stream, or has noted it.
  case stream
  case image
  /// Tensors that are kept.
  case tensors
  /// The stream that came before a reset goes through the decoder again.
  case replay
  case done
}

extension DeviceReceiver where Store: ~Copyable {
  private var goesOn: Bool { Self.does(.resumes) && reader.terms.goesOn }
  private var notes: Bool { Self.does(.resumes) && !reader.terms.identity.isNone }
  private var isKeeping: Bool { Self.does(.keeps) && reader.terms.keeps }
  /// Whether what comes is of the stream behind the manifest.
  var isInStream: Bool {
    phase == .preparing || reader.order == .contents || reader.order == .content
  }
  /// Whether bytes of the stream are those that came before a reset.
  var isReplaying: Bool { Self.does(.resumes) && isRereading }
  var isGiving: Bool { Self.does(.gives) && phase == .giving }

  // MARK: - Making ready

  /// Does the next piece of making ready.
  @inline(never)
  mutating func makeReady() -> Event? {
    if Self.services.isEmpty {
      if let event = announce(store.preparationMilliseconds) { return event }
      return store.prepare() ? accept() : nil
    }
    switch readiness {
    case .stream: return readyStream()
    case .image:
      if let event = announce(store.preparationMilliseconds) { return event }
      guard store.prepare(isKeeping: isKeeping) else { return nil }
      readiness = isKeeping ? .tensors : .replay
      if isKeeping {
        cursor = TableEntry()
        _ = cursor.advance(table)
      }
    case .tensors: return readyTensor()
    case .replay:
      if goesOn { return replay() }
      readiness = .done
    case .done: return accept()
    }
    return nil
  }

  private mutating func readyStream() -> Event? {
    if goesOn, Store.resumption == .state { return goBack() }
    if notes, !goesOn {
      if let event = announce(store.beginMilliseconds) { return event }
      guard store.beginStream(reader.terms.identity) else { return nil }
    } else if Self.does(.resumes), !goesOn {
      store.forget()
    }
    (streamByteCount, notedByteCount) = (0, 0)
    readiness = .image
    return nil
  }

  private mutating func readyTensor() -> Event? {
    guard Self.does(.keeps) else { return nil }
    let isKept = store[stateOf: cursor.index].isKept
    // As fast as storing (Hardware/store.md).
    let milliseconds = UInt16(clamping: isKept ? cursor.byteCount >> 5 : 0)
    if let event = announce(milliseconds) { return event }
    let places = cursor.offset..<cursor.offset &+ cursor.byteCount
    let isDifference = Self.does(.takesDifferences) && store[stateOf: cursor.index].isDifference
    store.begin(places, stateOf: cursor.index, isKept: isKept)
    if isDifference { store[stateOf: cursor.index].isDifference = true }
    if !cursor.advance(table) { readiness = .replay }
    return nil
  }

  private mutating func accept() -> Event? {
    phase = .reading
    if !Self.services.isEmpty {
      readiness = .stream
      (countedPosition, resumedByteCount) = (position, streamByteCount)
    }
    say(RecordState.Kind.accept, byteCount: 0)
    return .began
  }

  // MARK: - Going on

  /// Goes back to the state that was noted last.
  private mutating func goBack() -> Event? {
    guard let there = store.unfinished, let snapshot = store.resume(), load(snapshot) else {
      return fail(DeviceFailure.broken)
    }
    (streamByteCount, notedByteCount) = (there.byteCount, there.byteCount)
    readiness = .done
    return nil
  }

  /// Takes the next piece of what came before a reset.
  private mutating func replay() -> Event? {
    if !isRereading {
      guard store.resume() != nil else { return fail(DeviceFailure.broken) }
      isRereading = true
    }
    // Eight bytes a millisecond.
    if let event = announce(16) { return event }
    (position, pendingByteCount) = (0, store.nextPiece())
    if pendingByteCount == 0 {
      (isRereading, readiness) = (false, .done)
      return nil
    }
    streamByteCount &+= pendingByteCount
    phase = .reading
    while position < pendingByteCount {
      // Milestones have been told of before.
      if case .failed(let code)? = read() { return endReplay(code) }
      guard phase == .reading else { return endReplay(nil) }
    }
    phase = .preparing
    return nil
  }

  private mutating func endReplay(_ code: UInt8?) -> Event? {
    isRereading = false
    (position, pendingByteCount) = (0, 0)
    return code.map { .failed($0) } ?? fail(DeviceFailure.broken)
  }

  // MARK: - Noting

  /// Notes what has been worked through, where it is time for that.
  mutating func noteStream() -> Event? {
    guard Self.does(.resumes), !isRereading else { return nil }
    guard notes, phase == .reading, isInStream else {
      (countedPosition, isNoting) = (position, false)
      return nil
    }
    if Store.resumption == .stream {
      while countedPosition < position {
        store.note(link.dataByte(at: countedPosition))
        countedPosition &+= 1
      }
      return nil
    }
    streamByteCount &+= position &- countedPosition
    countedPosition = position
    return noteState()
  }

  private mutating func noteState() -> Event? {
    let distance = streamByteCount &- notedByteCount
    var snapshot = StreamSnapshot()
    guard distance >= noteInterval, distance >= table.end().imageByteCount >> 5,
      save(into: &snapshot)
    else { return nil }
    if !isNoting, let event = announce(store.noteMilliseconds) {
      isNoting = true
      return event
    }
    (isNoting, hasAnnounced) = (false, false)
    store.note(snapshot, byteCount: streamByteCount)
    notedByteCount = streamByteCount
    return nil
  }

  /// Whether the state is one that can be noted: between two records, or in one of weights.
  private func save(into snapshot: inout StreamSnapshot) -> Bool {
    let isInBody =
      reader.step == .body
      && (reader.kind == RecordState.Kind.content || reader.kind == RecordState.Kind.coded)
    guard isInBody || reader.step == .kind else { return false }
    if isInBody {
      snapshot.words[6] = UInt32(reader.kind) | UInt32(truncatingIfNeeded: reader.rest) << 16
    }
    if reader.order == .content {
      snapshot.words[6] |= 1 << 8
      snapshot.words[7] = UInt32(truncatingIfNeeded: reader.index)
      snapshot.words[8] = UInt32(truncatingIfNeeded: reader.place)
    }
    return decoder.save(into: &snapshot)
  }

  private mutating func load(_ snapshot: StreamSnapshot) -> Bool {
    let word = snapshot.words[6]
    let kind = UInt8(truncatingIfNeeded: word)
    if kind != 0 {
      (reader.kind, reader.step, reader.rest) = (kind, .body, Int(word >> 16))
    }
    reader.order = word >> 8 & 1 == 1 ? .content : .contents
    if reader.order == .content {
      reader.index = Int(truncatingIfNeeded: snapshot.words[7])
      reader.place = Int(truncatingIfNeeded: snapshot.words[8])
      guard let entry = table.entry(reader.index, amongContents: false),
        entry.offset <= reader.place, reader.place <= entry.offset &+ entry.byteCount
      else { return false }
      reader.end = entry.offset &+ entry.byteCount
    }
    return decoder.load(snapshot, table, store)
  }
}

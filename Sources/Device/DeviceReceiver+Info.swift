extension DeviceReceiver where Store: ~Copyable {
  // Whatever the firmware asks for, the model may be in either slot.
  @inline(__always)
  private static var slotCount: Int { Store.services.contains(.switches) ? 2 : 1 }

  /// The model in use; nil where there is none.
  var modelInUse: CommittedModel? {
    for slot in 0..<Self.slotCount {
      if case .inUse(let model) = store.content(ofSlot: slot) { return model }
    }
    return nil
  }

  /// Says what this device takes, and what it has (Protocol.md §5.2).
  @inline(never)
  mutating func sayInfo() {
    let nameByteCount = min(name.utf8CodeUnitCount, 32)
    let heldCount = Self.services.isEmpty ? 0 : countHeld()
    let unfinished = Self.does(.resumes) ? store.unfinished : nil
    let tellsOfStream = unfinished.map { $0.byteCount > 0 } ?? false
    let hasMore = Self.services.abilities != 0 || heldCount > 0
    var byteCount = 2 &+ 1 &+ 1 &+ nameByteCount &+ 1
    if hasMore { byteCount &+= 4 &+ SHA256.byteCount &* heldCount }
    if tellsOfStream, let unfinished {
      byteCount &+= 8 &+ Self.varintByteCount(unfinished.byteCount)
    }
    say(RecordState.Kind.info, byteCount: byteCount)
    // No compression but none; the codec flat; no limit but that it has to be the right model.
    say(1)
    say(2)
    say(0)
    say(UInt8(truncatingIfNeeded: nameByteCount))
    say(name, byteCount: nameByteCount)
    say(UInt8(PlaneByte.planeLimit))
    guard hasMore else { return }
    // Any representation, of what comes whole.
    say(.max)
    say(0)
    say(Self.services.abilities)
    say(UInt8(truncatingIfNeeded: heldCount))
    if heldCount > 0 { say(modelInUse?.digest ?? Digest()) }
    for slot in 0..<Self.slotCount {
      if case .held(let model) = store.content(ofSlot: slot) { say(model.digest) }
    }
    guard tellsOfStream, let unfinished else { return }
    say(word: unfinished.identity.low)
    say(word: unfinished.identity.high)
    say(varint: UInt32(truncatingIfNeeded: unfinished.byteCount))
  }

  /// The digests that are told: of the model in use, or zeros where there are others only, and of these.
  private func countHeld() -> Int {
    var (count, hasOthers) = (0, false)
    for slot in 0..<Self.slotCount {
      switch store.content(ofSlot: slot) {
      case .held: hasOthers = true
      case .inUse: count = 1
      case .empty, .unfinished: break
      }
    }
    return hasOthers ? 2 : count
  }

  mutating func say(word: UInt32) {
    for place in 0..<4 { say(UInt8(truncatingIfNeeded: word >> UInt32(8 &* place))) }
  }

  static func varintByteCount(_ number: Int) -> Int {
    var (count, rest) = (1, number >> 7)
    while rest > 0 { (count, rest) = (count &+ 1, rest >> 7) }
    return count
  }

  // MARK: - Models that are held

  /// Answers LIST (Protocol.md §5.12).
  mutating func sayListing() -> Event? {
    let modelByteCount = contentByteCount
    let tensorCount = table.end().tensorCount
    var byteCount = Self.varintByteCount(modelByteCount) &+ 1
    for slot in 0..<Self.slotCount {
      switch store.content(ofSlot: slot) {
      case .empty: byteCount &+= 1
      case .unfinished: byteCount &+= 1 &+ Self.varintByteCount(unfinishedByteCount)
      case .held(let model), .inUse(let model):
        byteCount &+= 1 &+ SHA256.byteCount &+ 2 &+ model.nameByteCount
        byteCount &+= Self.varintByteCount(modelByteCount) &+ Self.varintByteCount(tensorCount)
      }
    }
    // A sender that asks twice, without waiting for the answer.
    guard link.hasRoom(byteCount: byteCount &+ 3) else { return fail(DeviceFailure.broken) }
    say(RecordState.Kind.listing, byteCount: byteCount)
    say(varint: UInt32(truncatingIfNeeded: modelByteCount))
    say(UInt8(truncatingIfNeeded: Self.slotCount))
    for slot in 0..<Self.slotCount {
      switch store.content(ofSlot: slot) {
      case .empty: say(0)
      case .unfinished:
        say(1)
        say(varint: UInt32(truncatingIfNeeded: unfinishedByteCount))
      case .held(let model): say(model, 2, modelByteCount, tensorCount)
      case .inUse(let model): say(model, 3, modelByteCount, tensorCount)
      }
    }
    return nil
  }

  private mutating func say(
    _ model: CommittedModel, _ state: UInt8, _ byteCount: Int, _ tensorCount: Int
  ) {
    say(state)
    say(model.digest)
    say(varint: UInt32(truncatingIfNeeded: byteCount))
    say(varint: UInt32(truncatingIfNeeded: tensorCount))
    say(UInt8(PlaneByte.planeLimit))
    say(model)
  }

  /// Says the name of a model, with its length.
  mutating func say(_ model: CommittedModel) {
    say(UInt8(truncatingIfNeeded: model.nameByteCount))
    for place in 0..<model.nameByteCount { say(model.name[place]) }
  }

  private var unfinishedByteCount: Int { store.unfinished.map { $0.byteCount } ?? 0 }

  /// Bytes of all tensors, as the manifest gives them.
  private var contentByteCount: Int {
    var (entry, byteCount) = (TableEntry(), 0)
    while entry.advance(table) { byteCount &+= entry.hasContent ? entry.contentByteCount : 0 }
    return byteCount
  }
}

extension CommittedModel {
  /// Bytes of the name that are there.
  var nameByteCount: Int {
    var count = 0
    while count < name.count, name[count] != 0 { count &+= 1 }
    return count
  }
}

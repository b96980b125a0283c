/// How far a model has been given to who has asked for it.
struct DeviceGiving {
  enum Step {
    case offer
    case table
    /// The other end says whether it takes the model.
    case acceptance
    case unit
    case content
    case digest
    case finish
    /// The other end says whether all of it has come.
    case verdict
  }

  var step = Step.offer
  /// Bytes of the stream that are there already, and are passed over.
  var skipCount = 0
  /// In the table, or of the tensor at hand: an element, and a byte of it.
  var place = 0
  var bytePlace = 0
  /// Bytes of the record that are to come.
  var recordRest = 0
}

// Reading back (Protocol.md §5.13): all tensors whole and exact.
extension DeviceReceiver where Store: ~Copyable {
  private typealias Kind = RecordState.Kind

  private static var recordByteCount: Int { 16384 }
  // No record but CONTENT is longer, with the longest name.
  private static var roomByteCount: Int { 72 }

  /// Whether there is something to say, and room for it.
  var mayGive: Bool {
    guard Self.does(.gives) else { return false }
    switch giving.step {
    case .acceptance, .verdict: return false
    case .offer, .table, .unit, .content, .digest, .finish:
      return giving.skipCount > 0 || link.hasRoom(byteCount: Self.roomByteCount)
    }
  }

  /// Takes a byte of FETCH.
  mutating func takeFetch(_ byte: UInt8) -> Event? {
    if reader.field < SHA256.byteCount {
      reader.keep(byte)
    } else if reader.field == SHA256.byteCount {
      guard reader.takeNumber(byte) else { return nil }
    }
    // What the other end takes does not matter: what is given is what all take.
    reader.field &+= 1
    return nil
  }

  mutating func endFetch() -> Event? {
    guard reader.field > SHA256.byteCount else { return fail(DeviceFailure.broken) }
    let isAny = reader.digest == Digest()
    guard let inUse = modelInUse, isAny || inUse.digest == reader.digest, lend() else {
      return fail(DeviceFailure.wrongModel)
    }
    model = inUse
    giving = DeviceGiving()
    giving.skipCount = reader.number < streamByteCountToGive ? reader.number : 0
    (phase, reader.order) = (.giving, .answers)
    return nil
  }

  mutating func endAnswer() -> Event? {
    switch reader.kind {
    case Kind.accept:
      guard giving.step == .acceptance else { return fail(DeviceFailure.broken) }
      cursor = TableEntry()
      beginGivingTensor()
    case Kind.verified where giving.step != .verdict: return fail(DeviceFailure.broken)
    default:
      phase = .failed
      link.close(code: CloseCode.done)
    }
    return nil
  }

  /// Says some more.
  mutating func give() -> Event? {
    guard Self.does(.gives) else { return nil }
    for _ in 0..<64 where mayGive {
      let isLong = giving.skipCount > 0 && giving.step == .content && giving.recordRest == 0
      // What is passed over is digested nevertheless.
      let milliseconds = UInt16(Self.recordByteCount >> 10) &* UInt16(millisecondsPerKilobyte)
      if isLong, let event = announce(milliseconds) { return event }
      giveNext()
    }
    return nil
  }

  private mutating func giveNext() {
    switch giving.step {
    case .offer: giveOffer()
    case .table:
      say(table.byte(at: giving.place))
      giving.place &+= 1
      if giving.place == table.byteCount { giving.step = .acceptance }
    case .unit:
      give(Kind.unit, byteCount: 3 &+ Self.varintByteCount(cursor.index))
      give(varint: cursor.index)
      for _ in 0..<3 { give(0) }
      (giving.step, giving.place, giving.bytePlace, giving.recordRest) = (.content, 0, 0, 0)
      hash.tensor.reset()
    case .content: giveContent()
    case .digest:
      give(Kind.digest, hash.tensor.finish())
      beginGivingTensor()
    case .finish:
      give(Kind.finish, model.digest)
      giving.step = .verdict
    case .acceptance, .verdict: break
    }
  }

  private mutating func beginGivingTensor() {
    giving.step = cursor.advanceToContent(table) ? .unit : .finish
  }

  private mutating func giveOffer() {
    let (tensorCount, byteCount) = (table.end().tensorCount, streamByteCountToGive)
    // Kind, codec, identity, flags; the record's own length takes one byte.
    var bodyByteCount = 2 &+ Self.varintByteCount(tensorCount) &+ 1 &+ model.nameByteCount &+ 9
    var expected = byteCount &+ table.byteCount &+ bodyByteCount &+ 2
    expected &+= Self.varintByteCount(expected &+ 4)
    bodyByteCount &+= Self.varintByteCount(expected)
    say(Kind.offer, byteCount: bodyByteCount)
    say(0)
    say(0)
    say(varint: UInt32(truncatingIfNeeded: tensorCount))
    say(varint: UInt32(truncatingIfNeeded: expected))
    say(model)
    say(word: model.digest.words[0].byteSwapped)
    say(word: model.digest.words[1].byteSwapped)
    say(giving.skipCount > 0 ? 4 : 0)
    (giving.step, giving.place) = (.table, 0)
  }

  private mutating func giveContent() {
    let format = cursor.format
    if giving.recordRest == 0 {
      let rest =
        (cursor.elementCount &- giving.place) &* format.byteCount &- giving.bytePlace
      guard rest > 0 else {
        giving.step = .digest
        return
      }
      giving.recordRest = min(rest, Self.recordByteCount)
      give(Kind.content, byteCount: giving.recordRest)
    }
    let byte = contentByte
    hash.tensor.update(byte)
    give(byte)
    giving.recordRest &-= 1
    giving.bytePlace &+= 1
    if giving.bytePlace == format.byteCount {
      giving.place &+= 1
      giving.bytePlace = 0
    }
  }

  /// The byte of the tensor at hand that comes next.
  private var contentByte: UInt8 {
    let byteCount = cursor.format.byteCount
    guard cursor.isPlaned else {
      return store[cursor.offset &+ giving.place &* byteCount &+ giving.bytePlace]
    }
    let value = PlaneValue(cursor.format, store[stateOf: cursor.index], isAhead: false)
    let word = value.highestBytes(of: store[cursor.offset &+ giving.place])
    let place = giving.bytePlace &- max(byteCount &- PlaneValue.byteCount, 0)
    return place < 0 ? 0 : UInt8(truncatingIfNeeded: word >> UInt32(8 &* place))
  }

  // MARK: - Bytes of the stream

  /// Bytes of the records behind the manifest.
  private var streamByteCountToGive: Int {
    let digestByteCount = 2 &+ SHA256.byteCount
    var (entry, count) = (TableEntry(), digestByteCount)
    while entry.advanceToContent(table) {
      let (full, rest) = (entry.contentByteCount >> 14, entry.contentByteCount & 16383)
      count &+= 5 &+ Self.varintByteCount(entry.index) &+ digestByteCount
      count &+= entry.contentByteCount &+ 4 &* full
      count &+= rest > 0 ? 1 &+ Self.varintByteCount(rest) : 0
    }
    return count
  }

  @inline(never)
  private mutating func give(_ byte: UInt8) {
    if giving.skipCount > 0 {
      giving.skipCount &-= 1
    } else {
      say(byte)
    }
  }

  private mutating func give(_ kind: UInt8, byteCount: Int) {
    give(kind)
    give(varint: byteCount)
  }

  private mutating func give(varint number: Int) {
    var rest = number
    while rest >= 0x80 {
      give(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    give(UInt8(truncatingIfNeeded: rest))
  }

  private mutating func give(_ kind: UInt8, _ digest: Digest) {
    give(kind, byteCount: SHA256.byteCount)
    for place in 0..<SHA256.byteCount {
      give(UInt8(truncatingIfNeeded: digest.words[place >> 2] >> UInt32(24 &- 8 &* (place & 3))))
    }
  }
}

extension DeviceReceiver where Store: ~Copyable {
  // MARK: - Bytes

  @inline(never)
  mutating func say(_ byte: UInt8) { link.say(byte) }

  /// Begins a record.
  mutating func say(_ kind: UInt8, byteCount: Int) {
    say(kind)
    say(varint: UInt32(truncatingIfNeeded: byteCount))
  }

  @inline(never)
  mutating func say(varint number: UInt32) {
    var rest = number
    while rest >= 0x80 {
      say(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    say(UInt8(truncatingIfNeeded: rest))
  }

  mutating func say(_ digest: Digest) {
    for place in 0..<SHA256.byteCount {
      say(UInt8(truncatingIfNeeded: digest.words[place >> 2] >> UInt32(24 &- 8 &* (place & 3))))
    }
  }

  mutating func say(_ text: StaticString, byteCount: Int) {
    for place in 0..<byteCount { unsafe say(text.utf8Start[place]) }
  }

  // MARK: - Records

  /// Says that the model will not come; returns the event.
  @inline(never)
  mutating func fail(_ code: UInt8, _ text: StaticString = "") -> Event {
    // What has failed once would fail again.
    if Self.does(.resumes), phase != .completed, isInStream { store.forget() }
    phase = .failed
    say(RecordState.Kind.failed, byteCount: 1 &+ text.utf8CodeUnitCount)
    say(code)
    say(text, byteCount: text.utf8CodeUnitCount)
    link.close(code: CloseCode.refused)
    return .failed(code)
  }

  /// Says that it is another model.
  mutating func refuse(_ text: StaticString) -> Event { fail(DeviceFailure.wrongModel, text) }

  /// Says which tensor of the table is not the one that is offered, and in what; nil where that is
  /// still to be seen.
  ///
  /// A record's length does not tell: the rest of the record will, or else the digest, which is that of
  /// the table.
  mutating func refuse() -> Event? {
    var entry = TableEntry()
    while entry.advance(table), !entry.record.contains(reader.tablePosition) {}
    guard entry.record.lowerBound < reader.tablePosition else { return fail(DeviceFailure.broken) }
    guard reader.tablePosition != entry.record.lowerBound &+ 1 else { return nil }
    let distance = reader.tablePosition &- entry.nameSuffix.upperBound
    let text: StaticString =
      distance < 0 ? ": another name" : distance == 0 ? ": another dtype" : ": another shape"
    let nameByteCount = min(entry.namePrefix &+ entry.nameSuffix.count, 64)
    phase = .failed
    say(RecordState.Kind.failed, byteCount: 1 &+ nameByteCount &+ text.utf8CodeUnitCount)
    say(DeviceFailure.wrongModel)
    for place in 0..<nameByteCount { sayName(place, of: entry.index) }
    say(text, byteCount: text.utf8CodeUnitCount)
    link.close(code: CloseCode.refused)
    return .failed(DeviceFailure.wrongModel)
  }

  /// Says a byte of a tensor's name, of which the beginning may be that of one before.
  private mutating func sayName(_ place: Int, of index: Int) {
    var entry = TableEntry()
    var offset = 0
    while entry.index < index, entry.advance(table) {
      if entry.namePrefix <= place {
        offset = entry.nameSuffix.lowerBound &+ place &- entry.namePrefix
      }
    }
    say(table.byte(at: offset))
  }

  /// Tells the sender's user what was measured with the model so far; false where there is no room yet.
  ///
  /// The name has 64 bytes at most, and the value is the number times 10^`digits`. The tier is that of
  /// the milestone which the model had reached; nil for none.
  public mutating func report(
    _ name: StaticString, _ value: Int32, digits: UInt8 = 0, unit: MetricUnit, tier: UInt8?
  ) -> Bool {
    let byteCount = 7 &+ unit.byteCount &+ name.utf8CodeUnitCount
    let isListening = phase != .closed && phase != .failed && reader.order != .offer
    // Behind it there has to be room for the word that the model has come.
    let reserve = 2 &+ SHA256.byteCount
    guard isListening, link.hasRoom(byteCount: byteCount &+ 2 &+ reserve) else { return false }
    say(RecordState.Kind.metric, byteCount: byteCount)
    say(tier ?? .max)
    say(digits)
    let bits = UInt32(bitPattern: value)
    for place in 0..<4 { say(UInt8(truncatingIfNeeded: bits >> UInt32(8 &* place))) }
    say(UInt8(truncatingIfNeeded: unit.byteCount))
    unit.forEachByte { say($0) }
    say(name, byteCount: name.utf8CodeUnitCount)
    return true
  }
}

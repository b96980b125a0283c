extension DeviceReceiver where Store: ~Copyable {
  // MARK: - Bytes

  @inline(never)
  mutating func say(_ byte: UInt8) { link.say(byte) }

  /// Begins a record.
  mutating func say(_ kind: UInt8, byteCount: Int) {
    say(kind)
    say(varint: UInt32(truncatingIfNeeded: byteCount))
  }

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
      say(UInt8(truncatingIfNeeded: digest.words[place >> 2] >> UInt32(24 - 8 * (place & 3))))
    }
  }

  mutating func say(_ text: StaticString, byteCount: Int) {
    for place in 0..<byteCount { unsafe say(text.utf8Start[place]) }
  }

  // MARK: - Records

  /// Says that the model will not come; returns the event.
  mutating func fail(_ code: UInt8, _ text: StaticString = "") -> Event {
    phase = .failed
    say(RecordState.Kind.failed, byteCount: 1 + text.utf8CodeUnitCount)
    say(code)
    say(text, byteCount: text.utf8CodeUnitCount)
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
    // The name so far: each has its beginning from the one before.
    var name = InlineArray<64, UInt8>(repeating: 0)
    while entry.advance(table) {
      for place in entry.nameSuffix
      where entry.namePrefix + place - entry.nameSuffix.lowerBound < 64 {
        name[entry.namePrefix + place - entry.nameSuffix.lowerBound] = table.byte(at: place)
      }
      if entry.record.contains(reader.tablePosition) { break }
    }
    guard entry.record.lowerBound < reader.tablePosition else { return fail(DeviceFailure.broken) }
    guard reader.tablePosition != entry.record.lowerBound + 1 else { return nil }
    let isName = reader.tablePosition < entry.nameSuffix.upperBound
    let text: StaticString =
      isName
      ? ": another name"
      : reader.tablePosition == entry.nameSuffix.upperBound ? ": another dtype" : ": another shape"
    let nameByteCount = min(entry.namePrefix + entry.nameSuffix.count, 64)
    phase = .failed
    say(RecordState.Kind.failed, byteCount: 1 + nameByteCount + text.utf8CodeUnitCount)
    say(DeviceFailure.wrongModel)
    for place in 0..<nameByteCount { say(name[place]) }
    say(text, byteCount: text.utf8CodeUnitCount)
    return .failed(DeviceFailure.wrongModel)
  }

  /// Tells the sender's user what was measured with the model so far; false where there is no room yet.
  ///
  /// - Parameters:
  ///   - name: what was measured, 64 bytes at most.
  ///   - value: the number times 10^`digits`.
  ///   - unit: what it is counted in, 16 bytes at most.
  ///   - tier: of the milestone that the model had reached; nil for none.
  public mutating func report(
    _ name: StaticString, _ value: Int32, digits: UInt8 = 0, unit: StaticString, tier: UInt8?
  ) -> Bool {
    let byteCount = 7 + unit.utf8CodeUnitCount + name.utf8CodeUnitCount
    let isListening = phase != .closed && phase != .failed && reader.order != .offer
    // Behind it there has to be room for the word that the model has come.
    let reserve = 2 + SHA256.byteCount
    guard isListening, link.hasRoom(byteCount: byteCount + 2 + reserve) else { return false }
    say(RecordState.Kind.metric, byteCount: byteCount)
    say(tier ?? .max)
    say(digits)
    let bits = UInt32(bitPattern: value)
    for place in 0..<4 { say(UInt8(truncatingIfNeeded: bits >> UInt32(8 * place))) }
    say(UInt8(truncatingIfNeeded: unit.utf8CodeUnitCount))
    say(unit, byteCount: unit.utf8CodeUnitCount)
    say(name, byteCount: name.utf8CodeUnitCount)
    return true
  }
}

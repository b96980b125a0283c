internal import WeightCodec

extension PlaneDecoder {
  /// Bytes that may wait where a state is noted.
  private static var waitingByteCountLimit: Int { 16 }

  /// Notes the state behind all bytes that have come; false where it cannot be noted now.
  func save(into snapshot: inout StreamSnapshot) -> Bool {
    let count = coder.digits.count
    guard count <= Self.waitingByteCountLimit, coder.borrowedByteCount == 0 else { return false }
    let flags: UInt32 = (isOpen ? 2 : 0) | (isRefinement ? 4 : 0) | UInt32(step.rawValue) << 4
    snapshot.words[6] |= flags << 8
    snapshot.words[9] = UInt32(truncatingIfNeeded: index)
    snapshot.words[10] = UInt32(truncatingIfNeeded: place)
    snapshot.words[11] =
      UInt32(bit) | UInt32(truncatingIfNeeded: coder.missingByteCount) << 8
      | UInt32(truncatingIfNeeded: count) << 16
    for waiting in 0..<count {
      snapshot.words[12 &+ waiting >> 2] |=
        UInt32(coder.digits.byte(at: waiting)) << UInt32(8 &* (waiting & 3))
    }
    snapshot.words[16] = coder.interval.code
    snapshot.words[17] = coder.interval.range
    snapshot.words[18] = isMantissa.word
    snapshot.words[19] = hasExceptions.word
    snapshot.words[20] = significance.word
    for depth in 0..<3 { snapshot.words[21 &+ depth] = refinement[depth].word }
    if Differences.areTaken {
      for place in snapshot.differences.indices {
        snapshot.differences[place] = differences[place]
      }
    }
    return true
  }

  /// Goes back to a state; false where it is that of another model.
  ///
  /// The states of the tensors are those of that time already.
  mutating func load<Table: ModelTable, Store: WeightStore & ~Copyable>(
    _ snapshot: StreamSnapshot, _ table: Table, _ store: borrowing Store
  ) -> Bool {
    self = PlaneDecoder()
    let flags = snapshot.words[6] >> 8 & 0xFF
    (isOpen, isRefinement) = (flags & 2 != 0, flags & 4 != 0)
    step = Step(rawValue: UInt8(truncatingIfNeeded: flags >> 4 & 3)) ?? .codeword
    index = Int(truncatingIfNeeded: snapshot.words[9])
    place = Int(truncatingIfNeeded: snapshot.words[10])
    if step == .pass {
      guard let entry = table.entry(index, amongContents: false), entry.isPlaned else {
        return false
      }
      end = entry.offset &+ entry.elementCount
      mantissaBits = UInt8(truncatingIfNeeded: entry.format.mantissaBits)
      guard entry.offset <= place, place <= end else { return false }
    }
    bit = UInt8(truncatingIfNeeded: snapshot.words[11])
    coder.missingByteCount = Int(snapshot.words[11] >> 8 & 7)
    for waiting in 0..<Int(snapshot.words[11] >> 16 & 0x1F) where waiting < 16 {
      let byte = snapshot.words[12 &+ waiting >> 2] >> UInt32(8 &* (waiting & 3))
      _ = coder.digits.append(UInt8(truncatingIfNeeded: byte))
    }
    coder.interval.code = snapshot.words[16]
    coder.interval.range = snapshot.words[17]
    isMantissa.word = snapshot.words[18]
    hasExceptions.word = snapshot.words[19]
    significance.word = snapshot.words[20]
    for depth in 0..<3 { refinement[depth].word = snapshot.words[21 &+ depth] }
    if Differences.areTaken, step == .pass {
      isDifference = store[stateOf: index].isDifference
      for place in snapshot.differences.indices {
        differences[place] = snapshot.differences[place]
      }
    }
    return true
  }
}

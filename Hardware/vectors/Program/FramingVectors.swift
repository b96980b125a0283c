import Framing

/// The checksum of these bytes.
func agrees(crc32 line: VectorText.Line) -> Bool {
  var crc = CRC32()
  crc.update(line.bytes(0).span)
  return UInt64(crc.value) == line.number(1)
}

/// The bytes that were stuffed.
func agrees(cobs line: VectorText.Line) -> Bool {
  let plain = line.bytes(0)
  var decoder = COBSDecoder()
  var found: [UInt8] = []
  for byte in line.bytes(1) {
    if case .byte(let byte) = decoder.decode(byte) { found.append(byte) }
  }
  return decoder.isAtEnd && found == plain
}

/// Header and payload of a frame, under its seal and no other.
func agrees(frame line: VectorText.Line) -> Bool {
  guard let direction = Direction(rawValue: line.number(2, UInt8.self)) else { return false }
  var seal = Seal(outsideSessions: direction)
  if line.number(0) != nil {
    seal = Seal(
      initiatorNonce: line.number(0, UInt32.self), responderNonce: line.number(1, UInt32.self),
      direction)
  }
  var decoder = FrameDecoder(storage: storage(byteCount: 1024))
  let wire = line.bytes(6)
  var position = 0
  guard case .frame(let total)? = decoder.decode(wire.span, from: &position),
    position == wire.count, let byteCount = decoder.byteCount(total: total),
    decoder.isSealed(by: seal, byteCount: byteCount), let header = decoder.header
  else { return false }
  let (first, second) = header.bytes
  let expected = line.bytes(5)
  let isPayload = decoder.withPayload(byteCount: byteCount) { isEqual($0, expected) }
  let expectedHeader = line.number(3, UInt16.self) << 12 | line.number(4, UInt16.self)
  return isPayload && UInt16(second) << 8 | UInt16(first) == expectedHeader
}

/// A frame that parity puts right.
func agrees(parity line: VectorText.Line) -> Bool {
  guard let strength = CorrectionStrength(rawValue: line.number(0, UInt8.self)) else {
    return false
  }
  let sound = line.bytes(1) + line.bytes(2)
  var damaged = sound
  let errorCount = min(Int(strength.rawValue), sound.count)
  for index in 0..<errorCount { damaged[index] ^= 0x5A }
  var storage = storage(byteCount: sound.count)
  storage.replace(from: 0, with: damaged.span)
  let found = ParityDecoder.correct(&storage, byteCount: sound.count, strength: strength)
  return found == errorCount && storage.withSpan(0..<sound.count) { isEqual($0, sound) }
}

/// Memory for a frame, which is never given back.
private func storage(byteCount: Int) -> ByteStorage {
  unsafe ByteStorage(lending: .allocate(capacity: byteCount))
}

private func isEqual(_ span: Span<UInt8>, _ bytes: [UInt8]) -> Bool {
  guard span.count == bytes.count else { return false }
  for index in bytes.indices where span[index] != bytes[index] { return false }
  return true
}

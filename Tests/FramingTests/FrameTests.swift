import Framing
import TestVectors
import Testing

/// Frames as they stand in the golden vectors, and what damage does to them.
struct FrameTests {
  @Test func vectorsHoldBothWays() throws {
    for line in try VectorFile("frame").lines {
      let vector = try FrameVector(line)
      #expect(encoded(vector.header, vector.payload, seal: vector.seal) == vector.wire, "\(line)")
      let found = Found.frame(vector.header, payload: vector.payload, isSealed: true)
      #expect(findings(in: vector.wire, seal: vector.seal) == [found], "\(line)")
    }
  }

  @Test func noOtherSealTakesAFrame() throws {
    let vectors = try VectorFile("frame").lines.map { try FrameVector($0) }
    let seals = vectors.map(\.seal)
    for vector in vectors {
      for seal in seals where seal != vector.seal {
        let found = Found.frame(vector.header, payload: vector.payload, isSealed: false)
        #expect(findings(in: vector.wire, seal: seal) == [found])
      }
    }
  }

  @Test func changedBytesNeverPass() throws {
    for vector in try VectorFile("frame").lines.map({ try FrameVector($0) }) {
      // Of the long one every 64th byte: the others have every place.
      let step = vector.wire.count > 100 ? 64 : 1
      for offset in stride(from: 0, to: vector.wire.count, by: step) {
        for flip in UInt8(1)...255 {
          var wire = vector.wire
          wire[offset] ^= flip
          if passes(wire, vector) { Issue.record("byte \(offset) ^ \(flip) passes") }
        }
      }
    }
  }

  /// Parity puts every damaged byte right: of header, payload, checksum and parity alike.
  @Test func parityInAFramePutsItRight() throws {
    for vector in try VectorFile("frame").lines.map({ try FrameVector($0) }) {
      guard let strength = vector.header.strength else { continue }
      let sound = unstuffed(vector.wire)
      for offset in stride(from: 0, to: sound.count, by: sound.count > 100 ? 37 : 1) {
        var damaged = sound
        damaged[offset] ^= 0x5A
        #expect(correct(damaged, strength) == Corrected(sound, errorCount: 1))
      }
    }
  }

  @Test func missingAndDoubledBytesNeverPass() throws {
    for vector in try VectorFile("frame").lines.map({ try FrameVector($0) }) {
      let body = vector.wire.dropLast()
      for offset in body.indices {
        #expect(!passes(Array(body[..<offset]) + [0], vector), "cut at \(offset)")
        var shorter = vector.wire
        shorter.remove(at: offset)
        #expect(!passes(shorter, vector), "without byte \(offset)")
        var longer = vector.wire
        longer.insert(longer[offset], at: offset)
        #expect(!passes(longer, vector), "byte \(offset) twice")
      }
    }
  }

  @Test func headersComeBack() {
    for kind in 0...15 as ClosedRange<UInt8> {
      for sequence in [0, 1, 0xFF, 0x100, 0xFFF] as [UInt16] {
        let second = kind << 4 | UInt8(sequence >> 8)
        let header = FrameHeader(parsing: UInt8(truncatingIfNeeded: sequence), second)
        #expect(header != nil, "every number is a kind")
        #expect(header?.kind == (kind < 10 ? FrameKind(rawValue: kind) : .data))
        #expect(header?.strength == (kind < 10 ? nil : CorrectionStrength(index: Int(kind) - 10)))
        guard let header else { continue }
        #expect(header.sequence == sequence)
        #expect(header.bytes == (UInt8(truncatingIfNeeded: sequence), second))
      }
    }
  }

  @Test func limitOfAnEncodedFrameIsReachedAndNeverPassed() {
    var reached = false
    for count in 0...600 {
      let wire = encoded(FrameHeader(.data, sequence: 1), Array(repeating: 7, count: count))
      // A delimiter in front of the frame is part of the limit.
      let limit = FrameEncoder.encodedByteCountLimit(payloadByteCount: count)
      #expect(wire.count + 1 <= limit)
      reached = reached || wire.count + 1 == limit
    }
    #expect(reached)
  }

  private func unstuffed(_ wire: [UInt8]) -> [UInt8] {
    var stuffing = COBSDecoder()
    return wire.dropLast().compactMap { byte in
      if case .byte(let plain) = stuffing.decode(byte) { plain } else { nil }
    }
  }

  /// Whether damaged bytes are taken for a frame.
  ///
  /// Where only parity is hit, the frame is sound.
  private func passes(_ wire: [UInt8], _ vector: FrameVector) -> Bool {
    findings(in: wire, seal: vector.seal).contains { found in
      guard case .frame(let header, let payload, isSealed: true) = found else { return false }
      return vector.header.strength == nil || header != vector.header || payload != vector.payload
    }
  }
}

/// A line of `frame.txt`.
struct FrameVector {
  let seal: Seal
  let header: FrameHeader
  let payload: [UInt8]
  let wire: [UInt8]

  init(_ line: VectorFile.Line) throws {
    let direction = try #require(Direction(rawValue: try line.number(2)))
    if let initiator = try line.number(0, UInt32.self) {
      seal = Seal(initiatorNonce: initiator, responderNonce: try line.number(1), direction)
    } else {
      seal = Seal(outsideSessions: direction)
    }
    let kind: UInt16 = try line.number(3)
    let number = kind << 12 | (try line.number(4) as UInt16)
    header = try #require(
      FrameHeader(parsing: UInt8(truncatingIfNeeded: number), UInt8(number >> 8)))
    payload = try line.bytes(5)
    wire = try line.bytes(6)
  }
}

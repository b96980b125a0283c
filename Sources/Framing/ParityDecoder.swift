/// Puts a frame that was received with its parity right, in place.
///
/// Twin of `ParityEncoder`. What it cannot put right it mostly reports, but not always: too many
/// errors may look like a few others, so the checksum of the frame has the last word.
public struct ParityDecoder {
  private let strength: CorrectionStrength
  private let frameByteCount: Int
  private let codewordCount: Int

  /// Corrects the first `byteCount` bytes of `frame`, the parity among them; returns how many were
  /// wrong.
  ///
  /// Nil where no frame has this size, or a codeword has more errors than the strength can tell: the
  /// frame is lost then, and some of its bytes may have been changed.
  public static func correct(
    _ frame: inout ByteStorage, byteCount: Int, strength: CorrectionStrength
  ) -> Int? {
    guard let frameByteCount = strength.frameByteCount(totalByteCount: byteCount) else {
      return nil
    }
    // The remainder of what was received is that of the errors alone, and usually 0.
    var remainder = ParityEncoder(strength, frameByteCount: frameByteCount)
    frame.withSpan(0..<frameByteCount) { remainder.append($0) }
    let decoder = Self(strength, frameByteCount: frameByteCount)
    var errorCount = 0
    for codeword in 0..<decoder.codewordCount {
      guard let syndromes = decoder.syndromes(of: codeword, in: frame, remainder) else { continue }
      guard let errors = ErrorLocator(syndromes, strength: strength),
        decoder.correct(errors, of: codeword, in: &frame)
      else { return nil }
      errorCount += errors.errorCount
    }
    return errorCount
  }

  private init(_ strength: CorrectionStrength, frameByteCount: Int) {
    self.strength = strength
    self.frameByteCount = frameByteCount
    codewordCount = strength.codewordCount(frameByteCount: frameByteCount)
  }

  /// The values of a codeword at the roots of the generator; nil where all are 0.
  ///
  /// They are those of its remainder, which has a few bytes instead of 255.
  private func syndromes(
    of codeword: Int, in frame: borrowing ByteStorage, _ remainder: ParityEncoder
  ) -> ErrorLocator.Syndromes? {
    var syndromes = ErrorLocator.Syndromes(repeating: 0)
    var isSound = true
    var index = codeword
    while index < remainder.parityByteCount {
      let difference = remainder.remainders[index] ^ frame[frameByteCount + index]
      index += codewordCount
      if difference != 0 { isSound = false }
      if isSound { continue }
      for root in 0..<strength.parityByteCount {
        let product = GaloisField.product(syndromes[root], power: root + 1)
        syndromes[root] = product ^ difference
      }
    }
    return isSound ? nil : syndromes
  }

  /// Adds the errors to the bytes of a codeword; false where some are outside of it.
  private func correct(
    _ errors: ErrorLocator, of codeword: Int, in frame: inout ByteStorage
  ) -> Bool {
    // The encoder counts codewords from the one at the end of the frame.
    var offset = (frameByteCount + codeword) % codewordCount
    // The degree of the byte at `offset` is below `rest` by one.
    var rest = (frameByteCount - offset + codewordCount - 1) / codewordCount
    rest += strength.parityByteCount
    var foundCount = 0
    while rest > 0 && foundCount < errors.errorCount {
      rest -= 1
      if let magnitude = errors.magnitude(atDegree: rest) {
        frame[offset] ^= magnitude
        foundCount += 1
      }
      offset += codewordCount
    }
    return foundCount == errors.errorCount
  }
}

import Framing

/// A frame and its parity.
func covered(_ frame: [UInt8], _ strength: CorrectionStrength) -> [UInt8] {
  var encoder = ParityEncoder(strength, frameByteCount: frame.count)
  encoder.append(frame.span)
  var bytes = frame
  while let byte = encoder.nextParity() { bytes.append(byte) }
  return bytes
}

/// What a decoder makes of a frame with its parity.
struct Corrected: Equatable {
  let bytes: [UInt8]
  let errorCount: Int

  init(_ bytes: [UInt8], errorCount: Int) {
    self.bytes = bytes
    self.errorCount = errorCount
  }
}

/// Nil where the decoder gives the frame up.
func correct(_ bytes: [UInt8], _ strength: CorrectionStrength) -> Corrected? {
  var storage = ByteStorage(byteCount: bytes.count)
  storage.replace(from: 0, with: bytes.span)
  let errorCount = ParityDecoder.correct(&storage, byteCount: bytes.count, strength: strength)
  guard let errorCount else { return nil }
  let corrected = storage.withSpan(0..<bytes.count) { span in span.indices.map { span[$0] } }
  return Corrected(corrected, errorCount: errorCount)
}

/// A frame of a size that is worth a test, with its parity.
struct ParitySample: CustomStringConvertible, Sendable {
  let strength: CorrectionStrength
  let frameByteCount: Int
  let sound: [UInt8]

  /// Around the limits of one codeword, two and eight.
  static let all: [Self] = CorrectionStrength.allCases.flatMap { strength in
    let limit = strength.frameByteCountLimit
    let sizes = [1, 7, 247, 253, 254, limit / 8, limit / 8 + 1, 500, 1024, limit - 1, limit]
    return Set(sizes).sorted().map { Self(strength, frameByteCount: $0) }
  }

  private init(_ strength: CorrectionStrength, frameByteCount: Int) {
    self.strength = strength
    self.frameByteCount = frameByteCount
    sound = covered(sample(frameByteCount, seed: UInt64(frameByteCount)), strength)
  }

  var description: String { "strength \(strength.rawValue), \(frameByteCount) bytes" }

  var codewordCount: Int { strength.codewordCount(frameByteCount: frameByteCount) }

  /// The places of a codeword's bytes, covered ones and parity.
  func offsets(of codeword: Int) -> [Int] {
    Array(stride(from: codeword, to: sound.count, by: codewordCount))
  }

  /// Numbers of errors in a codeword that cannot be put right.
  var beyondStrength: ClosedRange<Int> {
    let count = offsets(of: codewordCount - 1).count
    return min(Int(strength.rawValue) + 1, count)...min(3 * Int(strength.rawValue), count)
  }
}

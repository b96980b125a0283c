/// Computes the parity of one frame as its bytes go by: systematic Reed–Solomon codes over
/// `GaloisField`, with the roots α … α²ᵗ.
///
/// Every byte that is sent, covered or parity, belongs to the codeword that is its offset modulo their
/// count, highest degree first (Protocol.md §3.5). Make one for each frame, append all of it, then read the parity. Twin of
/// `ParityDecoder`.
public struct ParityEncoder: Sendable {
  /// The parity of the whole frame.
  public let parityByteCount: Int
  private let codewordCount: Int
  private let generatorOffset: Int
  // 0 <= codeword < codewordCount: the one that the next byte belongs to, counted from the one that
  // the first byte of parity belongs to
  private var codeword: Int
  // 0 <= takenByteCount <= parityByteCount
  private var takenByteCount = 0
  // The coefficient of degree 2t − 1 − j of the remainder of codeword w at j·c + w: in the order in
  // which they are sent, 8 · 2 · 8 at most. Zeros follow, one for each codeword.
  private(set) var remainders = InlineArray<136, UInt8>(repeating: 0)

  /// Starts a frame of `frameByteCount` bytes.
  ///
  /// - Precondition: the frame is not empty and not above the strength's limit.
  public init(_ strength: CorrectionStrength, frameByteCount: Int) {
    precondition(
      frameByteCount > 0 && frameByteCount <= strength.frameByteCountLimit,
      "eight codewords hold the frame")
    codewordCount = strength.codewordCount(frameByteCount: frameByteCount)
    parityByteCount = strength.parityByteCount * codewordCount
    generatorOffset = strength.generatorOffset
    codeword = (codewordCount - frameByteCount % codewordCount) % codewordCount
  }

  /// Adds the next byte of the frame.
  public mutating func append(_ byte: UInt8) {
    var index = codeword
    codeword = codeword + 1 < codewordCount ? codeword + 1 : 0
    // One step of a division by the generator: the remainder times x, less a multiple of it.
    let lead = byte ^ remainders[index]
    let logarithm = GaloisField.logarithm(lead)
    var coefficient = generatorOffset
    while index < parityByteCount {
      let next = index + codewordCount
      var value = remainders[next]
      if lead != 0 { value ^= GaloisField.power(logarithm + Self.generatorLogarithm(coefficient)) }
      remainders[index] = value
      index = next
      coefficient += 1
    }
  }

  /// Adds the next bytes of the frame.
  public mutating func append(_ bytes: Span<UInt8>) {
    for index in bytes.indices { append(bytes[index]) }
  }

  /// Takes the next byte of parity, in the order of sending, once all of the frame was added.
  ///
  /// Returns nil when all are taken. Not a plain getter, because one would copy the remainders.
  public mutating func nextParity() -> UInt8? {
    if takenByteCount == parityByteCount { return nil }
    takenByteCount += 1
    return remainders[takenByteCount - 1]
  }

  /// The logarithm of a coefficient below the leading 1 in the generators' table.
  package static func generatorLogarithm(_ index: Int) -> Int { Int(generatorLogarithms[index]) }

  /// The generators (x − α)(x − α²)…(x − α²ᵗ) of all strengths, weakest first, without their leading
  /// 1, highest degree first, each coefficient as its logarithm; none is 0.
  ///
  /// 48 bytes of flash are less than the code that would multiply them out for each frame.
  private static let generatorLogarithms: InlineArray<48, UInt8> = [
    26, 3,
    76, 251, 81, 10,
    167, 2, 137, 9, 181, 21,
    176, 240, 211, 253, 220, 3, 203, 36,
    103, 45, 101, 125, 192, 119, 205, 151, 140, 97, 168, 78,
    121, 106, 110, 113, 107, 167, 83, 11, 100, 201, 158, 181, 195, 208, 240, 136,
  ]
}

extension CorrectionStrength {
  /// Where the coefficients of the strength's generator start in their table.
  package var generatorOffset: Int {
    switch self {
    case .one: 0
    case .two: 2
    case .three: 6
    case .four: 12
    case .six: 20
    case .eight: 32
    }
  }
}

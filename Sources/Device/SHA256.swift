/// A SHA-256, as words whose highest byte comes first.
public struct Digest: Equatable, Sendable {
  /// The words.
  public var words = InlineArray<8, UInt32>(repeating: 0)

  /// Whether they are the same.
  public static func == (one: Digest, other: Digest) -> Bool {
    for index in 0..<8 where one.words[index] != other.words[index] { return false }
    return true
  }
}

/// SHA-256 (FIPS 180-4), for devices, which have no library that computes it.
public struct SHA256: Sendable {
  /// The size of a digest.
  public static let byteCount = 32

  private static let blockByteCount = 64

  private var state: InlineArray<8, UInt32> = [
    0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a,
    0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19,
  ]
  // The block at hand, in words, which the schedule is made of in place.
  private var words = InlineArray<16, UInt32>(repeating: 0)
  // 0 <= filled < blockByteCount
  private var filled = 0
  // Blocks before it; a device's model has fewer than 2^32.
  private var blockCount: UInt32 = 0

  /// The digest of nothing.
  public init() {}

  /// Forgets all bytes.
  @inline(never)
  mutating func reset() { self = SHA256() }

  /// Adds a byte.
  @inline(never)
  public mutating func update(_ byte: UInt8) {
    words[filled >> 2] = words[filled >> 2] &<< 8 | UInt32(byte)
    filled &+= 1
    guard filled == Self.blockByteCount else { return }
    compress()
    filled = 0
    blockCount &+= 1
  }

  /// Adds bytes.
  public mutating func update(_ bytes: Span<UInt8>) {
    for index in bytes.indices { update(bytes[index]) }
  }

  /// Adds the bytes of a digest.
  mutating func update(_ digest: Digest) {
    for index in 0..<8 { update(bigEndian: digest.words[index]) }
  }

  /// Adds a word, its highest byte first.
  @inline(never)
  private mutating func update(bigEndian word: UInt32) {
    var rest = word
    for _ in 0..<4 {
      rest = rest &<< 8 | rest &>> 24
      update(UInt8(truncatingIfNeeded: rest))
    }
  }

  /// The digest of all bytes so far.
  public consuming func finish() -> Digest {
    // The count of bits, in two words.
    let (high, low) = (blockCount &>> 23, blockCount &<< 9 | UInt32(filled) &<< 3)
    update(0x80)
    while filled != Self.blockByteCount &- 8 { update(0) }
    update(bigEndian: high)
    update(bigEndian: low)
    return Digest(words: state)
  }

  @inline(never)
  private mutating func compress() {
    var (a, b, c, d) = (state[0], state[1], state[2], state[3])
    var (e, f, g, h) = (state[4], state[5], state[6], state[7])
    for round in 0..<64 {
      let addend = unsafe Self.constants[unchecked: round] &+ scheduled(round)
      let choice = e & f ^ ~e & g
      let sum = rotated(e, 6) ^ rotated(e, 11) ^ rotated(e, 25)
      let first = h &+ sum &+ choice &+ addend
      let majority = a & b ^ a & c ^ b & c
      let second = (rotated(a, 2) ^ rotated(a, 13) ^ rotated(a, 22)) &+ majority
      (h, g, f, e) = (g, f, e, d &+ first)
      (d, c, b, a) = (c, b, a, first &+ second)
    }
    let sums: InlineArray<8, UInt32> = [a, b, c, d, e, f, g, h]
    for index in 0..<8 { state[index] &+= sums[index] }
  }

  /// The word of a round, of which sixteen are kept.
  private mutating func scheduled(_ round: Int) -> UInt32 {
    guard round >= 16 else { return words[round] }
    let (early, late) = (words[(round &+ 1) & 15], words[(round &+ 14) & 15])
    let first = rotated(early, 7) ^ rotated(early, 18) ^ early &>> 3
    let second = rotated(late, 17) ^ rotated(late, 19) ^ late &>> 10
    let word = words[round & 15] &+ first &+ words[(round &+ 9) & 15] &+ second
    words[round & 15] = word
    return word
  }

  private func rotated(_ word: UInt32, _ count: UInt32) -> UInt32 {
    word &>> count | word &<< (32 &- count)
  }

  private static let constants: InlineArray<64, UInt32> = [
    0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5, 0x3956_c25b, 0x59f1_11f1, 0x923f_82a4,
    0xab1c_5ed5, 0xd807_aa98, 0x1283_5b01, 0x2431_85be, 0x550c_7dc3, 0x72be_5d74, 0x80de_b1fe,
    0x9bdc_06a7, 0xc19b_f174, 0xe49b_69c1, 0xefbe_4786, 0x0fc1_9dc6, 0x240c_a1cc, 0x2de9_2c6f,
    0x4a74_84aa, 0x5cb0_a9dc, 0x76f9_88da, 0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7,
    0xc6e0_0bf3, 0xd5a7_9147, 0x06ca_6351, 0x1429_2967, 0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc,
    0x5338_0d13, 0x650a_7354, 0x766a_0abb, 0x81c2_c92e, 0x9272_2c85, 0xa2bf_e8a1, 0xa81a_664b,
    0xc24b_8b70, 0xc76c_51a3, 0xd192_e819, 0xd699_0624, 0xf40e_3585, 0x106a_a070, 0x19a4_c116,
    0x1e37_6c08, 0x2748_774c, 0x34b0_bcb5, 0x391c_0cb3, 0x4ed8_aa4a, 0x5b9c_ca4f, 0x682e_6ff3,
    0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208, 0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7,
    0xc671_78f2,
  ]
}

/// The coder of tensors that are not of floats: byte by byte, by a tree of decisions for each of the first
/// places in an element.
///
/// Integers cost about the entropy of their bytes; as differences from the byte at the same place of the
/// element before, counters and positions become almost nothing.
struct ByteModels {
  // Places with models of their own; those beyond share the last.
  static let laneCount = 8
  private static let treeCount = 256

  private var models: [BitModel] = []

  private mutating func prepare() {
    guard models.isEmpty else { return }
    models = Array(repeating: BitModel(), count: Self.laneCount * Self.treeCount)
  }

  /// Encodes a whole tensor.
  mutating func encode(
    _ memory: RawSpan, from base: RawSpan?, elementByteCount: Int, asDifferences: Bool,
    _ coder: inout RangeEncoder
  ) {
    prepare()
    var sum = ElementSum()
    for index in 0..<memory.byteCount {
      let lane = index % elementByteCount
      let before = asDifferences ? sum.last(lane) : 0
      var baseByte: UInt8 = 0
      if let base { baseByte = base.byte(at: index) }
      let byte = sum.subtract(baseByte, from: memory.byte(at: index), lane: lane)
      let difference = Int(byte &- before)
      let tree = Self.base(lane: lane)
      var node = 1
      for place in stride(from: 7, through: 0, by: -1) {
        let isOne = difference >> place & 1 == 1
        coder.encode(isOne, &models[tree + node])
        node = node << 1 | (isOne ? 1 : 0)
      }
    }
  }

  /// Decodes the next byte of a tensor.
  mutating func decode(
    lane: Int, before: UInt8, _ coder: inout RangeDecoder
  ) -> UInt8 {
    prepare()
    let base = Self.base(lane: lane)
    var node = 1
    while node < Self.treeCount {
      node = node << 1 | (coder.decode(&models[base + node]) ? 1 : 0)
    }
    return before &+ UInt8(truncatingIfNeeded: node)
  }

  private static func base(lane: Int) -> Int { min(lane, laneCount - 1) * treeCount }
}

/// Adds an element, as an integer that wraps around, to that of a base, byte by byte from the lowest, and
/// remembers the bytes that were added: those of the element itself where there is no base.
struct ElementSum {
  private var addends: UInt64 = 0
  private var carry: UInt8 = 0

  /// The byte that was added at this place of the element before; 0 before the first element.
  func last(_ lane: Int) -> UInt8 { UInt8(truncatingIfNeeded: addends >> UInt64(8 * lane)) }

  /// The byte of the sum.
  mutating func add(_ byte: UInt8, to base: UInt8, lane: Int) -> UInt8 {
    begin(lane)
    note(byte, lane)
    let sum = UInt16(byte) + UInt16(base) + UInt16(carry)
    carry = UInt8(sum >> 8)
    return UInt8(truncatingIfNeeded: sum)
  }

  /// The byte that makes this sum.
  mutating func subtract(_ base: UInt8, from sum: UInt8, lane: Int) -> UInt8 {
    begin(lane)
    let byte = sum &- base &- carry
    carry = UInt16(base) + UInt16(carry) > UInt16(sum) ? 1 : 0
    note(byte, lane)
    return byte
  }

  private mutating func begin(_ lane: Int) {
    if lane == 0 { carry = 0 }
  }

  private mutating func note(_ byte: UInt8, _ lane: Int) {
    let shift = UInt64(8 * lane)
    addends = addends & ~(0xFF << shift) | UInt64(byte) << shift
  }
}

extension RawSpan {
  /// The byte at an offset, which is checked.
  func byte(at offset: Int) -> UInt8 {
    unsafe unsafeLoad(fromByteOffset: offset, as: UInt8.self)
  }
}

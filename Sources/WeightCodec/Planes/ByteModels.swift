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
    _ memory: RawSpan, elementByteCount: Int, asDifferences: Bool, _ coder: inout RangeEncoder
  ) {
    prepare()
    for index in 0..<memory.byteCount {
      let byte = memory.byte(at: index)
      let before =
        asDifferences && index >= elementByteCount ? memory.byte(at: index - elementByteCount) : 0
      let base = Self.base(lane: index % elementByteCount)
      let difference = Int(byte &- before)
      var node = 1
      for place in stride(from: 7, through: 0, by: -1) {
        let isOne = difference >> place & 1 == 1
        coder.encode(isOne, &models[base + node])
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

extension RawSpan {
  /// The byte at an offset, which is checked.
  func byte(at offset: Int) -> UInt8 {
    unsafe unsafeLoad(fromByteOffset: offset, as: UInt8.self)
  }
}

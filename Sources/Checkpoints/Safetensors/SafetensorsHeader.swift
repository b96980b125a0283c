import Tensors

/// The header of a safetensors file.
///
/// ```
/// offset   bytes
///      0       8   n, the length of the header, little-endian
///      8       n   JSON: {"NAME": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, …};
///                  "__metadata__" maps text to text; spaces may follow
///  8 + n           the data; `data_offsets` count from here
/// ```
/// The data of the tensors follow each other without holes or overlaps to the end of the file.
struct SafetensorsHeader {
  static let metadataKey = "__metadata__"
  static let lengthByteCount = 8
  // `{}`.
  private static let emptyByteCount = 2

  struct Entry {
    let name: String
    let type: SafetensorsDType
    let dataRange: Range<Int>
    /// Where the header names the tensor, for errors.
    let offset: Int
  }

  /// In the order of their data.
  let entries: [Entry]
  let metadata: [(key: String, value: String)]
  /// Where the data begin in the file.
  let dataOffset: Int

  /// Whether the file begins like a safetensors file: with a length, and a brace.
  static func recognizes(_ file: ByteRegion, limits: CheckpointLimits) -> Bool {
    guard let byteCount = file.integer(UInt64.self, at: 0) else { return false }
    return byteCount >= 2 && byteCount <= limits.headerByteCount
      && file.hasText("{", at: lengthByteCount)
  }

  init(parsing file: ByteRegion, limits: CheckpointLimits) throws(CheckpointError) {
    guard let length = file.integer(UInt64.self, at: 0) else {
      throw .safetensorsHeaderCutOff(
        found: file.byteCount, needed: Self.lengthByteCount + Self.emptyByteCount)
    }
    let byteCount = Int(clamping: length)
    try CheckpointLimit.headerByteCount.check(byteCount, atMost: limits.headerByteCount)
    dataOffset = Self.lengthByteCount + byteCount
    guard let header = file.slice(dataOffset, at: 0) else {
      throw .safetensorsHeaderCutOff(found: file.byteCount, needed: dataOffset)
    }
    // Spaces may follow the object, not precede it.
    guard header.hasText("{", at: Self.lengthByteCount) else {
      throw .malformedSafetensors(.syntax, at: Self.lengthByteCount)
    }
    var scanner = JSONScanner(header, at: Self.lengthByteCount)
    var entries: [Entry] = []
    var metadata: [(key: String, value: String)] = []
    try scanner.readObject { (scanner, name) throws(CheckpointError) in
      if name == Self.metadataKey {
        metadata = try Self.readMetadata(&scanner)
      } else {
        try CheckpointLimit.tensorCount.check(entries.count + 1, atMost: limits.tensorCount)
        try CheckpointLimit.nameByteCount.check(name.utf8.count, atMost: limits.nameByteCount)
        entries.append(try Self.readEntry(&scanner, name))
      }
    }
    try scanner.expectEnd()
    self.entries = try Self.ordered(entries, dataByteCount: file.byteCount - dataOffset)
    self.metadata = metadata
  }

  private static func readMetadata(
    _ scanner: inout JSONScanner
  ) throws(CheckpointError) -> [(key: String, value: String)] {
    var metadata: [(key: String, value: String)] = []
    try scanner.readObject { (scanner, key) throws(CheckpointError) in
      metadata.append((key, try scanner.readString()))
    }
    return metadata
  }

  private static func readEntry(
    _ scanner: inout JSONScanner, _ name: String
  ) throws(CheckpointError) -> Entry {
    let offset = scanner.offset
    var dtype: String?
    var extents: [Int]?
    var dataOffsets: [Int]?
    try scanner.readObject { (scanner, field) throws(CheckpointError) in
      switch field {
      case "dtype": dtype = try scanner.readString()
      case "shape": extents = try readIntegers(&scanner, countLimit: TensorShape.rankLimit + 1)
      case "data_offsets": dataOffsets = try readIntegers(&scanner, countLimit: 2)
      // The reference implementation lets other fields pass.
      default: try scanner.skipValue()
      }
    }
    guard let dtype, let extents, let dataOffsets else {
      throw .malformedSafetensors(.missingField(name), at: offset)
    }
    guard dataOffsets.count == 2, dataOffsets[0] <= dataOffsets[1] else {
      throw .malformedSafetensors(.overlapOrHole(name), at: offset)
    }
    return Entry(
      name: name, type: SafetensorsDType(dtype, extents),
      dataRange: dataOffsets[0]..<dataOffsets[1], offset: offset)
  }

  private static func readIntegers(
    _ scanner: inout JSONScanner, countLimit: Int
  ) throws(CheckpointError) -> [Int] {
    var integers: [Int] = []
    try scanner.readArray { (scanner) throws(CheckpointError) in
      guard integers.count < countLimit else {
        throw .malformedSafetensors(.syntax, at: scanner.offset)
      }
      integers.append(try scanner.readInteger())
    }
    return integers
  }

  private static func ordered(
    _ entries: [Entry], dataByteCount: Int
  ) throws(CheckpointError) -> [Entry] {
    // Empty tensors share an offset with the next one; their order is that of the header, because
    // the sort is stable.
    let ordered = entries.sorted {
      ($0.dataRange.lowerBound, $0.dataRange.upperBound)
        < ($1.dataRange.lowerBound, $1.dataRange.upperBound)
    }
    var end = 0
    for entry in ordered {
      guard entry.dataRange.lowerBound == end else {
        throw .malformedSafetensors(.overlapOrHole(entry.name), at: entry.offset)
      }
      end = entry.dataRange.upperBound
    }
    guard end == dataByteCount else {
      throw .malformedSafetensors(
        .dataSizeMismatch(declared: end, found: dataByteCount), at: lengthByteCount)
    }
    return ordered
  }
}

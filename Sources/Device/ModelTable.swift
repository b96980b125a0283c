/// The one model that a firmware runs: the TENSOR records that its manifest has, byte by byte.
///
/// There is one way to write a manifest (Protocol.md §5.3), so what is offered is the right model
/// if its records are the same bytes; nothing has to be taken apart to find that out.
/// `Scripts/model-table` writes the table of a model.
public protocol ModelTable {
  /// Bytes of all the records, kinds and lengths included.
  var byteCount: Int { get }
  /// One of these bytes.
  func byte(at offset: Int) -> UInt8
  /// What a device does for this model besides taking it; nothing, where the table does not say.
  static var services: DeviceServices { get }
  /// The memory for differences from the model in use: `PlaneDifferences`, where they are taken;
  /// `NoDifferences`, where the table does not say.
  associatedtype Differences: DifferenceModels = NoDifferences
}

extension ModelTable {
  /// Nothing.
  public static var services: DeviceServices { .none }
}

/// A place in a model's table: a tensor, and where it lies in the image.
struct TableEntry {
  /// The tensors of an image begin at multiples of this, in bytes.
  static let alignment = 4

  // Tensors of fewer elements are small, and so are vectors up to the other limit (Protocol.md §5.2).
  private static let smallLimit = 512
  private static let vectorLimit = 8192

  /// Its number among all tensors.
  private(set) var index = -1
  /// Its number among those with content; of one without, that of the one before.
  private(set) var number = -1
  /// Where its elements begin in the image.
  private(set) var offset = 0
  private(set) var elementCount = 0
  private(set) var format = ElementFormat(code: 0)
  /// Whether it comes in planes: a byte for each element.
  private(set) var isPlaned = false
  private(set) var hasContent = false
  /// Its record in the table.
  private(set) var record = 0..<0
  // Of its name, what it shares with the one before, and the place of the rest.
  private(set) var namePrefix = 0
  private(set) var nameSuffix = 0..<0

  /// The size of its elements as they were sent.
  var contentByteCount: Int { elementCount &* format.byteCount }

  /// The size of its place in the image.
  var byteCount: Int {
    hasContent ? elementCount &* (isPlaned ? 1 : format.byteCount) : 0
  }

  /// Goes on to the next tensor; false behind the last.
  @inline(never)
  mutating func advance<Table: ModelTable>(_ table: Table) -> Bool {
    guard record.upperBound < table.byteCount else { return false }
    index &+= 1
    offset = (offset &+ byteCount &+ Self.alignment &- 1) & -Self.alignment
    var place = record.upperBound &+ 1
    let bodyByteCount = Self.varint(table, &place)
    record = record.upperBound..<place &+ bodyByteCount
    let isShared = table.byte(at: place) != 0
    place &+= 1
    if isShared { _ = Self.varint(table, &place) }
    namePrefix = Self.varint(table, &place)
    let suffixByteCount = Self.varint(table, &place)
    nameSuffix = place..<place &+ suffixByteCount
    format = ElementFormat(code: table.byte(at: nameSuffix.upperBound))
    place = nameSuffix.upperBound &+ 1
    let rank = Self.varint(table, &place)
    elementCount = 1
    for _ in 0..<rank { elementCount &*= Self.varint(table, &place) }
    hasContent = !isShared && elementCount > 0
    if hasContent { number &+= 1 }
    let isSmall =
      elementCount < Self.smallLimit || rank < 2 && elementCount <= Self.vectorLimit
    isPlaned = format.isFloat && !isSmall
    return true
  }

  /// A number of the table, which fits.
  @inline(never)
  private static func varint<Table: ModelTable>(_ table: Table, _ place: inout Int) -> Int {
    var (number, shift) = (0, 0)
    while true {
      let byte = table.byte(at: place)
      place &+= 1
      number |= Int(byte & 0x7F) << shift
      guard byte & 0x80 != 0 else { return number }
      shift &+= 7
    }
  }
}

extension ModelTable {
  /// How many tensors there are, each with a state in the store.
  public var tensorCount: Int { end().tensorCount }

  /// Bytes of the image.
  public var imageByteCount: Int { end().imageByteCount }

  /// The tensor with this number, of all or of those with content; nil where there is none.
  @inline(never)
  func entry(_ wanted: Int, amongContents: Bool) -> TableEntry? {
    var entry = TableEntry()
    while entry.advance(self) {
      if amongContents ? entry.number == wanted && entry.hasContent : entry.index == wanted {
        return entry
      }
    }
    return nil
  }

  /// The end of the table: behind its last tensor, with the size of the image as its offset.
  @inline(never)
  func end() -> (tensorCount: Int, contentCount: Int, imageByteCount: Int) {
    var entry = TableEntry()
    while entry.advance(self) {}
    return (entry.index &+ 1, entry.number &+ 1, entry.offset &+ entry.byteCount)
  }
}

/// How the elements of a dtype are written, by its code (Protocol.md §5.3).
struct ElementFormat {
  let code: UInt8

  /// Bytes of an element.
  var byteCount: Int {
    switch code {
    case 3, 4, 17, 25: 2
    case 1, 18, 26, 40: 4
    case 2, 19, 27, 41: 8
    case 42: 16
    default: 1
    }
  }

  /// Whether it is float32, float64, float16 or bfloat16.
  var isFloat: Bool { 1...4 ~= code }

  /// Bits of a float's mantissa.
  var mantissaBits: Int {
    switch code {
    case 1: 23
    case 2: 52
    case 3: 10
    default: 7
    }
  }

  /// Levels that the magnitudes of floats have: the mantissa's bits and, of the exponents, all but
  /// the one of infinity and zero's (Protocol.md §6.3).
  private var levelCount: Int {
    switch code {
    case 1: 23 &+ 254
    case 2: 52 &+ 2046
    case 3: 10 &+ 30
    default: 7 &+ 254
    }
  }

  /// Bits that hold a level, or, all ones, that there is none.
  var levelBits: Int {
    switch code {
    case 2: 12
    case 3: 6
    default: 9
    }
  }

  /// Whether a magnitude may have this level.
  func has(level: Int) -> Bool { level < levelCount }
}

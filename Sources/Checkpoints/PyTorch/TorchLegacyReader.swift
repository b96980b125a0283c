/// Reads what `torch.save` wrote before PyTorch 1.6, and writes today when asked for.
///
/// ```
/// pickle   the magic number
/// pickle   the version, 1001
/// pickle   facts about the machine; the data are little-endian whatever they say
/// pickle   the object; storages are persistent ids
/// pickle   a list of the storages' keys, in the order of what follows
/// then, for each key: the number of elements (8 bytes, little-endian), and the elements
/// ```
/// Source: `_legacy_save` in `torch/serialization.py`.
enum TorchLegacyReader {
  /// 0x1950A86A20F9469CFC6C, as a pickle has it.
  private static let magicNumber: [UInt8] = [
    0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19,
  ]
  private static let version = 1001

  /// Whether a pickle of protocol 2 or later begins here: the instruction PROTO and its operand.
  static func recognizes(_ file: ByteRegion) -> Bool {
    file.byteCount >= 2 && file[0] == PickleOpcode.proto.rawValue && (2...5).contains(file[1])
  }

  static func contents(
    of file: ByteRegion, limits: CheckpointLimits
  ) throws(CheckpointError) -> CheckpointContents {
    let magic = try PickleInterpreter.run(file, limits: limits)
    guard case .wideInteger(magicNumber) = magic.root else {
      throw .malformedPickle(.notACheckpoint, at: 0)
    }
    let version = try PickleInterpreter.run(file, at: magic.endOffset, limits: limits)
    guard case .integer(Self.version) = version.root else {
      throw .malformedPickle(.notACheckpoint, at: magic.endOffset)
    }
    let machine = try PickleInterpreter.run(file, at: version.endOffset, limits: limits)
    let object = try PickleInterpreter.run(file, at: machine.endOffset, limits: limits)
    let keys = try PickleInterpreter.run(file, at: object.endOffset, limits: limits)
    let storages = try storages(file, keys, of: object.heap)
    let reader = TorchReader(format: .pyTorchLegacy, limits: limits)
    return try reader.contents(of: object) { (reference) throws(CheckpointError) in
      guard let storage = storages[reference.key] else {
        throw .missingStorage(key: reference.key.string)
      }
      guard let part = storage.slice(reference.byteRange.count, at: reference.byteRange.lowerBound)
      else {
        throw .storageTooShort(
          key: reference.key.string, declared: reference.rootByteCount, found: storage.byteCount)
      }
      return .region(part)
    }
  }

  /// The data of all storages by their keys, whether a tensor uses them or not.
  private static func storages(
    _ file: ByteRegion, _ keys: PickleInterpreter.Result, of heap: PickleHeap
  ) throws(CheckpointError) -> [ExactText: ByteRegion] {
    guard let elements = keys.heap.elements(of: keys.root) else {
      throw .malformedPickle(.notACheckpoint, at: keys.endOffset)
    }
    var reader = ByteReader(file, at: keys.endOffset)
    var storages: [ExactText: ByteRegion] = [:]
    for element in elements {
      guard case .string(let text) = element else {
        throw .malformedPickle(.notACheckpoint, at: keys.endOffset)
      }
      let key = ExactText(text)
      // The type of the elements, and so the length of the data, is known from the object only.
      guard let root = heap.root(key) else { throw .missingStorage(key: text) }
      let start = reader.offset
      let (byteCount, overflow) = try reader.readCount(UInt64.self)
        .multipliedReportingOverflow(by: root.elementByteCount)
      guard !overflow, byteCount >= 0 else { throw .truncated(at: start) }
      let range = try reader.skip(byteCount)
      storages[key] = file.slice(range.count, at: range.lowerBound)
    }
    return storages
  }
}

/// Reads what `torch.save` writes since PyTorch 1.6: a zip archive with everything in one folder.
///
/// ```
/// data.pkl     the object; storages are persistent ids
/// byteorder    "little" or "big"; absent: little
/// data/KEY     the bytes of a storage
/// ```
/// The numbers of a big-endian file are swapped by the type of the tensor that they belong to.
/// Other records (`version`, `.format_version`, `.data/serialization_id`) change nothing here.
enum TorchZipReader {
  private static let byteOrderByteCountLimit = 16

  /// Whether the archive is one of PyTorch's, readable or not.
  static func recognizes(_ archive: ZipArchive) -> Bool {
    archive.entry("data.pkl") != nil || archive.entry("constants.pkl") != nil
  }

  static func contents(
    of archive: ZipArchive, limits: CheckpointLimits
  ) throws(CheckpointError) -> CheckpointContents {
    // torch.jit writes its constants beside the data, torch.save never does.
    guard archive.entry("constants.pkl") == nil else { throw .torchScriptArchive }
    guard let entry = archive.entry("data.pkl") else {
      throw .malformedZip(.missingEntry("data.pkl"))
    }
    try CheckpointLimit.pickleByteCount.check(entry.byteCount, atMost: limits.pickleByteCount)
    let pickle = try PickleInterpreter.run(try archive.bytes(of: entry), limits: limits)
    let reader = TorchReader(
      format: .pyTorchZip, isBigEndian: try isBigEndian(archive), limits: limits)
    return try reader.contents(of: pickle) { (storage) throws(CheckpointError) in
      guard let entry = archive.entry("data/\(storage.key.string)") else {
        throw .missingStorage(key: storage.key.string)
      }
      guard entry.byteCount >= storage.rootByteCount else {
        throw .storageTooShort(
          key: storage.key.string, declared: storage.rootByteCount, found: entry.byteCount)
      }
      return .entry(entry, of: archive)
    }
  }

  private static func isBigEndian(_ archive: ZipArchive) throws(CheckpointError) -> Bool {
    guard let entry = archive.entry("byteorder") else { return false }
    guard entry.byteCount <= byteOrderByteCountLimit else {
      throw .malformedZip(.unknownByteOrder)
    }
    let record = try archive.bytes(of: entry)
    switch record.text(0..<record.byteCount) {
    case "little": return false
    case "big": return true
    default: throw .malformedZip(.unknownByteOrder)
    }
  }
}

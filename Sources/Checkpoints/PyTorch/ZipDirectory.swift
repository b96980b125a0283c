/// Where the entries of a zip archive begin, which libzip does not tell.
///
/// ```
/// end record, last in the file          local header, before the data
///    0  4  "PK" 5 6                        0  4  "PK" 3 4
///   10  2  entries                        26  2  length of the name
///   16  4  offset of the directory        28  2  length of the extra field
///   20  2  length of the comment          30     name, extra field, data
/// directory record                      zip64 locator, right before the end record
///    0  4  "PK" 1 2                        0  4  "PK" 6 7
///   20  4  compressed size                 8  8  offset of the zip64 end record
///   24  4  size                          zip64 end record
///   28  2  length of the name              0  4  "PK" 6 6
///   30  2  length of the extra field      32  8  entries
///   32  2  length of the comment          48  8  offset of the directory
///   42  4  offset of the local header
///   46     name, extra field, comment
/// ```
/// Nothing found here is believed: `ZipArchive` compares names, sizes and all bytes with what
/// libzip reads. Source: APPNOTE.TXT 6.3.10, sections 4.3.7 to 4.3.16 and 4.5.3.
struct ZipDirectory {
  private static let localSignature: UInt32 = 0x0403_4B50
  private static let recordSignature: UInt32 = 0x0201_4B50
  private static let endSignature: UInt32 = 0x0605_4B50
  private static let zip64LocatorSignature: UInt32 = 0x0706_4B50
  private static let zip64EndSignature: UInt32 = 0x0606_4B50
  private static let endByteCount = 22
  private static let absent = Int(UInt32.max)

  /// The offsets of the local headers, in the order of the directory.
  let localHeaderOffsets: [Int]

  /// Returns nil where there is no directory of `entryCount` whole records.
  init?(of file: ByteRegion, entryCount: Int) {
    guard var offset = Self.directoryOffset(in: file) else { return nil }
    var localHeaderOffsets: [Int] = []
    for _ in 0..<entryCount {
      guard file.integer(UInt32.self, at: offset) == Self.recordSignature,
        let nameByteCount = file.short(at: offset + 28),
        let extraByteCount = file.short(at: offset + 30),
        let commentByteCount = file.short(at: offset + 32),
        let extra = file.slice(extraByteCount, at: offset + 46 + nameByteCount),
        let localOffset = Self.localHeaderOffset(of: file, record: offset, extra: extra)
      else { return nil }
      localHeaderOffsets.append(localOffset)
      offset += 46 + nameByteCount + extraByteCount + commentByteCount
    }
    self.localHeaderOffsets = localHeaderOffsets
  }

  /// Where the data of the entry begin whose local header is at `offset` and bears `name`.
  static func dataOffset(in file: ByteRegion, localHeader offset: Int, name: [UInt8]) -> Int? {
    guard file.integer(UInt32.self, at: offset) == localSignature,
      let nameByteCount = file.short(at: offset + 26),
      let extraByteCount = file.short(at: offset + 28),
      nameByteCount == name.count, file.contains(nameByteCount, at: offset + 30),
      name.indices.allSatisfy({ file[offset + 30 + $0] == name[$0] })
    else { return nil }
    return offset + 30 + nameByteCount + extraByteCount
  }

  private static func directoryOffset(in file: ByteRegion) -> Int? {
    guard let end = endOffset(in: file), let offset = file.word(at: end + 16) else { return nil }
    let locator = end - 20
    guard file.integer(UInt32.self, at: locator) == zip64LocatorSignature else { return offset }
    guard let zip64End = file.long(at: locator + 8),
      file.integer(UInt32.self, at: zip64End) == zip64EndSignature
    else { return nil }
    return file.long(at: zip64End + 48)
  }

  /// The end record is the last one whose comment reaches exactly to the end of the file.
  private static func endOffset(in file: ByteRegion) -> Int? {
    let last = file.byteCount - endByteCount
    guard last >= 0 else { return nil }
    for offset in stride(from: last, through: max(0, last - Int(UInt16.max)), by: -1)
    where file.integer(UInt32.self, at: offset) == endSignature
      && file.short(at: offset + 20) == last - offset
    {
      return offset
    }
    return nil
  }

  private static func localHeaderOffset(
    of file: ByteRegion, record: Int, extra: ByteRegion
  ) -> Int? {
    guard let compressed = file.word(at: record + 20), let plain = file.word(at: record + 24),
      let offset = file.word(at: record + 42)
    else { return nil }
    guard offset == absent else { return offset }
    // The zip64 field has, in this order, only those of the three values that do not fit above.
    let position = (plain == absent ? 8 : 0) + (compressed == absent ? 8 : 0)
    var field = 0
    while let tag = extra.short(at: field), let byteCount = extra.short(at: field + 2) {
      if tag == 1 { return extra.slice(byteCount, at: field + 4)?.long(at: position) }
      field += 4 + byteCount
    }
    return nil
  }
}

extension ByteRegion {
  fileprivate func short(at offset: Int) -> Int? { integer(UInt16.self, at: offset).map(Int.init) }
  fileprivate func word(at offset: Int) -> Int? { integer(UInt32.self, at: offset).map(Int.init) }

  /// Values from 2^63 on are no offsets of any file and count as absent.
  fileprivate func long(at offset: Int) -> Int? {
    integer(UInt64.self, at: offset).flatMap(Int.init(exactly:))
  }
}

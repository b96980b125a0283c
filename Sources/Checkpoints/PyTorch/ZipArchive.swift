import CZip

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// A zip archive in memory, read through libzip.
///
/// Opening reads the directory only. An entry is checked as a whole when it is asked for first: its
/// CRC by libzip and, where it is stored, that the bytes in the file are the bytes that libzip
/// read. From then on a stored entry is a part of the file and costs no memory; a deflated one is
/// kept inflated. Not for use from two threads at once.
@safe
final class ZipArchive {
  struct Entry {
    fileprivate let index: UInt64
    fileprivate let name: [UInt8]
    let byteCount: Int
    fileprivate let isStored: Bool
    fileprivate let localHeaderOffset: Int
  }

  /// deflate codes 258 bytes with 2 bits at best.
  private static let inflationFactorLimit = 1032
  private static let blockByteCount = 1 << 16

  private let file: ByteRegion
  private let archive: OpaquePointer
  private var entries: [ExactText: Entry] = [:]
  private var verified: [UInt64: ByteRegion] = [:]
  /// The folder of the first entry, with its slash: PyTorch puts everything into one.
  private var folder = ""

  init(_ file: ByteRegion, limits: CheckpointLimits) throws(CheckpointError) {
    self.file = file
    unsafe archive = try Self.open(file.memory)
    let entryCount = Int(unsafe zip_get_num_entries(archive, 0))
    try CheckpointLimit.zipEntryCount.check(entryCount, atMost: limits.zipEntryCount)
    guard let directory = ZipDirectory(of: file, entryCount: entryCount) else {
      throw .malformedZip(.archive(code: Int(ZIP_ER_INCONS)))
    }
    var inflatedByteCount = 0
    for (index, offset) in directory.localHeaderOffsets.enumerated() {
      let (name, entry) = try readEntry(UInt64(index), localHeaderOffset: offset)
      if !entry.isStored {
        inflatedByteCount += entry.byteCount
        try CheckpointLimit.inflatedByteCount.check(
          inflatedByteCount, atMost: limits.inflatedByteCount)
      }
      guard entries.updateValue(entry, forKey: ExactText(name)) == nil else {
        throw .malformedZip(.duplicateEntry(name))
      }
      if index == 0 { folder = name.firstIndex(of: "/").map { String(name[...$0]) } ?? "" }
    }
  }

  deinit { unsafe zip_discard(archive) }

  /// The entry at this path in the archive's folder.
  func entry(_ path: String) -> Entry? { entries[ExactText(folder + path)] }

  /// The bytes of `entry`, checked.
  func bytes(of entry: Entry) throws(CheckpointError) -> ByteRegion {
    if let region = verified[entry.index] { return region }
    try file.memory.checkUnchanged()
    let region = entry.isStored ? try verify(entry) : try inflate(entry)
    verified[entry.index] = region
    return region
  }

  private static func open(_ memory: Memory) throws(CheckpointError) -> OpaquePointer {
    var error = unsafe zip_error_t()
    unsafe zip_error_init(&error)
    defer { unsafe zip_error_fini(&error) }
    let bytes = unsafe memory.unsafeBytes
    guard
      let source = unsafe zip_source_buffer_create(
        bytes.baseAddress, UInt64(bytes.count), 0, &error)
    else { throw .malformedZip(.archive(code: Int(unsafe zip_error_code_zip(&error)))) }
    guard let archive = unsafe zip_open_from_source(source, ZIP_RDONLY | ZIP_CHECKCONS, &error)
    else {
      unsafe zip_source_free(source)
      throw .malformedZip(.archive(code: Int(unsafe zip_error_code_zip(&error))))
    }
    return unsafe archive
  }

  private func readEntry(
    _ index: UInt64, localHeaderOffset: Int
  ) throws(CheckpointError) -> (String, Entry) {
    guard let rawName = unsafe zip_get_name(archive, index, ZIP_FL_ENC_RAW) else {
      throw .malformedZip(.archive(code: Int(ZIP_ER_INCONS)))
    }
    let name = unsafe String(cString: rawName)
    var status = unsafe zip_stat_t()
    guard unsafe zip_stat_index(archive, index, 0, &status) == 0,
      let byteCount = Int(exactly: unsafe status.size),
      let compressedByteCount = Int(exactly: unsafe status.comp_size)
    else { throw .malformedZip(.inconsistentEntry(name)) }
    guard unsafe status.encryption_method == ZIP_EM_NONE else {
      throw .malformedZip(.encryptedEntry(name))
    }
    let method = Int32(unsafe status.comp_method)
    guard method == ZIP_CM_STORE || method == ZIP_CM_DEFLATE else {
      throw .malformedZip(.unsupportedCompression(name, method: Int(method)))
    }
    // Sizes that cannot be true are refused before anybody allocates by them.
    let isStored = method == ZIP_CM_STORE
    guard compressedByteCount <= file.byteCount,
      byteCount <= compressedByteCount * (isStored ? 1 : Self.inflationFactorLimit)
    else { throw .malformedZip(.inconsistentEntry(name)) }
    let entry = Entry(
      index: index,
      name: unsafe Array(UnsafeRawBufferPointer(start: rawName, count: strlen(rawName))),
      byteCount: byteCount, isStored: isStored, localHeaderOffset: localHeaderOffset)
    return (name, entry)
  }

  private func verify(_ entry: Entry) throws(CheckpointError) -> ByteRegion {
    guard
      let offset = ZipDirectory.dataOffset(
        in: file, localHeader: entry.localHeaderOffset, name: entry.name),
      let region = file.slice(entry.byteCount, at: offset)
    else { throw inconsistent(entry) }
    var position = 0
    try unsafe read(entry) { block in
      guard region.contains(block.count, at: position) else { return false }
      defer { position += block.count }
      return region.withBytes(of: position..<position + block.count) { bytes in
        unsafe bytes.withUnsafeBytes { expected in
          guard let expected = expected.baseAddress, let found = block.baseAddress
          else { return true }
          return unsafe memcmp(expected, found, block.count) == 0
        }
      }
    }
    guard position == entry.byteCount else { throw inconsistent(entry) }
    return region
  }

  private func inflate(_ entry: Entry) throws(CheckpointError) -> ByteRegion {
    let memory = try unsafe Memory(byteCount: entry.byteCount) { (target) throws(CheckpointError) in
      var position = 0
      try unsafe self.read(entry) { block in
        guard block.count <= target.count - position else { return false }
        unsafe UnsafeMutableRawBufferPointer(rebasing: target[position...]).copyMemory(from: block)
        position += block.count
        return true
      }
      guard position == target.count else { throw self.inconsistent(entry) }
    }
    return ByteRegion(memory)
  }

  /// Passes the entry's bytes to `body` block by block, and lets libzip check the CRC at the end;
  /// ends with an error when `body` returns false.
  private func read(
    _ entry: Entry, _ body: (UnsafeRawBufferPointer) -> Bool
  ) throws(CheckpointError) {
    guard let stream = unsafe zip_fopen_index(archive, entry.index, 0) else {
      let code = unsafe zip_error_code_zip(zip_get_error(archive))
      throw .malformedZip(.entry(String(decoding: entry.name, as: UTF8.self), code: Int(code)))
    }
    defer { unsafe zip_fclose(stream) }
    let block = UnsafeMutableRawBufferPointer.allocate(
      byteCount: Self.blockByteCount, alignment: 16)
    defer { unsafe block.deallocate() }
    while true {
      guard let address = block.baseAddress else { return }
      let count = Int(unsafe zip_fread(stream, address, UInt64(block.count)))
      guard count != 0 else { return }
      guard count > 0 else {
        let code = unsafe zip_error_code_zip(zip_file_get_error(stream))
        throw .malformedZip(.entry(String(decoding: entry.name, as: UTF8.self), code: Int(code)))
      }
      guard unsafe body(UnsafeRawBufferPointer(rebasing: block[..<count])) else {
        throw inconsistent(entry)
      }
    }
  }

  private func inconsistent(_ entry: Entry) -> CheckpointError {
    .malformedZip(.inconsistentEntry(String(decoding: entry.name, as: UTF8.self)))
  }
}

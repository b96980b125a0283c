internal import Dispatch
internal import Framing
import Glibc
internal import Streaming
internal import SystemPackage

/// What has come of a transfer, in a file beside the output: the records of the manifest, and then the bytes
/// of the stream, so that another session goes on where this one ended.
///
/// Written behind its end only, in pieces with a checksum each: `WTJRNL1` and a line feed, then for each piece
/// its length and its CRC-32, four bytes each, little-endian, and its bytes; the manifest is the first
/// one. Whatever a power cut leaves of the last pieces is not read.
struct Journal: ~Copyable {
  private static let magic = Array("WTJRNL1\n".utf8)
  private static let headerByteCount = 8
  // Synchronized when so much has been written, so that a power cut costs no more than that.
  private static let synchronizationByteCount = 1 << 18

  private let path: FilePath
  private let descriptor: FileDescriptor
  /// The transfer that it is of.
  let identity: StreamIdentity
  /// Bytes of the stream that it has.
  private(set) var byteCount = 0
  /// Their checksum.
  private(set) var checksum = CRC32()
  // Where the next piece goes.
  private var end: Int64 = 0
  // Where the next piece is that is read again, and where the first one is.
  private var position: Int64 = 0
  private var start: Int64 = 0
  private var unsynchronizedByteCount = 0
  private let synchronizer = DispatchQueue(label: "wtserial.journal")
  private var hasFailed = false

  /// Begins one, in place of whatever there is.
  ///
  /// - Throws: `Errno`.
  init(creating path: FilePath, _ manifest: Manifest, _ identity: StreamIdentity) throws {
    let descriptor = try FileDescriptor.open(
      path, .readWrite, options: [.create, .truncate, .closeOnExec],
      permissions: [.ownerReadWrite, .groupRead, .otherRead])
    // Readable without the base, too.
    var whole = manifest
    whole.terms.order = []
    var head = Self.magic
    Self.append(piece: whole.encoded(), to: &head)
    do {
      try Self.write(head, to: descriptor, at: 0)
    } catch {
      try? descriptor.close()
      throw error
    }
    self.path = path
    self.identity = identity
    self.descriptor = descriptor
    end = Int64(head.count)
    start = end
    position = end
    synchronize()
  }

  /// Opens the one that there is, and drops from its end what is not whole; nil where there is none that
  /// anybody could go on with.
  static func open(_ path: FilePath) -> Journal? {
    guard let descriptor = try? FileDescriptor.open(path, .readWrite, options: .closeOnExec) else {
      return nil
    }
    var reader = PieceReader(descriptor)
    guard let manifest = reader.readManifest(), let identity = manifest.terms.identity else {
      try? descriptor.close()
      return nil
    }
    return Journal(path, descriptor, identity, &reader)
  }

  private init(
    _ path: FilePath, _ descriptor: FileDescriptor, _ identity: StreamIdentity,
    _ reader: inout PieceReader
  ) {
    self.path = path
    self.descriptor = descriptor
    self.identity = identity
    start = reader.position
    position = start
    while let piece = reader.next() {
      byteCount += piece.count
      checksum.update(piece.span)
    }
    end = reader.position
    _ = ftruncate(descriptor.rawValue, off_t(end))
  }

  deinit {
    synchronizer.sync {}
    try? descriptor.close()
  }

  /// What the sender is told of it.
  var unfinished: Unfinished {
    Unfinished(identity: identity, byteCount: byteCount, checksum: checksum.value)
  }

  /// Adds the next bytes of the stream.
  ///
  /// - Throws: `Errno`; the journal is of no use then.
  mutating func append(_ bytes: [UInt8]) throws {
    guard !bytes.isEmpty else { return }
    var piece: [UInt8] = []
    Self.append(piece: bytes, to: &piece)
    try Self.write(piece, to: descriptor, at: end)
    end += Int64(piece.count)
    byteCount += bytes.count
    checksum.update(bytes.span)
    unsynchronizedByteCount += piece.count
    if unsynchronizedByteCount >= Self.synchronizationByteCount { synchronize() }
  }

  /// The next bytes of the stream, from its beginning on; empty behind the last.
  mutating func nextPiece() -> [UInt8] {
    var reader = PieceReader(descriptor, at: position, until: end)
    defer { position = reader.position }
    return reader.next() ?? []
  }

  /// Reads it from the beginning of the stream again.
  mutating func rewind() { position = start }

  /// The transfer has come to its end, or is given up.
  consuming func remove() {
    _ = unsafe path.withPlatformString { unsafe unlink($0) }
  }

  // The disk takes its time, and the line does not wait for it.
  private mutating func synchronize() {
    unsynchronizedByteCount = 0
    let file = descriptor.rawValue
    synchronizer.async { _ = fdatasync(file) }
  }

  private static func append(piece: [UInt8], to bytes: inout [UInt8]) {
    var checksum = CRC32()
    checksum.update(piece.span)
    for number in [UInt32(piece.count), checksum.value] {
      for place in 0..<4 { bytes.append(UInt8(truncatingIfNeeded: number >> UInt32(8 * place))) }
    }
    bytes += piece
  }

  private static func write(
    _ bytes: [UInt8], to descriptor: FileDescriptor, at offset: Int64
  ) throws {
    _ = try unsafe bytes.withUnsafeBytes {
      try unsafe descriptor.writeAll(toAbsoluteOffset: offset, $0)
    }
  }

  /// Goes through the pieces of a journal.
  private struct PieceReader {
    let descriptor: FileDescriptor
    var position: Int64
    let end: Int64

    init(_ descriptor: FileDescriptor, at position: Int64 = 0, until end: Int64? = nil) {
      self.descriptor = descriptor
      self.position = position
      self.end = end ?? (try? descriptor.seek(offset: 0, from: .end)) ?? 0
    }

    mutating func readManifest() -> Manifest? {
      guard read(Journal.magic.count) == Journal.magic, let records = next() else { return nil }
      return try? Manifest(encoded: records)
    }

    /// The next piece; nil where there is none that is whole.
    mutating func next() -> [UInt8]? {
      let before = position
      guard let head = read(Journal.headerByteCount) else { return nil }
      let byteCount = Self.number(head[..<4])
      var checksum = CRC32()
      // No piece is empty: zeros are what a file system leaves where nothing was written.
      if byteCount > 0, let piece = read(Int(byteCount)) {
        checksum.update(piece.span)
        if checksum.value == Self.number(head[4...]) { return piece }
      }
      position = before
      return nil
    }

    private static func number(_ bytes: ArraySlice<UInt8>) -> UInt32 {
      bytes.reversed().reduce(0) { $0 << 8 | UInt32($1) }
    }

    /// So many bytes; nil where the file is shorter.
    private mutating func read(_ count: Int) -> [UInt8]? {
      guard Int64(count) <= end - position else { return nil }
      let (descriptor, start) = (descriptor, position)
      let bytes = try? unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
        let target = UnsafeMutableRawBufferPointer(buffer)
        while filled < count {
          let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: target[filled...])
          let more = try unsafe descriptor.read(
            fromAbsoluteOffset: start + Int64(filled), into: rest)
          guard more > 0 else { break }
          filled += more
        }
      }
      guard let bytes, bytes.count == count else { return nil }
      position += Int64(count)
      return bytes
    }
  }
}

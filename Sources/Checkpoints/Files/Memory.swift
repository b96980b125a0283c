import SystemPackage

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Bytes that stay where they are as long as this object lives: a mapped file, or a copy.
///
/// A mapping shows what others write to the file, and a read beyond a shortened file's end is
/// SIGBUS. `checkUnchanged` before every read turns both into an error, except for a change in the
/// very moment between the check and the read.
@safe
final class Memory {
  private enum Backing {
    case copy
    case file(FileDescriptor, size: Int64, modified: timespec)
  }

  private let bytes: UnsafeMutableRawBufferPointer
  private let backing: Backing

  /// Maps a regular file for reading.
  init(mapping path: FilePath) throws(CheckpointError) {
    // Before opening: to open a terminal line already moves its modem lines, a fifo may block.
    try Self.requireRegular(path.status())
    let descriptor = try openForReading(path)
    do throws(CheckpointError) {
      let status = try descriptor.status()
      try Self.requireRegular(status)
      guard status.size > 0 else { throw .emptyFile }
      guard let size = Int(exactly: status.size),
        let base = unsafe mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor.rawValue, 0),
        unsafe base != MAP_FAILED
      else { throw .system(.map, Errno(rawValue: errno)) }
      unsafe bytes = UnsafeMutableRawBufferPointer(start: base, count: size)
      backing = .file(descriptor, size: status.size, modified: status.st_mtim)
    } catch {
      try? descriptor.close()
      throw error
    }
  }

  /// Allocates `byteCount` bytes and lets `fill` write them.
  init(
    byteCount: Int, filling fill: (UnsafeMutableRawBufferPointer) throws(CheckpointError) -> Void
  ) throws(CheckpointError) {
    unsafe bytes = .allocate(byteCount: byteCount, alignment: 16)
    backing = .copy
    unsafe try fill(bytes)
  }

  deinit {
    switch backing {
    case .copy: unsafe bytes.deallocate()
    case .file(let descriptor, _, _):
      unsafe munmap(bytes.baseAddress, bytes.count)
      try? descriptor.close()
    }
  }

  var byteCount: Int { unsafe bytes.count }

  /// Valid as long as this object is; the caller keeps it alive.
  var unsafeBytes: UnsafeRawBufferPointer { unsafe UnsafeRawBufferPointer(bytes) }

  /// Throws `.changedWhileReading` when the mapped file is not what it was at opening.
  func checkUnchanged() throws(CheckpointError) {
    guard case .file(let descriptor, let size, let modified) = backing else { return }
    let status = try descriptor.status()
    guard status.size == size, status.st_mtim.tv_sec == modified.tv_sec,
      status.st_mtim.tv_nsec == modified.tv_nsec
    else { throw .changedWhileReading }
  }

  private static func requireRegular(_ status: Stat) throws(CheckpointError) {
    switch status.type {
    case .regular: return
    case .directory: throw .notARegularFile(.directory)
    case .fifo: throw .notARegularFile(.fifo)
    case .socket: throw .notARegularFile(.socket)
    case .characterSpecial: throw .notARegularFile(.characterDevice)
    case .blockSpecial: throw .notARegularFile(.blockDevice)
    default: throw .notARegularFile(.other)
    }
  }
}

private func openForReading(_ path: FilePath) throws(CheckpointError) -> FileDescriptor {
  do {
    return try FileDescriptor.open(path, .readOnly, options: [.closeOnExec, .nonBlocking])
  } catch {
    throw .system(.open, error as? Errno ?? .ioError)
  }
}

extension FilePath {
  fileprivate func status() throws(CheckpointError) -> Stat {
    do { return try stat() } catch { throw .system(.stat, error) }
  }
}

extension FileDescriptor {
  fileprivate func status() throws(CheckpointError) -> Stat {
    do { return try stat() } catch { throw .system(.stat, error) }
  }
}

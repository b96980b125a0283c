import Glibc
package import SystemPackage

/// Why an output cannot be written.
package struct OutputError: Error, Equatable, Sendable {
  /// What was asked of the system.
  package enum Operation: Equatable, Sendable {
    case create, allocate, write, synchronize, rename
  }

  package let operation: Operation
  package let path: FilePath
  package let errno: Errno
}

/// A file that appears under its name only when it is complete: written beside it, under the name
/// with `.partial` behind it, synchronized and renamed.
///
/// What is half written stays there for whoever wants it; an empty one is removed.
package struct OutputFile: ~Copyable {
  /// The name in the end.
  package let path: FilePath
  /// The name until then.
  package let partialPath: FilePath
  private let descriptor: FileDescriptor
  private let isTemporary: Bool
  private var isWorthKeeping = false

  /// Creates the partial file, so that a folder that cannot be written to is known at once.
  ///
  /// A temporary one is never worth keeping.
  package init(
    _ path: FilePath, suffix: String = ".partial", isTemporary: Bool = false
  ) throws(OutputError) {
    // A link stays, and what it leads to is replaced.
    let path = Self.resolved(path)
    self.path = path
    self.isTemporary = isTemporary
    partialPath = FilePath(path.string + suffix)
    let partial = partialPath
    // Opened by name: what is in the way of the output would be noticed at the rename only, or be
    // replaced there as /dev/null would for root.
    if let errno = Self.obstacle(at: path) {
      throw OutputError(operation: .create, path: path, errno: errno)
    }
    descriptor = try Self.attempt(.create, partial) {
      try FileDescriptor.open(
        partial, .readWrite, options: [.create, .truncate, .closeOnExec],
        permissions: [.ownerReadWrite, .groupRead, .otherRead])
    }
  }

  deinit {
    try? descriptor.close()
    if !isWorthKeeping { try? Self.remove(partialPath) }
  }

  /// Makes room for `byteCount` bytes, zeroed, or fails where the disk has none.
  package mutating func allocate(byteCount: Int) throws(OutputError) {
    let file = descriptor.rawValue
    try Self.call(.allocate, partialPath) { ftruncate(file, 0) }
    guard byteCount > 0 else { return }
    // Answers the error instead of setting errno: posix_fallocate(3).
    let error = posix_fallocate(file, 0, byteCount)
    guard error == 0 else {
      throw OutputError(operation: .allocate, path: partialPath, errno: Errno(rawValue: error))
    }
  }

  /// Writes all of `bytes` at an offset.
  package mutating func write(_ bytes: [UInt8], at offset: Int) throws(OutputError) {
    let descriptor = descriptor
    try Self.attempt(.write, partialPath) {
      _ = try unsafe bytes.withUnsafeBytes {
        try unsafe descriptor.writeAll(toAbsoluteOffset: Int64(offset), $0)
      }
    }
    markWorthKeeping()
  }

  /// Writes all of `bytes` at an offset.
  func write(_ bytes: RawSpan, at offset: Int) throws(OutputError) {
    let descriptor = descriptor
    try Self.attempt(.write, partialPath) {
      _ = try unsafe bytes.withUnsafeBytes {
        try unsafe descriptor.writeAll(toAbsoluteOffset: Int64(offset), $0)
      }
    }
  }

  /// Something has come that is worth more than nothing.
  mutating func markWorthKeeping() {
    if !isTemporary { isWorthKeeping = true }
  }

  /// The bytes of the file, to write in place.
  func map(byteCount: Int) throws(OutputError) -> MappedFile {
    do throws(Errno) {
      return try MappedFile(descriptor, byteCount: byteCount)
    } catch {
      throw OutputError(operation: .allocate, path: partialPath, errno: error)
    }
  }

  /// Puts the complete file in its place; a durable one is there after a power cut, too.
  package consuming func finish(isDurable: Bool = true) throws(OutputError) {
    let file = descriptor.rawValue
    if isDurable { try Self.call(.synchronize, partialPath) { fsync(file) } }
    let (old, new) = (partialPath, path)
    try Self.call(.rename, new) {
      unsafe old.withPlatformString { from in
        unsafe new.withPlatformString { to in unsafe rename(from, to) }
      }
    }
    isWorthKeeping = true
    guard isDurable else { return }
    // The name itself is safe once the folder is. Some file systems cannot: the file is still whole.
    let folder = new.removingLastComponent()
    let directory = try? FileDescriptor.open(
      folder.isEmpty ? "." : folder, .readOnly, options: [.directory, .closeOnExec])
    if let directory {
      _ = fsync(directory.rawValue)
      try? directory.close()
    }
  }

  // MARK: - Calls

  private static func attempt<T>(
    _ operation: OutputError.Operation, _ path: FilePath, _ body: () throws -> T
  ) throws(OutputError) -> T {
    do {
      return try body()
    } catch {
      throw OutputError(operation: operation, path: path, errno: error as? Errno ?? .ioError)
    }
  }

  private static func call(
    _ operation: OutputError.Operation, _ path: FilePath, _ body: () -> CInt
  ) throws(OutputError) {
    while body() != 0 {
      guard errno == EINTR else {
        throw OutputError(operation: operation, path: path, errno: Errno(rawValue: errno))
      }
    }
  }

  /// The end of a symbolic link; the path itself where it is none, or leads nowhere.
  private static func resolved(_ path: FilePath) -> FilePath {
    unsafe path.withPlatformString { name in
      guard let end = unsafe realpath(name, nil) else { return path }
      defer { unsafe free(end) }
      var status = stat()
      guard unsafe lstat(name, &status) == 0, status.st_mode & S_IFMT == S_IFLNK else {
        return path
      }
      return unsafe FilePath(platformString: end)
    }
  }

  /// Why no file can take this name; nil where none has it yet, or a file.
  private static func obstacle(at path: FilePath) -> Errno? {
    guard !path.isEmpty else { return .invalidArgument }
    var status = stat()
    let result = unsafe path.withPlatformString { unsafe fstatat(AT_FDCWD, $0, &status, 0) }
    guard result == 0 else { return nil }
    return switch status.st_mode & S_IFMT {
    case S_IFREG: nil
    case S_IFDIR: .isDirectory
    default: .fileExists
    }
  }

  private static func remove(_ path: FilePath) throws {
    _ = unsafe path.withPlatformString { unsafe unlink($0) }
  }
}

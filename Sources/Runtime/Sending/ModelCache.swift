internal import Checkpoints
import Glibc
internal import SerialDriver
package import Streaming
package import SystemPackage

/// Copies of models that were sent, by the digests that receivers know them by: what a later version of one
/// can be told apart from.
///
/// Files in the user's cache folder, the ones that were used last, up to a gigabyte together. What cannot be
/// read or written is not kept: nothing depends on it, and what is read is digested before it counts.
package struct ModelCache: Sendable {
  private static let byteCountLimit = 1 << 30

  private let folder: FilePath?

  /// That of the user.
  package init() { folder = UserFolder.cache?.appending("models") }

  /// The model that may have this digest.
  func model(_ digest: Digest) -> Checkpoint? {
    guard let path = folder?.appending(digest.hex) else { return nil }
    // Used now: the last that is given up. Before it is opened, for then it must not change.
    _ = unsafe path.withPlatformString { unsafe utimensat(AT_FDCWD, $0, nil, 0) }
    return try? Checkpoint(opening: path)
  }

  /// Keeps a copy of a file, under each of these digests.
  package func keep(_ path: FilePath, as digests: [Digest]) {
    guard let folder, let first = digests.first, let file = File(path),
      file.byteCount <= Self.byteCountLimit
    else { return }
    UserFolder.make(folder)
    let place = folder.appending(first.hex)
    if File(place) == nil {
      makeRoom(file.byteCount, in: folder)
      guard Self.copy(path, to: place) else { return }
    }
    for digest in digests.dropFirst() {
      _ = unsafe place.withPlatformString { from in
        unsafe folder.appending(digest.hex).withPlatformString { to in unsafe link(from, to) }
      }
    }
  }

  /// Removes what was not used for the longest time, until so many more bytes fit.
  private func makeRoom(_ byteCount: Int, in folder: FilePath) {
    var files = ProcessFiles.entries(of: folder).compactMap { File(folder.appending($0)) }
    files.sort { $0.usedAt < $1.usedAt }
    // Two names of one file count twice, which errs to the safe side.
    var sum = files.reduce(byteCount) { $0 + $1.byteCount }
    for file in files where sum > Self.byteCountLimit {
      _ = unsafe file.path.withPlatformString { unsafe unlink($0) }
      sum -= file.byteCount
    }
  }

  private struct File {
    let path: FilePath
    let byteCount: Int
    // In seconds; reading a model notes it.
    let usedAt: Int

    /// Nil where there is no such file.
    init?(_ path: FilePath) {
      var status = stat()
      guard unsafe path.withPlatformString({ unsafe stat($0, &status) }) == 0,
        status.st_mode & S_IFMT == S_IFREG
      else { return nil }
      self.path = path
      byteCount = Int(status.st_size)
      usedAt = status.st_mtim.tv_sec
    }
  }

  /// Copies a file aside and renames it.
  static func copy(_ path: FilePath, to place: FilePath) -> Bool {
    let new = FilePath("\(place).\(getpid())")
    guard let source = try? FileDescriptor.open(path, .readOnly, options: .closeOnExec) else {
      return false
    }
    defer { try? source.close() }
    guard
      let target = try? FileDescriptor.open(
        new, .writeOnly, options: [.create, .truncate, .closeOnExec], permissions: .ownerReadWrite)
    else { return false }
    let isCopied = (try? copy(source, to: target)) != nil
    try? target.close()
    let result = unsafe new.withPlatformString { from in
      unsafe place.withPlatformString { to in
        unsafe isCopied ? rename(from, to) : unlink(from)
      }
    }
    return isCopied && result == 0
  }

  private static func copy(_ source: FileDescriptor, to target: FileDescriptor) throws {
    var buffer = [UInt8](repeating: 0, count: 1 << 20)
    while true {
      let count = try unsafe buffer.withUnsafeMutableBytes { try unsafe source.read(into: $0) }
      if count == 0 { return }
      _ = try target.writeAll(buffer[..<count])
    }
  }
}

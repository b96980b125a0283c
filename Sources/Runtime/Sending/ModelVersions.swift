import Glibc
internal import LinkLayer
package import SystemPackage

/// The versions of a model file that a trainer writes, the newest only.
///
/// A file may be written in place, so each version is copied once it has stayed the same for a moment, and it is
/// the copy that is sent.
package final class ModelVersions {
  // How long a file has to stay as it is, in seconds: most formats show if they are not whole.
  private static let calm = 0.1

  private let path: FilePath
  private let copy: FilePath
  // The last one that was handed out or was no model, and the one that was seen since.
  private var last: Version?
  private var seen: Version?
  private var seenAt = MonotonicClock.now

  private struct Version: Equatable {
    let inode: UInt64
    let byteCount: Int
    let seconds: Int
    let nanoseconds: Int

    /// Nil where there is no such file.
    init?(_ path: FilePath) {
      var status = stat()
      guard unsafe path.withPlatformString({ unsafe stat($0, &status) }) == 0 else { return nil }
      inode = UInt64(status.st_ino)
      byteCount = Int(status.st_size)
      (seconds, nanoseconds) = (status.st_mtim.tv_sec, status.st_mtim.tv_nsec)
    }
  }

  /// Watches a file, which need not be there yet.
  package init(of path: FilePath) {
    self.path = path
    let folder = UserFolder.cache ?? "/tmp"
    UserFolder.make(folder)
    // With its name, by which formats are told apart that do not say what they are.
    copy = folder.appending("following.\(getpid()).\(path.lastComponent?.string ?? "")")
  }

  deinit {
    _ = unsafe copy.withPlatformString { unsafe unlink($0) }
  }

  /// A copy of a version that was not handed out before, if there is one that is whole; it lasts until the next
  /// call.
  package func next() -> FilePath? {
    guard let now = Version(path), now != last else { return nil }
    guard now == seen else {
      (seen, seenAt) = (now, MonotonicClock.now)
      return nil
    }
    let age = Double((MonotonicClock.now - seenAt).microseconds) / 1e6
    guard age >= Self.calm, ModelCache.copy(path, to: copy), Version(path) == now else {
      return nil
    }
    last = now
    return copy
  }

  /// The version has not arrived, and is to be handed out again if there is no newer one.
  package func putBack() { last = nil }
}

import Glibc
import SerialDriver
import SystemPackage

/// A name for a pseudo-terminal: a symbolic link that goes when its owner goes.
struct LoopbackLink: ~Copyable {
  let path: FilePath
  private let target: FilePath

  /// Makes the link, in the place of one that a killed loopback left behind.
  ///
  /// Only a link into `/dev/pts` is ever replaced, and only if its terminal is gone, or is `target`
  /// itself: a new terminal takes the lowest free number, often that of the one that died.
  init(at path: FilePath, to target: FilePath) throws(LoopbackError) {
    if let old = ProcessFiles.target(of: path) {
      guard old.starts(with: "/dev/pts"), old != "/dev/pts" else { throw .nameTaken(path) }
      guard old == target || FileStatus(of: old) == nil else {
        throw .nameInUse(path, terminal: old)
      }
      // Someone else may have removed it since; what counts is whether the new one can be made.
      _ = unsafe path.withPlatformString { unsafe unlink($0) }
    }
    do throws(Errno) {
      try systemCall {
        unsafe target.withPlatformString { target in
          unsafe path.withPlatformString { unsafe symlink(target, $0) }
        }
      }
    } catch .fileExists {
      throw .nameTaken(path)
    } catch {
      throw .system(.makeLink, path, error)
    }
    self.path = path
    self.target = target
  }

  deinit {
    // Another loopback may have taken the name over.
    guard ProcessFiles.target(of: path) == target else { return }
    _ = unsafe path.withPlatformString { unsafe unlink($0) }
  }
}

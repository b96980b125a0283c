package import SerialDriver
package import SystemPackage

/// A lock file by the convention of UUCP, which minicom and others still write; they are read here,
/// never written: whoever crashes leaves them behind.
package struct LockFile: Equatable, Sendable {
  package let path: FilePath
  /// The process that the file names, nil where it has ended or the file makes no sense.
  package let owner: PortOwner?

  // /var/lock is a link to it where both are there (Filesystem Hierarchy Standard 3.0, §5.9).
  private static let folders: [FilePath] = ["/run/lock", "/var/lock"]

  /// The lock file of a port, if there is one.
  package static func ofPort(at path: FilePath) -> LockFile? {
    guard let name = path.lastComponent?.string else { return nil }
    for folder in folders {
      let file = folder.appending("LCK..\(name)")
      guard let text = ProcessFiles.text(of: file) else { continue }
      return LockFile(path: file, owner: processID(in: text).flatMap(PortOwner.init))
    }
    return nil
  }

  /// Ten digits with blanks in front and a line end behind; some programs put their name behind them.
  static func processID(in text: String) -> Int32? {
    let words = text.split { $0 == " " || $0 == "\n" }
    return words.first.flatMap { Int32($0) }.flatMap { $0 > 0 ? $0 : nil }
  }
}

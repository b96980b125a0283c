import Glibc
import SerialDriver
import Synchronization
package import SystemPackage

/// Remembers, for each adapter, the slowest rate that has failed on it, so that it is not tried with
/// every transfer.
///
/// A file of lines `seconds-since-1970 rate adapter` in the user's state folder (XDG Base Directory
/// Specification). What cannot be read or written is not remembered: nothing depends on it.
package struct RateMemory {
  // A cable is exchanged, a driver mended: after a month a rate gets another chance.
  private static let lifetime = 30 * 86_400
  private static let entryLimit = 256
  // Transfers of one process that end at once write one file.
  private static let lock = Mutex(())

  private let path: FilePath?
  private let adapter: String

  /// The memory of the adapter behind a port.
  package init(port: FilePath) {
    self.init(adapter: Self.name(of: port))
  }

  /// The memory of an adapter by its name.
  package init(adapter: String) {
    path = UserFolder.state?.appending("rates")
    self.adapter = adapter
  }

  /// The slowest rate that has failed on the adapter; nil for none.
  package var failedBaudRate: UInt32? {
    entries.last { $0.adapter == adapter }?.baudRate
  }

  /// Notes that a rate has failed.
  package func note(failedBaudRate: UInt32) {
    Self.lock.withLock { _ in write(failedBaudRate) }
  }

  private func write(_ failedBaudRate: UInt32) {
    guard let path, failedBaudRate != self.failedBaudRate else { return }
    var entries = entries.filter { $0.adapter != adapter }.suffix(Self.entryLimit - 1)
    entries.append(Entry(time: time(nil), baudRate: failedBaudRate, adapter: adapter))
    let text = entries.map { "\($0.time) \($0.baudRate) \($0.adapter)\n" }.joined()
    write(text, to: path)
  }

  // MARK: - The file

  private struct Entry {
    var time: Int
    var baudRate: UInt32
    var adapter: String
  }

  private var entries: [Entry] {
    guard let path, let text = ProcessFiles.text(of: path) else { return [] }
    let now = time(nil)
    return text.split(separator: "\n").compactMap { line in
      let fields = line.split(separator: " ", maxSplits: 2)
      guard fields.count == 3, let time = Int(fields[0]), let baudRate = UInt32(fields[1]),
        now - time < Self.lifetime
      else { return nil }
      return Entry(time: time, baudRate: baudRate, adapter: String(fields[2]))
    }
  }

  private func write(_ text: String, to path: FilePath) {
    UserFolder.make(path.removingLastComponent())
    // Aside and renamed: two transfers may end at once.
    let new = FilePath("\(path).\(getpid())")
    guard
      let file = try? FileDescriptor.open(
        new, .writeOnly, options: [.create, .truncate], permissions: .ownerReadWrite)
    else { return }
    let isWritten = (try? file.closeAfter { try file.writeAll(text.utf8) }) != nil
    _ = unsafe new.withPlatformString { new in
      unsafe path.withPlatformString { path in
        unsafe isWritten ? rename(new, path) : unlink(new)
      }
    }
  }

  /// The name that udev gives an adapter, which stays when the adapter moves; else the port's path.
  private static func name(of port: FilePath) -> String {
    let folder: FilePath = "/dev/serial/by-id"
    guard let device = FileStatus(of: port)?.device else { return port.string }
    let names = ProcessFiles.entries(of: folder).sorted()
    let name = names.first { FileStatus(of: folder.appending($0))?.device == device }
    return name ?? port.string
  }
}

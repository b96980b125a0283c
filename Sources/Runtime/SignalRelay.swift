import Glibc
import SerialDriver
import Synchronization
package import SystemPackage

/// Passes a signal on to many loops, each on a thread of its own: a process has it only once.
///
/// Whoever waits for signals calls `end(by:)`; loops have a `SignalWatcher(following:)`.
package final class SignalRelay: Sendable {
  private let received = Mutex<EndSignal?>(nil)
  private let reader: FileDescriptor
  private let writer: FileDescriptor

  /// - Throws: where there are no descriptors left.
  package init() throws(Errno) {
    do {
      (reader, writer) = try FileDescriptor.pipe()
    } catch {
      throw error as? Errno ?? .ioError
    }
    for descriptor in [reader, writer] { _ = fcntl(descriptor.rawValue, F_SETFD, FD_CLOEXEC) }
  }

  deinit {
    try? reader.close()
    try? writer.close()
  }

  /// The signal, once it has come.
  package var signal: EndSignal? { received.withLock { $0 } }

  /// Tells all who follow, those of later, too.
  package func end(by signal: EndSignal) {
    received.withLock { $0 = $0 ?? signal }
    // Nobody reads it: it stays readable for all.
    _ = try? writer.writeAll([0])
  }

  /// A descriptor of its own that becomes readable with the signal.
  func descriptor() throws(Errno) -> OwnedDescriptor {
    let number = reader.rawValue
    return OwnedDescriptor(try systemCall { fcntl(number, F_DUPFD_CLOEXEC, 0) })
  }
}

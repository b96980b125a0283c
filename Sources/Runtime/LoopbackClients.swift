import Glibc
import SerialDriver
import SystemPackage

/// Hears when clients open and close the terminals: a kill closes too. See inotify(7).
struct LoopbackClients: ~Copyable {
  enum Event: Equatable {
    case opened, closed
    /// The kernel dropped events: the clients have to be counted anew.
    case lostCount
  }

  private let file: OwnedDescriptor

  init() throws(LoopbackError) {
    do throws(Errno) {
      file = OwnedDescriptor(
        try systemCall { inotify_init1(CInt(IN_NONBLOCK | IN_CLOEXEC)) })
    } catch {
      throw .system(.watchClients, nil, error)
    }
  }

  var descriptor: CInt { file.rawValue }

  /// Watches a terminal from now on and answers the number that its events bear.
  borrowing func watch(_ path: FilePath) throws(LoopbackError) -> CInt {
    let descriptor = file.rawValue
    do throws(Errno) {
      return try systemCall {
        unsafe path.withPlatformString {
          unsafe inotify_add_watch(descriptor, $0, UInt32(IN_OPEN | IN_CLOSE))
        }
      }
    } catch {
      throw .system(.watchClients, path, error)
    }
  }

  /// Takes the next event; nil where nothing has happened. A lost count has the watch -1.
  borrowing func next() throws(LoopbackError) -> (watch: CInt, event: Event)? {
    var event = inotify_event()
    let descriptor = file.rawValue
    do throws(Errno) {
      // A watched file, other than a folder, has events without a name: one fits exactly.
      try systemCall { unsafe read(descriptor, &event, MemoryLayout<inotify_event>.size) }
    } catch .wouldBlock {
      return nil
    } catch {
      throw .system(.watchClients, nil, error)
    }
    if event.mask & UInt32(IN_Q_OVERFLOW) != 0 { return (-1, .lostCount) }
    return (event.wd, event.mask & UInt32(IN_OPEN) != 0 ? .opened : .closed)
  }

  /// Counts the descriptors that other processes have of a terminal, as far as they can be seen.
  static func count(of path: FilePath) -> Int {
    guard let device = FileStatus(of: path)?.device else { return 0 }
    return ProcessFiles.processIDs().filter { $0 != getpid() }.reduce(0) { sum, processID in
      sum
        + ProcessFiles.descriptors(of: processID).count { FileStatus(of: $0)?.device == device }
    }
  }
}

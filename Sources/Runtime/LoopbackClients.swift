import Glibc
import SerialDriver
import SystemPackage

/// Hears when clients open and close the terminals; to be killed is to close.
///
/// The kernel merges like events that follow each other, two opens into one (inotify(7)): whoever is
/// left after a close is looked up in `/proc`, which takes a few milliseconds.
struct LoopbackClients: ~Copyable {
  enum Event: Equatable {
    case opened, closed
    /// The kernel dropped events.
    case overflow
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

  /// Takes the next event.
  ///
  /// - Returns: the event and whose it is, an overflow with the watch -1; nil where nothing happened.
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
    if event.mask & UInt32(IN_Q_OVERFLOW) != 0 { return (-1, .overflow) }
    return (event.wd, event.mask & UInt32(IN_OPEN) != 0 ? .opened : .closed)
  }

  /// How often a terminal is open, but for our own descriptor of it.
  ///
  /// Another user's processes cannot be seen; the terminal is ours, so that can only be root.
  static func count(of terminal: borrowing PseudoTerminal) -> Int {
    guard let device = FileStatus(of: terminal.path) else { return 0 }
    let own = terminal.slave.rawValue
    return ProcessFiles.processIDs().reduce(0) { sum, processID in
      let descriptors = ProcessFiles.descriptors(of: processID, on: device)
      return sum + descriptors.count { processID != getpid() || $0 != own }
    }
  }
}

import CSerial
import Glibc
import SerialDriver
package import SystemPackage

/// A signal that asks the program to end.
package enum EndSignal: Equatable, Sendable {
  case interrupt, terminate, hangUp
}

/// Turns SIGINT, SIGTERM and SIGHUP into a readable descriptor, so that loops end the ordinary way
/// and put everything back; ignores SIGPIPE and SIGXFSZ, so that a closed pipe and a file beyond the
/// limit of `ulimit -f` are errors of a write.
///
/// Made by the main thread before any other: threads inherit the blocked signals, and so do child
/// processes, which have to unblock them. Only the first SIGINT is taken: a second one ends the
/// program at once, for the user whose program does not react. See signalfd(2).
package struct SignalWatcher: ~Copyable {
  private let file: OwnedDescriptor
  private let previousMask: sigset_t
  // Who else hears of the process's signals; nil where this one does.
  private let relay: SignalRelay?

  /// Blocks the signals and opens the descriptor.
  package init() throws(Errno) {
    let file = OwnedDescriptor(try systemCall { cserial_signal_descriptor() })
    var previousMask = sigset_t()
    // Blocked, a signal arrives even if it is ignored, and nohup(1) would be in vain.
    let hangUp = cserial_is_ignored(SIGHUP) ? [] : [SIGHUP]
    var signals = Self.set(of: [SIGINT, SIGTERM] + hangUp)
    let error = unsafe pthread_sigmask(SIG_BLOCK, &signals, &previousMask)
    guard error == 0 else { throw Errno(rawValue: error) }
    signal(SIGPIPE, SIG_IGN)
    signal(SIGXFSZ, SIG_IGN)
    self.file = file
    self.previousMask = previousMask
    relay = nil
  }

  /// Hears of signals from the one who watches those of the process.
  package init(following relay: SignalRelay) throws(Errno) {
    file = try relay.descriptor()
    previousMask = sigset_t()
    self.relay = relay
  }

  deinit {
    guard relay == nil else { return }
    var previousMask = previousMask
    _ = unsafe pthread_sigmask(SIG_SETMASK, &previousMask, nil)
  }

  /// The descriptor, to wait for; it stays the watcher's.
  package var descriptor: CInt { file.rawValue }

  /// Takes the next signal; nil where none has come.
  package func next() throws(Errno) -> EndSignal? {
    if let relay { return relay.signal }
    let number: CInt
    do throws(Errno) {
      let descriptor = file.rawValue
      number = try systemCall { cserial_next_signal(descriptor) }
    } catch .wouldBlock {
      return nil
    }
    switch number {
    case SIGINT:
      releaseInterrupt()
      return .interrupt
    case SIGHUP: return .hangUp
    default: return .terminate
    }
  }

  private func releaseInterrupt() {
    var signals = Self.set(of: [SIGINT])
    _ = unsafe pthread_sigmask(SIG_UNBLOCK, &signals, nil)
  }

  private static func set(of numbers: [CInt]) -> sigset_t {
    var signals = sigset_t()
    unsafe sigemptyset(&signals)
    for number in numbers { unsafe sigaddset(&signals, number) }
    return signals
  }
}

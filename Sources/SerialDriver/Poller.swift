import CSerial
import Glibc
package import SystemPackage

/// Waits until a descriptor is ready or a time has passed, by ppoll(2).
///
/// It has no clock: the caller turns its deadline into the time that is left.
package struct Poller {
  /// What a descriptor is watched for; hang-ups and errors are always seen.
  package struct Interest: OptionSet, Sendable {
    package let rawValue: Int16

    package init(rawValue: Int16) {
      self.rawValue = rawValue
    }

    package static let readable = Interest(rawValue: Int16(POLLIN))
    package static let writable = Interest(rawValue: Int16(POLLOUT))
  }

  private var entries: [pollfd] = []

  /// Watches nothing yet.
  package init() {}

  /// Watches `descriptor` from now on, which stays open meanwhile; an earlier interest in it ends.
  ///
  /// An empty interest stops watching it: else a hang-up would end every wait at once.
  package mutating func watch(_ descriptor: CInt, for interest: Interest) {
    // ppoll(2) passes over negative numbers.
    let watched = interest.isEmpty ? -1 - descriptor : descriptor
    let entry = pollfd(fd: watched, events: interest.rawValue, revents: 0)
    if let index = index(of: descriptor) {
      entries[index] = entry
    } else {
      entries.append(entry)
    }
  }

  /// Sleeps until a descriptor is ready, a signal was handled, or the time is over; nil waits on.
  package mutating func wait(nanoseconds: UInt64?) throws(Errno) {
    let count = UInt(entries.count)
    let result: CInt
    if let nanoseconds {
      let (seconds, rest) = nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
      var timeout = timespec(tv_sec: Int(seconds), tv_nsec: Int(rest))
      result = unsafe cserial_poll(&entries, count, &timeout)
    } else {
      result = unsafe cserial_poll(&entries, count, nil)
    }
    guard result < 0 else { return }
    let error = Errno(rawValue: errno)
    for index in entries.indices { entries[index].revents = 0 }
    if error != .interrupted { throw error }
  }

  /// Whether a read will not block: there are bytes, or it will tell that the other end is gone.
  package func isReadable(_ descriptor: CInt) -> Bool {
    isReady(descriptor, for: POLLIN)
  }

  /// Whether a write will not block: there is room, or it will tell that the other end is gone.
  package func isWritable(_ descriptor: CInt) -> Bool {
    isReady(descriptor, for: POLLOUT)
  }

  private func isReady(_ descriptor: CInt, for event: CInt) -> Bool {
    guard let index = index(of: descriptor) else { return false }
    return CInt(entries[index].revents) & (event | POLLHUP | POLLERR | POLLNVAL) != 0
  }

  private func index(of descriptor: CInt) -> Int? {
    entries.firstIndex { $0.fd == descriptor || $0.fd == -1 - descriptor }
  }
}

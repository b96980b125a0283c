internal import SerialDriver
internal import SystemPackage

/// How a server is waited for: the clock that the caller has, and what ends waiting early.
package struct Patience: Sendable {
  private let clock: @Sendable () -> UInt64
  private let interruption: CInt?

  /// `clock` answers nanoseconds since some moment; `interruption` is a descriptor that ends waiting
  /// when it becomes readable.
  package init(clock: @escaping @Sendable () -> UInt64, interruption: CInt?) {
    self.clock = clock
    self.interruption = interruption
  }

  /// Nanoseconds since some moment.
  var now: UInt64 { clock() }

  /// Sleeps until the descriptor is ready for reading, or for writing; false where `deadline` comes first.
  ///
  /// - Throws: `Errno`, or `NetworkPortError.interrupted`.
  func wait(
    for interest: Poller.Interest, of descriptor: CInt, until deadline: UInt64
  ) throws -> Bool {
    var poller = Poller()
    poller.watch(descriptor, for: interest)
    if let interruption { poller.watch(interruption, for: .readable) }
    while true {
      let now = now
      guard now < deadline else { return false }
      try poller.wait(nanoseconds: deadline - now)
      if let interruption, poller.isReadable(interruption) { throw NetworkPortError.interrupted }
      let isReady =
        interest.contains(.readable) && poller.isReadable(descriptor)
        || interest.contains(.writable) && poller.isWritable(descriptor)
      if isReady { return true }
    }
  }

  /// Sleeps until `deadline`.
  func sleep(until deadline: UInt64) throws {
    var poller = Poller()
    if let interruption { poller.watch(interruption, for: .readable) }
    while now < deadline {
      try poller.wait(nanoseconds: deadline - now)
      if let interruption, poller.isReadable(interruption) { throw NetworkPortError.interrupted }
    }
  }
}

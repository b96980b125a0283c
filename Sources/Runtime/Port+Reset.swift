internal import NetworkPorts
package import SerialDriver

extension Port {
  /// Restarts the board at the other end by its modem lines.
  ///
  /// - Throws: what the port throws, and `TransferLoop.Interruption` after a signal.
  package func perform(
    _ sequence: ResetSequence, signals: borrowing SignalWatcher
  ) throws {
    for step in sequence.steps {
      switch step {
      case .set(let line, let isRaised): try set(line, isRaised: isRaised)
      case .setBoth(let dtr, let rts): try setBoth(dtr: dtr, rts: rts)
      case .wait(let milliseconds): try signals.sleep(milliseconds: milliseconds)
      }
    }
  }

  private func set(_ line: ModemLine, isRaised: Bool) throws {
    switch self {
    case .serial(let port): try port.set(line, isRaised: isRaised)
    case .network(let port): try port.set(line, isRaised: isRaised)
    }
  }

  private func setBoth(dtr: Bool, rts: Bool) throws {
    switch self {
    case .serial(let port): try port.setBoth(dtr: dtr, rts: rts)
    case .network(let port):
      // RFC 2217 has no command for both.
      try port.set(.dtr, isRaised: dtr)
      try port.set(.rts, isRaised: rts)
    }
  }
}

extension SignalWatcher {
  /// Sleeps.
  ///
  /// - Throws: `TransferLoop.Interruption` when a signal comes.
  fileprivate func sleep(milliseconds: Int) throws {
    var poller = Poller()
    poller.watch(descriptor, for: .readable)
    let end = MonotonicClock.nanoseconds + UInt64(milliseconds) * 1_000_000
    while true {
      let now = MonotonicClock.nanoseconds
      guard now < end else { return }
      try poller.wait(nanoseconds: end - now)
      if let signal = try next() { throw TransferLoop.Interruption.signal(signal) }
    }
  }
}

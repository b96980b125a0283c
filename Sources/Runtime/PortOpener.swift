package import LinkLayer
internal import Logging
internal import NetworkPorts
package import SerialDriver
package import SerialPorts
internal import SystemPackage

/// How long a port that is not there yet is waited for.
package enum PortWait: Equatable, Sendable {
  case none
  case limited(Interval)
  case forever
}

/// A port that was opened by its name, and what is needed to find it again.
package struct OpenedPort: ~Copyable {
  package var port: Port
  /// What is known of the device; nil for what is none of this machine.
  package let description: PortDescription?
  /// Where it is connected to; nil for what is of this machine.
  let server: NetworkServer?
  let settings: PortSettings
  let absenceLimit: Interval?
  let tell: (PortNews) -> Void
}

/// Opens the port that a user has named.
package struct PortOpener {
  // Where no events come.
  private static let lookInterval = Interval.milliseconds(250)
  // To ask a lab starts a Python program.
  private static let placeInterval = Interval.seconds(3)
  // What has just been plugged in gets its permissions a moment later, and may be looked at by
  // ModemManager first.
  private static let settlingLimit = Interval.seconds(5)

  private enum Target {
    case selector(PortSelector)
    /// A port behind a network.
    case network(NetworkAddress)
    /// One of a lab.
    case place(LabgridName)
  }

  private let target: Target
  private let settings: PortSettings
  private let wait: PortWait

  /// - Throws: `PortSelectorError` or `NetworkAddress.Flaw` for a name that makes no sense.
  package init(_ name: String, _ settings: PortSettings, wait: PortWait) throws {
    if let address = try NetworkAddress(name) {
      target = .network(address)
    } else if let name = LabgridName(name) {
      target = .place(name)
    } else {
      target = .selector(try PortSelector(parsing: name))
    }
    self.settings = settings
    self.wait = wait
  }

  /// Opens the port; one that is not there is waited for, if that is wanted.
  ///
  /// - Throws: `PortSearchError`, what opening throws, and `Interruption` after a signal.
  package func open(
    signals: borrowing SignalWatcher, tell: @escaping (PortNews) -> Void = { _ in }
  ) throws -> OpenedPort {
    switch target {
    case .network(let address):
      let server = NetworkServer(address, nil, signals)
      return try open(server, signals: signals, tell: tell)
    case .place(let name):
      let hold = try acquire(name, signals: signals, tell: tell)
      tell(.resolved(hold.address.text))
      return try open(
        NetworkServer(hold.address, hold, signals), signals: signals, tell: tell)
    case .selector(let selector):
      return try open(selector, signals: signals, tell: tell)
    }
  }

  private func open(
    _ selector: PortSelector, signals: borrowing SignalWatcher,
    tell: @escaping (PortNews) -> Void
  ) throws -> OpenedPort {
    let watcher = PortWatcher()
    let start = MonotonicClock.now
    var appearedAt: Instant?
    var isAwaited = false
    while true {
      do {
        let found = try selector.find(among: watcher.ports)
        // What was there from the start has had its time.
        if isAwaited, appearedAt == nil { appearedAt = MonotonicClock.now }
        let port = try SerialPort(opening: found.path, settings)
        let name = selector.description == found.path.string ? "" : " by \(selector)"
        LineLog.port.debug("opened \(found.path)\(name): \(settings.words)")
        if let description = found.description {
          LineLog.port.debug(
            "its driver is \(description.driver ?? "unknown"), at \(description.usb?.location ?? "no USB")"
          )
        }
        tell(.opened(found.description?.path ?? found.path))
        return OpenedPort(
          port: .serial(port), description: found.description, server: nil, settings: settings,
          absenceLimit: absenceLimit, tell: tell)
      } catch {
        let now = MonotonicClock.now
        if isAbsence(error) { appearedAt = nil }
        let isSettling = mayPass(error) && appearedAt.map { now - $0 < Self.settlingLimit } == true
        guard isSettling || (isAbsence(error) && isWorthWaiting(since: start)) else { throw error }
        LineLog.port.trace("not yet: \(error)")
      }
      if !isAwaited { tell(.awaited) }
      isAwaited = true
      try pause(watcher, signals)
    }
  }

  private func open(
    _ server: NetworkServer, signals: borrowing SignalWatcher,
    tell: @escaping (PortNews) -> Void
  ) throws -> OpenedPort {
    let start = MonotonicClock.now
    var isAwaited = false
    while true {
      do {
        let port = try server.open(settings)
        LineLog.port.debug("connected: \(settings.words)")
        return OpenedPort(
          port: port, description: nil, server: server, settings: settings,
          absenceLimit: absenceLimit, tell: tell)
      } catch NetworkPortError.interrupted {
        // The signal is taken below.
      } catch {
        guard isAbsence(error), isWorthWaiting(since: start) else { throw error }
        if !isAwaited { tell(.awaited) }
        isAwaited = true
      }
      try pause(nil, signals)
    }
  }

  /// Acquires a place; one that somebody else has is waited for, if that is wanted.
  private func acquire(
    _ name: LabgridName, signals: borrowing SignalWatcher, tell: (PortNews) -> Void
  ) throws -> PlaceHold {
    let start = MonotonicClock.now
    var isAwaited = false
    while true {
      do {
        return try PlaceHold(name)
      } catch LabgridError.acquired(let place, let holder) {
        guard isWorthWaiting(since: start) else {
          throw LabgridError.acquired(place, by: holder)
        }
      }
      if !isAwaited { tell(.awaited) }
      isAwaited = true
      try pause(nil, signals, for: Self.placeInterval)
    }
  }

  private func isWorthWaiting(since start: Instant) -> Bool {
    switch wait {
    case .none: false
    case .limited(let limit): MonotonicClock.now - start < limit
    case .forever: true
    }
  }

  /// How long the device may be away later.
  private var absenceLimit: Interval? {
    switch wait {
    case .none: FollowedPort.absenceLimit
    case .limited(let limit): max(FollowedPort.absenceLimit, limit)
    case .forever: nil
    }
  }

  /// Waits for news, and looks.
  private func pause(
    _ watcher: PortWatcher?, _ signals: borrowing SignalWatcher,
    for interval: Interval = lookInterval
  ) throws {
    var poller = Poller()
    poller.watch(signals.descriptor, for: .readable)
    if let descriptor = watcher?.descriptor { poller.watch(descriptor, for: .readable) }
    try poller.wait(nanoseconds: UInt64(interval.microseconds) * 1000)
    if let signal = try signals.next() { throw TransferLoop.Interruption.signal(signal) }
    _ = watcher?.look()
  }
}

extension PortSettings {
  /// What is set, for the log.
  fileprivate var words: String {
    let flow =
      switch flowControl {
      case .none: "no flow control"
      case .rtsCts: "RTS/CTS"
      case .xonXoff: "XON/XOFF"
      }
    return "\(baudRate) baud, 8N1, \(flow)"
  }
}

/// Whether there is no such port, so that it may come.
private func isAbsence(_ error: any Error) -> Bool {
  switch error {
  case PortSearchError.none, SerialError.noSuchPort, SerialError.vanished: true
  case NetworkPortError.unreachable, NetworkPortError.disconnected: true
  default: false
  }
}

/// Whether a port that has just come may be open a moment later.
private func mayPass(_ error: any Error) -> Bool {
  switch error {
  case SerialError.permissionDenied, SerialError.busy: true
  default: false
  }
}

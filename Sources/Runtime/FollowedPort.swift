package import LinkLayer
internal import Logging
internal import NetworkPorts
package import SerialDriver
package import SerialPorts
package import SystemPackage

/// What becomes of a port while it is in use.
package enum PortNews: Equatable, Sendable {
  /// There is no such port yet; it is waited for.
  case awaited
  /// A name stands for this address.
  case resolved(String)
  /// It is open, at this path.
  case opened(FilePath)
  /// The device has gone.
  case gone(FilePath)
  /// It is there again and open.
  case back(FilePath)
  /// The server of the port has closed the connection, or the connection broke.
  case disconnected
  /// There is a new connection, and something comes from it.
  case reconnected
  /// The server does not change the rate to this one.
  case rateRefused(UInt32)
}

/// A port that stays the same device: when that goes away it is waited for, and opened again under
/// whatever name it comes back.
///
/// A port behind a network has no device that could be looked for: its server is connected to again.
/// While it is away the port is a dead line: what is written is lost, and nothing comes in. The link
/// makes up for that, as long as both ends keep their session (Protocol.md §4.5).
package struct FollowedPort: ~Copyable {
  /// How long a device may be away: a session ends 28 s after the last frame, and it takes its time to
  /// find each other again.
  package static let absenceLimit = Interval.seconds(25)
  // How often is looked where events fail to come: for a device that is away, and for one that is
  // silent, which is how a dead one looks where writing to it goes on.
  private static let absentInterval = Interval.milliseconds(250)
  private static let silentInterval = Interval.seconds(1)
  private static let silenceLimit = Interval.seconds(2)
  // A server that is starting is not to be in the way of itself.
  private static let reconnectInterval = Interval.seconds(1)

  // Nil while the device is away.
  private var port: Port?
  private let follower: PortFollower?
  private let server: NetworkServer?
  private var settings: PortSettings
  private let absenceLimit: Interval?
  private let tell: (PortNews) -> Void
  // Since when nothing comes from there: a server that goes down may still take a connection, and drop it.
  private var goneAt: Instant?
  // Whether a connection has been lost that carried something: one that is dropped at once, without a word,
  // is part of that then.
  private var wasConnected = false
  // No longer to be waited for.
  private var closedDescriptor: CInt?
  private var lookedAt = MonotonicClock.now
  private var heardAt = MonotonicClock.now
  // Why the device is not open.
  private var absence: any Error = SerialError.vanished("")

  /// Follows the device that `description` describes; without one the port is what it is.
  ///
  /// A device may be away for `absenceLimit`, or for ever where it is nil.
  package init(
    _ port: consuming Port, _ description: PortDescription?, _ settings: PortSettings,
    server: NetworkServer? = nil, absenceLimit: Interval? = Self.absenceLimit,
    tell: @escaping (PortNews) -> Void = { _ in }
  ) {
    self.port = consume port
    self.settings = settings
    self.absenceLimit = absenceLimit
    self.tell = tell
    self.server = server
    follower = description.flatMap { PortFollower($0) }
  }

  /// Follows a port that was opened by its name.
  package init(_ opened: consuming OpenedPort) {
    let (description, settings) = (opened.description, opened.settings)
    let (server, absenceLimit, tell) = (opened.server, opened.absenceLimit, opened.tell)
    self.init(
      opened.port, description, settings, server: server, absenceLimit: absenceLimit, tell: tell)
  }

  /// The rate that the line runs at, or will when the device is back.
  var baudRate: UInt32 {
    switch port {
    case .some(let port): port.baudRate
    case .none: settings.baudRate
    }
  }

  // MARK: - What a port does
  //
  // Not to be inlined: the optimizer of Swift 6.3.1 crashes where it threads two looks at an Optional of
  // an enum that cannot be copied ("Cannot initialize a nonCopyable type with a guaranteed value").

  /// Appends what has been received to `bytes`, as far as it has room.
  ///
  /// - Returns: the number of bytes; 0 where nothing has come.
  mutating func read(into bytes: inout OutputSpan<UInt8>) throws -> Int {
    var count = 0
    do {
      count = try port?.read(into: &bytes) ?? 0
    } catch {
      try lose(error)
    }
    if count > 0, hasCarried { noteHeard() }
    return count
  }

  @inline(never)
  private var hasCarried: Bool {
    switch port {
    case .some(let port): port.hasCarried
    case .none: false
    }
  }

  private mutating func noteHeard() {
    heardAt = MonotonicClock.now
    guard goneAt.take() != nil else { return }
    tell(.reconnected)
  }

  /// Queues a front part of `bytes`.
  ///
  /// - Returns: the number of bytes taken; 0 where the queue is full.
  mutating func write(_ bytes: Span<UInt8>) throws -> Int {
    do {
      if let count = try port?.write(bytes) { return count }
    } catch {
      try lose(error)
    }
    return bytes.count
  }

  /// Sends what the port itself keeps, as far as it can.
  mutating func flush() throws {
    do {
      try port?.flush()
    } catch {
      try lose(error)
    }
  }

  /// Whether there is something to read although the descriptor may say nothing.
  @inline(never)
  var hasInput: Bool {
    switch port {
    case .some(let port): port.hasInput
    case .none: false
    }
  }

  /// Whether the server speaks Telnet where bytes are to go as they are.
  @inline(never)
  var soundsLikeTelnet: Bool {
    switch port {
    case .some(let port): port.soundsLikeTelnet
    case .none: false
    }
  }

  /// What to watch the port for while there is something to write, or nothing.
  @inline(never)
  func interest(hasOutput: Bool) -> Poller.Interest {
    switch port {
    case .some(let port): port.interest(hasOutput: hasOutput)
    case .none: .readable
    }
  }

  /// Bytes that have not yet left, as far as it is known here.
  mutating func outputQueueByteCount() throws -> Int {
    do {
      return try port?.outputQueueByteCount ?? 0
    } catch {
      try lose(error)
      return 0
    }
  }

  /// Runs the line at another rate once all that is queued has been sent.
  mutating func setRate(_ baudRate: UInt32) throws {
    settings.baudRate = baudRate
    do {
      try port?.setRate(baudRate)
      LineLog.port.debug("set to \(baudRate) baud")
    } catch NetworkPortError.rateRefused, NetworkPortError.noAnswer {
      // The server took it at the beginning. The link's test frames fail, and it goes back.
      tell(.rateRefused(baudRate))
    } catch {
      try lose(error)
    }
  }

  // MARK: - Following

  /// Lets a poller wait for the port, as long as it is there, and for news of the device.
  mutating func watch(in poller: inout Poller, for interest: Poller.Interest) {
    // The number may be that of the next one to be watched.
    if let closed = closedDescriptor.take() { poller.watch(closed, for: []) }
    if let descriptor = port?.descriptor { poller.watch(descriptor, for: interest) }
    if let descriptor = follower?.descriptor { poller.watch(descriptor, for: .readable) }
  }

  /// Whether a read is worth it.
  @inline(never)
  func isReadable(in poller: Poller) -> Bool {
    switch port {
    case .some(let port): port.hasInput || poller.isReadable(port.descriptor)
    case .none: false
    }
  }

  /// Looks after the device, when it is time to.
  ///
  /// - Throws: why the device is not open, when it has been away for too long.
  mutating func follow(_ poller: Poller) throws {
    let now = MonotonicClock.now
    if port == nil, let goneAt, let absenceLimit, now - goneAt > absenceLimit { throw absence }
    if let server { return reconnect(to: server, now) }
    guard let follower else { return }
    let hasNews = follower.descriptor.map { poller.isReadable($0) } ?? false
    guard hasNews || isTimeToLook(now) else { return }
    lookedAt = now
    switch follower.look(hasNews: hasNews) {
    case .unchanged:
      // It is away only for us: it hung up, or could not be opened when it came back.
      if port == nil { reopen(follower.port) }
    case .gone:
      // A port that still takes bytes leads nowhere.
      if port != nil { try lose(SerialError.vanished(follower.port.path)) }
    case .back(let found):
      if port != nil { try lose(SerialError.vanished(follower.port.path)) }
      reopen(found)
    }
  }

  private func isTimeToLook(_ now: Instant) -> Bool {
    if port == nil { return now - lookedAt >= Self.absentInterval }
    return now - heardAt >= Self.silenceLimit && now - lookedAt >= Self.silentInterval
  }

  /// Closes a port whose device or connection has gone.
  private mutating func lose(_ error: any Error) throws {
    let news: PortNews
    switch (error, follower, server) {
    case (SerialError.vanished, let follower?, _): news = .gone(follower.port.path)
    case (NetworkPortError.disconnected(_, let words), _, .some)
    where words == nil || wasConnected && words == "":
      wasConnected = true
      news = .disconnected
    default: throw error
    }
    LineLog.port.debug("lost")
    closedDescriptor = port?.descriptor
    port = nil
    absence = error
    guard goneAt == nil else { return }
    goneAt = MonotonicClock.now
    tell(news)
  }

  private mutating func reconnect(to server: NetworkServer, _ now: Instant) {
    guard port == nil, now - lookedAt >= Self.reconnectInterval else { return }
    do {
      port = try server.open(settings)
      LineLog.port.debug("connected again at \(settings.baudRate) baud")
    } catch NetworkPortError.disconnected(let address, let words) {
      // A server that runs and will not: with its reason.
      absence = NetworkPortError.disconnected(address, words: words)
    } catch {
      // That nothing listens there is no more than that the connection is lost.
    }
    lookedAt = MonotonicClock.now
  }

  private mutating func reopen(_ found: PortDescription) {
    do throws(SerialError) {
      port = .serial(try SerialPort(opening: found.path, settings))
      follower?.note(opened: found)
      goneAt = nil
      heardAt = MonotonicClock.now
      LineLog.port.debug("opened \(found.path) again at \(settings.baudRate) baud")
      tell(.back(found.path))
    } catch .noSuchPort, .vanished {
      // The kernel still takes it away, or does so again: it is as gone as before.
    } catch {
      // Its node may be there before its permissions are, and others may look at it first.
      if "\(absence)" != "\(error)" {
        LineLog.port.debug("cannot open \(found.path) yet: \(error)")
      }
      absence = error
    }
  }
}

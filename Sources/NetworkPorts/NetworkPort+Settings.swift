package import SerialDriver
internal import SystemPackage

/// What a port behind a server is known to be set to; nil is not known.
///
/// What never changes after the beginning is not here.
struct ComPortSettings: Equatable, Sendable {
  var baudRate: UInt32?
  var dtr: Bool?
  var rts: Bool?
}

/// Values of RFC 2217.
private enum Value {
  static let eightBits: UInt8 = 8
  static let noParity: UInt8 = 1
  static let oneStopBit: UInt8 = 1
  static let noFlowControl: UInt8 = 1
  static let xonXoff: UInt8 = 2
  static let rtsCts: UInt8 = 3
  static let (dtrOn, dtrOff): (UInt8, UInt8) = (8, 9)
  static let (rtsOn, rtsOff): (UInt8, UInt8) = (11, 12)
  static let noNotifications: UInt8 = 0
  static let receiveBuffer: UInt8 = 1
}

extension NetworkPort {
  // How long a server may take to speak first, which most do and need not.
  private static let greetingNanoseconds: UInt64 = 200_000_000

  /// Agrees on RFC 2217 and sets the port to 8N1.
  func setUp(_ settings: PortSettings) throws {
    // A server that turns a client away says why and closes, which loses the words if the client has
    // written something by then.
    _ = try pump(until: patience.now + Self.greetingNanoseconds)
    client?.begin()
    let deadline = patience.now + address.timeoutNanoseconds
    while client?.takesCommands == nil || client?.isBinary == nil {
      try flush()
      if client?.takesCommands == false { break }
      guard try pump(until: deadline) else { break }
    }
    guard client?.takesCommands == true else { throw NetworkPortError.noComPort(address) }
    // Silence is let pass: there are servers that hand on every byte and never say so.
    if client?.isBinary == false { throw NetworkPortError.settingRefused(address, .binary) }

    // Not every server confirms these two.
    client?.tell(.setModemStateMask, [Value.noNotifications])
    client?.tell(.setLineStateMask, [Value.noNotifications])
    try demand(.setDataSize, Value.eightBits, .dataSize)
    try demand(.setParity, Value.noParity, .parity)
    try demand(.setStopSize, Value.oneStopBit, .stopSize)
    try setFlowControl(settings.flowControl)
    try setRate(settings.baudRate)
    do {
      _ = try ask(.purgeData, [Value.receiveBuffer])
    } catch NetworkPortError.noAnswer {}
    dropInput()
  }

  // MARK: - Rate

  /// Runs the port at another rate once all that is queued has been sent.
  ///
  /// - Throws: `rateRefused` where the server runs it at a rate too far from it.
  package func setRate(_ baudRate: UInt32) throws {
    guard client != nil, settings.baudRate != baudRate else { return }
    try drain()
    let actual = try changeRate(baudRate)
    guard SerialPort.isClose(actual, to: baudRate) else {
      throw NetworkPortError.rateRefused(address, requested: baudRate, actual: actual)
    }
    self.baudRate = actual
  }

  /// Those of `candidates` that the server says it runs the port at; it is left at the rate it has.
  package func reachableRates(of candidates: [UInt32]) throws -> [UInt32] {
    guard client != nil else { return [] }
    var reachable: [UInt32] = []
    for candidate in candidates {
      do {
        let actual = try changeRate(candidate)
        if SerialPort.isClose(actual, to: candidate) { reachable.append(candidate) }
      } catch NetworkPortError.noAnswer {
        // It says nothing where it cannot; to ask on would take as long again for each.
        break
      }
    }
    _ = try changeRate(baudRate)
    return reachable
  }

  private func changeRate(_ baudRate: UInt32) throws -> UInt32 {
    settings.baudRate = nil
    let bytes = withBigEndianBytes(of: baudRate)
    let answer = try ask(.setBaudRate, bytes)
    guard answer.count == 4 else { throw NetworkPortError.noAnswer(address, .setBaudRate) }
    settings.baudRate = baudRate
    return answer.reduce(0) { $0 << 8 | UInt32($1) }
  }

  private func withBigEndianBytes(of number: UInt32) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: number >> (24 - 8 * UInt32($0))) }
  }

  // MARK: - Control

  private func setFlowControl(_ flowControl: PortSettings.FlowControl) throws {
    switch flowControl {
    case .rtsCts: try control(Value.rtsCts, .flowControl)
    case .xonXoff: try control(Value.xonXoff, .flowControl)
    case .none:
      // Not worth failing for: a server without flow control may know no command for it either.
      do {
        try control(Value.noFlowControl, .flowControl)
      } catch NetworkPortError.noAnswer, NetworkPortError.settingRefused {}
    }
  }

  /// Raises or drops a modem line, unless it is known to be so.
  ///
  /// - Throws: `noModemLines` on a raw connection, `noAnswer` or `settingRefused` where the server does
  ///   not confirm it.
  package func set(_ line: ModemLine, isRaised: Bool) throws {
    guard client != nil else { throw NetworkPortError.noModemLines(address) }
    switch line {
    case .dtr:
      guard settings.dtr != isRaised else { return }
      try control(isRaised ? Value.dtrOn : Value.dtrOff, .modemLine(line))
      settings.dtr = isRaised
    case .rts:
      guard settings.rts != isRaised else { return }
      try control(isRaised ? Value.rtsOn : Value.rtsOff, .modemLine(line))
      settings.rts = isRaised
    }
  }

  private func control(_ value: UInt8, _ setting: NetworkPortError.Setting) throws {
    if address.ignoresSetControl {
      client?.tell(.setControl, [value])
      try flush()
    } else {
      try demand(.setControl, value, setting)
    }
  }

  /// Sets something and makes sure that the server has set just that.
  private func demand(
    _ command: ComPortCommand, _ value: UInt8, _ setting: NetworkPortError.Setting
  ) throws {
    let answer = try ask(command, [value])
    guard answer == [value] else { throw NetworkPortError.settingRefused(address, setting) }
  }

  /// Sends a command and waits for its answer; data that come meanwhile are kept.
  private func ask(_ command: ComPortCommand, _ value: [UInt8]) throws -> [UInt8] {
    client?.ask(command, value)
    let deadline = patience.now + address.timeoutNanoseconds
    try flush()
    while true {
      if let answer = client?.answer { return answer }
      guard try pump(until: deadline) else {
        throw NetworkPortError.noAnswer(address, command)
      }
    }
  }
}

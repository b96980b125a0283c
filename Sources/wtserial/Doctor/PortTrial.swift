import ArgumentParser
import LinkLayer
import Runtime
import SerialDriver
import SerialPorts

/// What can be learned only from a port that is open, and is put back as it was.
struct PortTrial {
  private let found: FoundPort
  private let settings: PortSettings
  private let sendsHello: Bool

  init(_ found: FoundPort, _ settings: PortSettings, sendsHello: Bool) {
    self.found = found
    self.settings = settings
    self.sendsHello = sendsHello
  }

  /// What was found, in the order of looking.
  func findings(signals: consuming SignalWatcher) throws -> [Finding] {
    let before = found.description.flatMap(LatencyTimer.milliseconds)
    let port: SerialPort
    do throws(SerialError) {
      port = try SerialPort(opening: found.path, settings)
    } catch {
      let failure = Failure(error, port: nil, model: nil, offersWait: false)
      return [.problem(.port, failure.sentence, failure.exitCode)]
    }
    var findings: [Finding] = []
    if let latency = latency(of: port, before: before) { findings.append(latency) }
    try findings.append(rates(of: port))
    guard sendsHello else { return findings }
    let baudRate = port.baudRate
    let followed = FollowedPort(.serial(port), nil, settings)
    return try findings + [PeerTrial.finding(over: followed, at: baudRate, signals)]
  }

  private func latency(of port: borrowing SerialPort, before: Int?) -> Finding? {
    if let before, before > 1 {
      let now = found.description.flatMap(LatencyTimer.milliseconds) ?? before
      return now < before
        ? .fact(.latency, "the latency timer is \(now) ms while wtserial has the port")
        : .advice(
          .latency, "the latency timer stays at \(now) ms: the driver does not let it be changed",
          remedy: Remedy.rules(for: found.description))
    }
    guard let isLowLatency = port.isLowLatency else { return nil }
    return .fact(
      .latency,
      isLowLatency ? "the driver takes the flag low_latency" : "the driver ignores low_latency")
  }

  private func rates(of port: borrowing SerialPort) throws -> Finding {
    if port.isPseudoTerminal {
      return .fact(.rates, "a pseudo-terminal has no rate")
    }
    let all = (0..<LineRates.count).map { LineRates.baudRate(at: $0) }
    let reachable = try port.reachableRates(of: all)
    let list = reachable.map { String($0) }.joined(separator: ", ")
    let memory = RateMemory(port: found.path)
    if let failed = memory.failedBaudRate {
      return .advice(
        .rates,
        "the driver takes \(list) baud; \(failed) has failed in a transfer and is left out "
          + "for a month")
    }
    return .fact(.rates, "the driver takes \(list) baud")
  }
}

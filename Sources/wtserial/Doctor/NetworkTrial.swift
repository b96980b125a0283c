import LinkLayer
import NetworkPorts
import Runtime
import SerialDriver

/// What can be learned of a port behind a network: whether its server is there, lets us in and does
/// what it is asked for, and whether anybody answers behind it.
struct NetworkTrial {
  // A server that turns a client away says why and closes; one that says nothing until then lets it in.
  private static let refusalLimit = Interval.milliseconds(300)
  private static let readByteCount = 256

  private let name: String
  private let settings: PortSettings
  private let sendsHello: Bool

  init(_ name: String, _ settings: PortSettings, sendsHello: Bool) {
    self.name = name
    self.settings = settings
    self.sendsHello = sendsHello
  }

  /// Passes on each finding as it is made; a place of a lab is acquired for that long.
  func run(_ signals: consuming SignalWatcher, show: @escaping ([Finding]) -> Void) throws {
    do {
      try examine(signals, show: show)
    } catch let interruption as TransferLoop.Interruption {
      throw interruption
    } catch {
      let failure =
        if let error = error as? NetworkPortError {
          Failure(error, again: "look again")
        } else {
          Failure(error, port: name, model: nil, offersWait: false)
        }
      // A name that makes no sense is the caller's mistake, and nothing that was found out.
      if failure.exitCode == .usage { throw failure }
      show([.problem(.port, failure.sentence, failure.exitCode)])
    }
  }

  private func examine(
    _ signals: consuming SignalWatcher, show: @escaping ([Finding]) -> Void
  ) throws {
    let opener = try PortOpener(name, settings, wait: .none)
    var opened = try opener.open(signals: signals) { news in
      guard case .resolved(let address) = news else { return }
      show([.fact(.port, "\(name) is \(address), and yours to use")])
    }
    if opened.port.isRateAdjustable {
      show([
        .fact(.port, "the server speaks RFC 2217, and has set 8N1 at \(opened.port.baudRate) baud"),
        try rates(of: opened.port),
      ])
    } else {
      try awaitRefusal(by: &opened.port, signals)
      // A HELLO would not get through.
      if opened.port.soundsLikeTelnet {
        return show([.problem(.port, SessionFailure.telnet, .badProtocol)])
      }
      show([
        .fact(.port, "the server takes connections; the rate of the line is set there alone")
      ])
    }
    guard sendsHello else { return }
    let baudRate = opened.port.baudRate
    show([try PeerTrial.finding(over: FollowedPort(opened), at: baudRate, signals)])
  }

  private func rates(of port: borrowing Port) throws -> Finding {
    let all = (0..<LineRates.count).map { LineRates.baudRate(at: $0) }
    let list = try port.reachableRates(of: all).map { String($0) }.joined(separator: ", ")
    return .fact(.rates, "the server takes \(list) baud")
  }

  /// Reads for a while, which throws where the connection is closed.
  private func awaitRefusal(
    by port: inout Port, _ signals: borrowing SignalWatcher
  ) throws {
    let end = MonotonicClock.now + Self.refusalLimit
    var poller = Poller()
    poller.watch(port.descriptor, for: .readable)
    poller.watch(signals.descriptor, for: .readable)
    while case let left = end - MonotonicClock.now, left.microseconds > 0 {
      try poller.wait(nanoseconds: UInt64(left.microseconds) * 1000)
      if let signal = try signals.next() { throw TransferLoop.Interruption.signal(signal) }
      guard poller.isReadable(port.descriptor) else { continue }
      var failure: (any Error)?
      _ = [UInt8](capacity: Self.readByteCount) { bytes in
        do { _ = try port.read(into: &bytes) } catch { failure = error }
      }
      if let failure { throw failure }
    }
  }
}

import ArgumentParser
import LinkLayer
import Runtime

/// Whether anybody answers behind an open port of any kind.
enum PeerTrial {
  private static let greetingLimit = Interval.seconds(3)

  /// Says HELLO and looks who answers; nothing begins.
  ///
  /// - Throws: what using the port throws, such as that its server closes the connection.
  static func finding(
    over port: consuming FollowedPort, at baudRate: UInt32, _ signals: consuming SignalWatcher
  ) throws -> Finding {
    var probe = GreetingProbe(
      baudRate: baudRate, limit: Self.greetingLimit, at: MonotonicClock.now)
    var loop = TransferLoop(port: port, signals: signals)
    try loop.run(&probe) { _ in
      false
    } observe: { _ in
    }
    if let peer = probe.peer {
      return .fact(
        .peer,
        "a receiver answers at \(baudRate) baud: revision \(peer.version) of the protocol, "
          + "frames of up to \(peer.mtu) bytes")
    }
    switch probe.failure {
    case .peerIncompatible(let minimum, let maximum):
      return .problem(
        .peer,
        "what answers speaks revisions \(minimum) to \(maximum) of the protocol, and this "
          + "program \(LinkConfiguration.protocolVersion); update the older one", .badProtocol)
    default: return silence(probe.statistics, baudRate)
    }
  }

  private static func silence(_ statistics: LinkStatistics, _ baudRate: UInt32) -> Finding {
    if statistics.framesEchoed > 0 {
      return .problem(
        .peer, "what is sent comes back: TX and RX are joined, or the other end echoes",
        .badProtocol)
    }
    if statistics.wireBytesReceived > 0 {
      return .problem(
        .peer,
        "what comes in at \(baudRate) baud is not the protocol: another rate, or another "
          + "program", .badProtocol)
    }
    return .problem(
      .peer,
      "no receiver answers at \(baudRate) baud, and nothing comes in: start it, at the same "
        + "--baud, and check the wiring", .unavailable)
  }
}

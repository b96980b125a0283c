package import SerialDriver
package import SystemPackage

/// Why a port behind a network cannot be opened or used.
package enum NetworkPortError: Error, Equatable, Sendable {
  /// What the server would not do.
  package enum Setting: Equatable, Sendable {
    case dataSize, parity, stopSize, flowControl
    case modemLine(ModemLine)
    case binary
  }

  /// The host has no address.
  case unknownHost(NetworkAddress)
  /// None of the host's addresses takes the connection.
  case unreachable(NetworkAddress, Errno)
  /// Who answers knows no COM-PORT-OPTION, or nobody answers in time.
  case noComPort(NetworkAddress)
  /// The server does not answer a command of RFC 2217 in time.
  case noAnswer(NetworkAddress, ComPortCommand)
  /// The server sets something else than it was asked for.
  case settingRefused(NetworkAddress, Setting)
  /// The server runs the port at a rate too far from the one asked for.
  case rateRefused(NetworkAddress, requested: UInt32, actual: UInt32)
  /// The connection has no modem lines.
  case noModemLines(NetworkAddress)
  /// The server has closed the connection, or the connection broke; with the server's words if it never
  /// carried anything else, as where somebody else has the port.
  case disconnected(NetworkAddress, words: String?)
  /// Any other refusal of the system.
  case system(NetworkAddress, Errno)
  /// The descriptor that was to end waiting has become readable.
  case interrupted
}

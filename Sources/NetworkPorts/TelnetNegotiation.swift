/// Which Telnet options are in force, and what has to be said about them.
///
/// RFC 1143 without a queue: each option that is wanted is asked for once, at the beginning, and the
/// mind is never changed. A request is answered only where it changes something, so that two ends never
/// talk in circles.
struct TelnetNegotiation: Sendable {
  enum Status: Equatable, Sendable {
    case off
    /// Asked for and not yet answered.
    case requested
    case on
    case refused
  }

  /// What this end does, and what the other end is to do.
  private static let wantedHere: [UInt8] = [
    Telnet.Option.binary, Telnet.Option.suppressGoAhead, Telnet.Option.comPort,
  ]
  private static let wantedThere: [UInt8] = [
    Telnet.Option.binary, Telnet.Option.suppressGoAhead,
  ]

  private var here: [UInt8: Status] = [:]
  private var there: [UInt8: Status] = [:]

  func status(here option: UInt8) -> Status { here[option] ?? .off }
  func status(there option: UInt8) -> Status { there[option] ?? .off }

  /// Asks for all that is wanted and that the other end has not offered already.
  mutating func begin(into output: inout [UInt8]) {
    for option in Self.wantedHere where status(here: option) == .off {
      here[option] = .requested
      Telnet.append(.will, option, to: &output)
    }
    for option in Self.wantedThere where status(there: option) == .off {
      there[option] = .requested
      Telnet.append(.doIt, option, to: &output)
    }
  }

  mutating func receive(_ verb: Telnet.Verb, _ option: UInt8, into output: inout [UInt8]) {
    switch verb {
    case .doIt:
      let isWanted = Self.wantedHere.contains(option)
      Self.agree(&here[option], isWanted, yes: .will, no: .wont, option, into: &output)
    case .dont:
      Self.refuse(&here[option], confirmation: .wont, option, into: &output)
    case .will:
      // Some servers say that they, too, know COM-PORT-OPTION; harmless.
      let isWanted = Self.wantedThere.contains(option) || option == Telnet.Option.comPort
      Self.agree(&there[option], isWanted, yes: .doIt, no: .dont, option, into: &output)
    case .wont:
      Self.refuse(&there[option], confirmation: .dont, option, into: &output)
    }
  }

  private static func agree(
    _ status: inout Status?, _ isWanted: Bool, yes: Telnet.Verb, no: Telnet.Verb, _ option: UInt8,
    into output: inout [UInt8]
  ) {
    guard isWanted else {
      Telnet.append(no, option, to: &output)
      return
    }
    switch status ?? .off {
    case .requested: status = .on
    case .off, .refused:
      status = .on
      Telnet.append(yes, option, to: &output)
    case .on: break
    }
  }

  private static func refuse(
    _ status: inout Status?, confirmation: Telnet.Verb, _ option: UInt8,
    into output: inout [UInt8]
  ) {
    switch status ?? .off {
    case .requested: status = .refused
    case .on:
      status = .refused
      Telnet.append(confirmation, option, to: &output)
    case .off, .refused: break
    }
  }
}

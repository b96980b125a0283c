/// Splits what a Telnet peer sends into data and commands, however it is cut into reads (RFC 854).
struct TelnetDecoder: Sendable {
  /// A command that means something to a client of a serial port.
  enum Command: Equatable, Sendable {
    case negotiation(Telnet.Verb, option: UInt8)
    /// The option and what follows it, unescaped.
    case subnegotiation([UInt8])
  }

  /// Subnegotiations that are longer are skipped; what a server has to say takes a few bytes, and its
  /// signature some dozen.
  static let subnegotiationByteCountLimit = 256

  private enum State: Equatable, Sendable {
    case data
    /// Behind an IAC.
    case command
    /// Behind IAC and a verb.
    case option(Telnet.Verb)
    case subnegotiation
    /// Behind an IAC in a subnegotiation.
    case subnegotiationCommand
  }

  private var state = State.data
  // subnegotiation.count <= subnegotiationByteCountLimit + 1
  private var subnegotiation: [UInt8] = []

  /// Takes a byte: appends it to `data` if it is data, and answers the command that it completes.
  mutating func decode(_ byte: UInt8, into data: inout [UInt8]) -> Command? {
    switch state {
    case .data:
      if byte == Telnet.interpretAsCommand { state = .command } else { data.append(byte) }
    case .command:
      beginCommand(byte, into: &data)
    case .option(let verb):
      state = .data
      return .negotiation(verb, option: byte)
    case .subnegotiation:
      if byte == Telnet.interpretAsCommand { state = .subnegotiationCommand } else { keep(byte) }
    case .subnegotiationCommand:
      return continueSubnegotiation(byte, into: &data)
    }
    return nil
  }

  private mutating func beginCommand(_ byte: UInt8, into data: inout [UInt8]) {
    state = .data
    if byte == Telnet.interpretAsCommand {
      data.append(byte)
    } else if byte == Telnet.subnegotiation {
      subnegotiation.removeAll(keepingCapacity: true)
      state = .subnegotiation
    } else if let verb = Telnet.Verb(rawValue: byte) {
      state = .option(verb)
    }
    // NOP, Go Ahead and the other commands of two bytes mean nothing here.
  }

  private mutating func continueSubnegotiation(
    _ byte: UInt8, into data: inout [UInt8]
  ) -> Command? {
    switch byte {
    case Telnet.interpretAsCommand:
      state = .subnegotiation
      keep(byte)
    case Telnet.subnegotiationEnd:
      state = .data
      let isWhole = subnegotiation.count <= Self.subnegotiationByteCountLimit
      if isWhole, !subnegotiation.isEmpty { return .subnegotiation(subnegotiation) }
    default:
      // The end is missing; a command starts anew, or all that follows would be swallowed.
      beginCommand(byte, into: &data)
    }
    return nil
  }

  private mutating func keep(_ byte: UInt8) {
    guard subnegotiation.count <= Self.subnegotiationByteCountLimit else { return }
    subnegotiation.append(byte)
  }
}

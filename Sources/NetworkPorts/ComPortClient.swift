/// What a client asks of the port behind a server; a server answers with the same plus 100 (RFC 2217).
package enum ComPortCommand: UInt8, Sendable {
  case setBaudRate = 1
  case setDataSize = 2
  case setParity = 3
  case setStopSize = 4
  case setControl = 5
  case suspend = 8
  case resume = 9
  case setLineStateMask = 10
  case setModemStateMask = 11
  case purgeData = 12

  static let answerOffset: UInt8 = 100
}

/// The client's side of Telnet with COM-PORT-OPTION, as a machine without a socket: bytes of the
/// connection in, data and bytes for the connection out.
///
/// One command is out at a time: ser2net answers several that come at once with what came of the first.
struct ComPortClient: Sendable {
  private var decoder = TelnetDecoder()
  private var negotiation = TelnetNegotiation()
  /// Bytes that the connection has to take next, in this order.
  var output: [UInt8] = []
  /// Whether the server has asked to be sent no data for the time being.
  private(set) var isSuspended = false
  private var pending: ComPortCommand?
  private(set) var answer: [UInt8]?

  // MARK: - Options

  /// Asks for the options that a serial port needs.
  mutating func begin() { negotiation.begin(into: &output) }

  /// Whether the server takes commands; nil while it has not said.
  var takesCommands: Bool? {
    // It may offer the option instead of answering.
    if negotiation.status(there: Telnet.Option.comPort) == .on { return true }
    switch negotiation.status(here: Telnet.Option.comPort) {
    case .on: return true
    case .refused: return false
    case .off, .requested: return nil
    }
  }

  /// Whether bytes pass as they are, both ways; nil while the server has not said.
  var isBinary: Bool? {
    let both = [
      negotiation.status(here: Telnet.Option.binary),
      negotiation.status(there: Telnet.Option.binary),
    ]
    if both.contains(.refused) { return false }
    return both.allSatisfy { $0 == .on } ? true : nil
  }

  // MARK: - Bytes

  /// Takes bytes of the connection and appends those of the port to `data`.
  mutating func receive(_ bytes: Span<UInt8>, into data: inout [UInt8]) {
    for index in bytes.indices {
      guard let command = decoder.decode(bytes[index], into: &data) else { continue }
      switch command {
      case .negotiation(let verb, let option):
        negotiation.receive(verb, option, into: &output)
      case .subnegotiation(let content):
        receive(subnegotiation: content)
      }
    }
  }

  /// Appends bytes for the port to the output.
  mutating func send(_ bytes: Span<UInt8>) {
    Telnet.append(bytes, to: &output)
  }

  // MARK: - Commands

  /// Asks for something; `answer` has the server's word when it has come.
  mutating func ask(_ command: ComPortCommand, _ value: [UInt8]) {
    pending = command
    answer = nil
    tell(command, value)
  }

  /// Says something that servers answer or not.
  mutating func tell(_ command: ComPortCommand, _ value: [UInt8]) {
    Telnet.append(
      subnegotiationOf: Telnet.Option.comPort, [command.rawValue] + value, to: &output)
  }

  private mutating func receive(subnegotiation content: [UInt8]) {
    guard content.count >= 2, content[0] == Telnet.Option.comPort else { return }
    let code = content[1]
    guard code >= ComPortCommand.answerOffset,
      let command = ComPortCommand(rawValue: code - ComPortCommand.answerOffset)
    else { return }
    switch command {
    case .suspend: isSuspended = true
    case .resume: isSuspended = false
    default:
      // What nobody has asked for is news of a port that somebody else has set, or late.
      guard command == pending else { return }
      pending = nil
      answer = Array(content[2...])
    }
  }
}

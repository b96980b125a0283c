/// The bytes of Telnet that have a meaning (RFC 854).
enum Telnet {
  static let interpretAsCommand: UInt8 = 255
  static let subnegotiation: UInt8 = 250
  static let subnegotiationEnd: UInt8 = 240

  /// Who does what: WILL and WONT speak of the sender, DO and DONT of the receiver.
  enum Verb: UInt8, Sendable {
    case will = 251
    case wont = 252
    case doIt = 253
    case dont = 254
  }

  /// What a negotiation takes: IAC, a verb, an option.
  static let negotiationByteCount = 3

  /// Whether bytes are a negotiation, as servers of Telnet begin with.
  static func isNegotiation(_ bytes: [UInt8]) -> Bool {
    bytes.count == negotiationByteCount && bytes[0] == interpretAsCommand
      && Verb(rawValue: bytes[1]) != nil
  }

  /// Options: RFC 856, RFC 858, RFC 2217.
  enum Option {
    static let binary: UInt8 = 0
    static let suppressGoAhead: UInt8 = 3
    static let comPort: UInt8 = 44
  }

  /// Appends data so that no byte of it is taken for a command.
  static func append(_ bytes: Span<UInt8>, to output: inout [UInt8]) {
    for index in bytes.indices {
      output.append(bytes[index])
      if bytes[index] == interpretAsCommand { output.append(interpretAsCommand) }
    }
  }

  static func append(_ verb: Verb, _ option: UInt8, to output: inout [UInt8]) {
    output += [interpretAsCommand, verb.rawValue, option]
  }

  /// Appends a subnegotiation of an option.
  static func append(
    subnegotiationOf option: UInt8, _ content: [UInt8], to output: inout [UInt8]
  ) {
    output += [interpretAsCommand, subnegotiation]
    append(([option] + content).span, to: &output)
    output += [interpretAsCommand, subnegotiationEnd]
  }
}

/// A serial port behind a TCP port, as a user names it.
///
///     tcp://HOST:PORT                     bytes as they are; the rate of the line is the server's affair
///     rfc2217://HOST:PORT[?OPTION&…]      Telnet with COM-PORT-OPTION (RFC 2217)
///
/// HOST is a name, an IPv4 address, or an IPv6 address in brackets. The options are those of
/// pyserial: `timeout=SECONDS` and `ign_set_control`.
package struct NetworkAddress: Equatable, Sendable {
  /// What is spoken over the connection.
  package enum Access: Equatable, Sendable {
    case raw
    case comPort
  }

  /// What is wrong with the text of an address.
  package enum Flaw: Error, Equatable, Sendable {
    case noPort
    case badPort(String)
    case noHost
    case unknownOption(String)
    case badTimeout(String)
    case unexpectedPath(String)
  }

  /// What the user wrote: the name of the port.
  package let text: String
  package let access: Access
  /// What is remembered of the port is remembered under this name.
  package private(set) var memoryName: String
  /// A name or a number, without brackets.
  package let host: String
  package let port: UInt16
  /// How long the server may take to connect and to answer, each time.
  package private(set) var timeoutNanoseconds: UInt64 = 5_000_000_000
  /// Whether the server's answers to SET-CONTROL are not waited for: some do not give any.
  package private(set) var ignoresSetControl = false

  private static let timeoutLimit = 3600.0

  /// Reads an address; nil where the text is none, but the name of another kind of port.
  package init?(_ text: String) throws(Flaw) {
    guard let (access, rest) = Self.splitScheme(of: text) else { return nil }
    let (authority, query) = Self.split(rest, at: "?")
    (host, port) = try Self.hostAndPort(in: authority)
    self.text = text
    memoryName = text
    self.access = access
    for option in (query ?? "").split(separator: "&") { try apply(option) }
  }

  /// The same address of a port that keeps its name while the address changes.
  package func remembered(as name: String) -> NetworkAddress {
    var address = self
    address.memoryName = name
    return address
  }

  /// `HOST:PORT`, as it stands in an address.
  package var authority: String {
    host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
  }

  private static func splitScheme(of text: String) -> (Access, Substring)? {
    let schemes: [(String, Access)] = [("tcp://", .raw), ("rfc2217://", .comPort)]
    for (scheme, access) in schemes where text.lowercased().hasPrefix(scheme) {
      return (access, text.dropFirst(scheme.count))
    }
    return nil
  }

  private static func split(_ text: Substring, at mark: Character) -> (Substring, Substring?) {
    guard let index = text.firstIndex(of: mark) else { return (text, nil) }
    return (text[..<index], text[text.index(after: index)...])
  }

  private static func hostAndPort(in authority: Substring) throws(Flaw) -> (String, UInt16) {
    var authority = authority
    if authority.hasSuffix("/") { authority.removeLast() }
    if let slash = authority.firstIndex(of: "/") {
      throw .unexpectedPath(String(authority[slash...]))
    }
    guard let colon = authority.lastIndex(of: ":") else { throw .noPort }
    let number = authority[authority.index(after: colon)...]
    var host = authority[..<colon]
    // The last group of an address without brackets is not a port.
    if host.hasPrefix("["), host.hasSuffix("]") {
      host = host.dropFirst().dropLast()
    } else if host.contains(":") {
      throw .noPort
    }
    guard !host.isEmpty else { throw .noHost }
    guard let port = UInt16(number), port > 0 else { throw .badPort(String(number)) }
    return (String(host), port)
  }

  private mutating func apply(_ option: Substring) throws(Flaw) {
    guard access == .comPort else { throw .unknownOption(String(option)) }
    let (name, value) = Self.split(option, at: "=")
    switch (name, value) {
    case ("ign_set_control", _): ignoresSetControl = true
    case ("timeout", let value):
      let value = String(value ?? "")
      guard let seconds = Double(value), seconds > 0, seconds <= Self.timeoutLimit else {
        throw .badTimeout(value)
      }
      timeoutNanoseconds = UInt64(seconds * 1_000_000_000)
    default: throw .unknownOption(String(name))
    }
  }
}

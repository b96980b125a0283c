internal import NetworkPorts

/// A place of a lab, as `labgrid-client show` describes it.
struct PlaceDescription: Equatable, Sendable {
  /// A serial port that belongs to whoever has the place.
  struct SerialPort: Equatable, Sendable {
    var name: String
    var isAvailable: Bool
    /// `HOST:PORT` with the scheme that the server speaks; nil while it has not been started.
    var url: String?
    /// The host through which alone it can be reached, by SSH; nil where it is reached directly.
    var proxy: String?
  }

  /// `HOST/USER` of who has it; nil where nobody has.
  var holder: String?
  /// Others who may use it, likewise.
  var allowed: [String] = []
  var ports: [SerialPort] = []

  /// Reads what `labgrid-client show` prints.
  ///
  ///     Place 'board':
  ///       acquired: host/user
  ///     Acquired resource 'NAME' (exporter/group/class/name):
  ///       {'avail': True, 'cls': 'NetworkSerialPort', 'params': {…}}
  init(parsing text: String) {
    var name: String?
    var literal = ""
    for line in text.split(separator: "\n", omittingEmptySubsequences: true) {
      if line.first == " " {
        if name == nil { takeAttribute(line) } else { literal += line + "\n" }
      } else {
        finish(name, literal)
        name = Self.acquiredResource(line)
        literal = ""
      }
    }
    finish(name, literal)
  }

  private mutating func takeAttribute(_ line: Substring) {
    let trimmed = line.drop { $0 == " " }
    if let value = Self.value(of: "acquired: ", in: trimmed), value != "None" {
      holder = String(value)
    } else if let value = Self.value(of: "allowed: ", in: trimmed) {
      allowed = value.split(separator: ",").map { String($0.drop { $0 == " " }) }
    }
  }

  private static func value(of key: String, in line: Substring) -> Substring? {
    line.hasPrefix(key) ? line.dropFirst(key.count) : nil
  }

  /// The name of the resource whose description follows; nil for one that only would fit.
  private static func acquiredResource(_ line: Substring) -> String? {
    guard let rest = value(of: "Acquired resource '", in: line),
      let end = rest.lastIndex(of: "'")
    else { return nil }
    return String(rest[..<end])
  }

  private mutating func finish(_ name: String?, _ literal: String) {
    guard let name, let resource = PythonLiteral(literal),
      resource["cls"]?.string == "NetworkSerialPort", let parameters = resource["params"]
    else { return }
    let extra = parameters["extra"]
    let isBehindProxy = extra?["proxy_required"] == .bool(true)
    ports.append(
      SerialPort(
        name: name, isAvailable: resource["avail"] != .bool(false), url: Self.url(parameters),
        proxy: isBehindProxy ? extra?["proxy"]?.string ?? "" : nil))
  }

  private static func url(_ parameters: PythonLiteral) -> String? {
    guard let host = parameters["host"]?.string, case .number(let port)? = parameters["port"]
    else { return nil }
    let scheme = parameters["protocol"]?.string == "raw" ? "tcp" : "rfc2217"
    return host.contains(":") ? "\(scheme)://[\(host)]:\(port)" : "\(scheme)://\(host):\(port)"
  }
}

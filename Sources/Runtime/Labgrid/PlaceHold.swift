internal import Glibc
package import NetworkPorts
internal import SystemPackage

/// A place of a lab, held for as long as this is there.
///
/// All is done by the user's own labgrid-client, which reads LG_COORDINATOR, LG_TOKEN and the rest of
/// the environment. A place that the user has already, or may use, is left as it is.
package final class PlaceHold: Sendable {
  // A coordinator that does not answer is given up sooner by the client itself.
  private static let clientSeconds = 60
  // How often a port that has just been acquired is looked for: the server is started by then.
  private static let showLimit = 5

  package let name: LabgridName
  /// Where the serial port is.
  package let address: NetworkAddress
  private let isOurs: Bool

  /// Acquires the place if the user does not have it yet.
  ///
  /// - Throws: `LabgridError`, and `NetworkAddress.Flaw` for options that make no sense.
  package init(_ name: LabgridName) throws {
    let isOurs = try Self.acquire(name)
    do {
      address = try Self.address(name)
    } catch {
      if isOurs { Self.release(name) }
      throw error
    }
    self.isOurs = isOurs
    self.name = name
  }

  deinit {
    if isOurs { Self.release(name) }
  }

  // MARK: - The client

  private static func run(_ name: LabgridName, _ command: String) throws -> ChildProcess.Outcome {
    let place = name.place.isEmpty ? [] : ["-p", name.place]
    do throws(Errno) {
      return try ChildProcess.run(["labgrid-client"] + place + [command], seconds: clientSeconds)
    } catch {
      throw LabgridError.noClient(error)
    }
  }

  /// Acquires the place; false where the user may use it anyway.
  private static func acquire(_ name: LabgridName) throws -> Bool {
    let outcome = try run(name, "acquire")
    if outcome.status == 0 { return true }
    let words = lastLine(of: outcome.words)
    if words.contains("You have already acquired"), !words.contains("simultaneously") {
      return false
    }
    if words.contains("already acquired") {
      let place = try show(name)
      if let me = identity, place.allowed.contains(me) { return false }
      if let holder = place.holder { throw LabgridError.acquired(name.text, by: holder) }
    }
    throw failure(name, outcome)
  }

  private static func release(_ name: LabgridName) {
    // Nobody is left to hear of an error.
    _ = try? run(name, "release")
  }

  private static func show(_ name: LabgridName) throws -> PlaceDescription {
    let outcome = try run(name, "show")
    guard outcome.status == 0 else { throw failure(name, outcome) }
    return PlaceDescription(parsing: outcome.output)
  }

  private static func address(_ name: LabgridName) throws -> NetworkAddress {
    var attempt = 1
    while true {
      let port = try choose(name, try show(name).ports)
      if let proxy = port.proxy { throw LabgridError.behindProxy(name.text, proxy: proxy) }
      if let url = port.url, let address = try NetworkAddress(url + name.query) {
        return address.remembered(as: name.text)
      }
      guard attempt < showLimit else {
        throw LabgridError.notAvailable(name.text, resource: port.name)
      }
      attempt += 1
    }
  }

  private static func choose(
    _ name: LabgridName, _ ports: [PlaceDescription.SerialPort]
  ) throws(LabgridError) -> PlaceDescription.SerialPort {
    let found = ports.map(\.name)
    let chosen = ports.filter { name.resource == nil || $0.name == name.resource }
    guard let port = chosen.first else {
      throw .noSerialPort(name.text, resource: name.resource, found: found)
    }
    guard chosen.count == 1 else { throw .severalSerialPorts(name.text, found: found) }
    guard port.isAvailable else { throw .notAvailable(name.text, resource: port.name) }
    return port
  }

  // MARK: - Words

  private static func failure(
    _ name: LabgridName, _ outcome: ChildProcess.Outcome
  ) -> LabgridError {
    let words = lastLine(of: outcome.words)
    if outcome.words.contains("connect to coordinator") { return .noCoordinator(words: words) }
    if words.contains("matches nothing") || words.contains("matches multiple")
      || words.contains("place pattern not specified")
    {
      return .noPlace(name.text, words: words)
    }
    return .failed(name.text, words: words)
  }

  private static func lastLine(of words: String) -> String {
    let line = words.split(separator: "\n").last ?? ""
    for mark in ["Error: ", "error: "] {
      if let start = line.firstRange(of: mark) { return String(line[start.upperBound...]) }
    }
    return String(line)
  }

  /// `HOST/USER`, as labgrid knows the user.
  private static var identity: String? {
    var buffer = [UInt8](repeating: 0, count: 256)
    let count = buffer.count
    let isKnown = unsafe buffer.withUnsafeMutableBytes { bytes in
      guard let start = bytes.baseAddress else { return false }
      return unsafe gethostname(start.assumingMemoryBound(to: CChar.self), count) == 0
    }
    let own = isKnown ? String(decoding: buffer.prefix { $0 != 0 }, as: UTF8.self) : nil
    guard let host = variable("LG_HOSTNAME") ?? own,
      let user = variable("LG_USERNAME") ?? variable("USER")
    else { return nil }
    return "\(host)/\(user)"
  }

  private static func variable(_ name: String) -> String? {
    guard let value = unsafe getenv(name) else { return nil }
    return unsafe String(cString: value)
  }
}

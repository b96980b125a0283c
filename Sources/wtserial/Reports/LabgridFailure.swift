import ArgumentParser
import Runtime
import SystemPackage

/// What to say about a place of a lab, with the next step.
extension Failure {
  init(_ error: LabgridError, offersWait: Bool) {
    switch error {
    case .noClient(let reason):
      self.init(
        "cannot run labgrid-client: \(reason); install labgrid (`pipx install labgrid`), or put its "
          + "bin folder into PATH", .unavailable)
    case .noPlace(let name, let words):
      self.init(
        "\(name) names no place: \(words); `labgrid-client places` lists them, and LG_PLACE is the "
          + "one to use where none is given", .unavailable)
    case .noCoordinator(let words):
      self.init(
        "labgrid-client says: \(words); set LG_COORDINATOR to the HOST:PORT of the coordinator",
        .unavailable)
    case .acquired(let name, let holder):
      self.init(
        "\(name) is acquired by \(holder); ask for it\(offersWait ? ", or wait for it with --wait" : "")",
        .tryAgain)
    case .noSerialPort(let name, let resource?, let found):
      self.init(
        "\(name) has no serial port '\(resource)'\(Self.list(found))", .unavailable)
    case .noSerialPort(let name, nil, _):
      self.init(
        "\(name) has no serial port; `labgrid-client show` tells what it has, and `add-match` adds one",
        .unavailable)
    case .severalSerialPorts(let name, let found):
      self.init(
        "\(name) has several serial ports: add the /NAME of one\(Self.list(found))", .unavailable)
    case .notAvailable(let name, let resource):
      self.init(
        "the serial port '\(resource)' of \(name) is not available; check its board and the exporter's "
          + "log", .unavailable)
    case .behindProxy(let name, let proxy):
      self.init(
        "\(name) is reached through \(proxy) alone; forward its port by `ssh -L`, and give "
          + "rfc2217://localhost:PORT", .badConfiguration)
    case .failed(let name, let words):
      self.init(
        "labgrid-client cannot provide \(name): \(words); see to that and try again", .tryAgain)
    }
  }

  private static func list(_ found: [String]) -> String {
    found.isEmpty ? "" : "; it has \(found.joined(separator: ", "))"
  }
}

import ArgumentParser
import SerialPorts
import SystemPackage

/// What to say about a name that leads to no port.
extension Failure {
  private static let listLimit = 8

  init(_ error: PortSelectorError) {
    let problem =
      switch error.problem {
      case .empty: "PORT is empty"
      case .numbers:
        "\(error.text) is no PORT: behind usb: there are four hexadecimal digits of the maker, a colon, and four "
          + "of the product, as in usb:0403:6001"
      case .interface:
        "\(error.text) is no PORT: behind the product there is the number of the interface in hexadecimal, as in "
          + "usb:0403:6010-01"
      case .noSerialNumber: "\(error.text) is no PORT: the serial number is missing"
      case .location:
        "\(error.text) is no PORT: behind at: there is a place on the bus, as in at:1-1.4 or at:1-1.4:1.0"
      case .scheme:
        "\(error.text) is no PORT: behind a network there are rfc2217://HOST:PORT, tcp://HOST:PORT and "
          + "labgrid://PLACE"
      }
    self.init("\(problem); `wtserial ports` lists what there is", .usage)
  }

  /// For a path where there is no port.
  init(noPortAt path: FilePath, among ports: [PortDescription], offersWait: Bool) {
    if ports.contains(where: { $0.path == path && !$0.hasNode }) {
      self.init(
        "\(path) is there, and has no node in this container; start it with --device=\(path)",
        .unavailable)
    } else {
      self.init(
        "there is no serial port \(path)\(Self.others(ports)); \(Self.advice(on: path, offersWait))",
        .unavailable)
    }
  }

  init(_ error: PortSearchError, offersWait: Bool) {
    switch error {
    case .none(let selector, let ports):
      let hidden = ports.filter { !$0.hasNode && selector.matches($0) }
      if !hidden.isEmpty {
        self.init(
          "\(Self.list(hidden)) is there, and has no node in this container; start it with "
            + "--device=\(hidden[0].path)", .unavailable)
      } else {
        self.init(
          "no port fits \(selector)\(Self.others(ports)); \(Self.advice(offersWait))", .unavailable)
      }
    case .several(let selector, let ports):
      self.init(
        "\(ports.count) ports fit \(selector): \(Self.list(ports)); give the path or the by-id link of "
          + "one, or more of a selector", .unavailable)
    }
  }

  private static func others(_ ports: [PortDescription]) -> String {
    ports.isEmpty ? ": there are no serial ports" : "; there are \(list(ports))"
  }

  /// What may have been meant by a path that leads nowhere.
  private static func advice(on path: FilePath, _ offersWait: Bool) -> String {
    let name = path.string
    if !name.contains("/"), name.hasPrefix("tty") { return "did you mean /dev/\(name)?" }
    if name.wholeMatch(of: /(?i)com[0-9]+:?/) != nil {
      return "that is a name of Windows, and here a port is called such as /dev/ttyUSB0"
    }
    return advice(offersWait)
  }

  private static func advice(_ offersWait: Bool) -> String {
    "check that the adapter is plugged in" + (offersWait ? ", or say --wait" : "")
  }

  private static func list(_ ports: [PortDescription]) -> String {
    var texts = ports.prefix(listLimit).map(words)
    if ports.count > listLimit { texts.append("\(ports.count - listLimit) more") }
    return texts.joined(separator: ", ")
  }

  private static func words(for port: PortDescription) -> String {
    let words = selectors(of: port) + [port.usb?.product].compactMap(\.self)
    return words.isEmpty ? "\(port.path)" : "\(port.path) (\(words.joined(separator: ", ")))"
  }
}

/// The selectors by which a USB port can be named, that of the adapter and that of its place.
func selectors(of port: PortDescription) -> [String] {
  guard let usb = port.usb else { return [] }
  let serial = usb.serialNumber.map { ":\($0)" } ?? ""
  return ["usb:\(usb.numbers)\(serial)", "at:\(usb.location)"]
}

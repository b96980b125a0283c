internal import SerialDriver
internal import SystemPackage

/// Lists the serial ports of the machine.
///
/// No port is opened for it: on Linux that alone raises DTR and RTS, which resets many a board.
package enum PortList {
  /// All ports, by name, numbers in their order: ttyUSB2 before ttyUSB10.
  package static func ports() -> [PortDescription] {
    ports(Udev())
  }

  static func ports(_ udev: Udev) -> [PortDescription] {
    let byID = links(in: "/dev/serial/by-id")
    let byPath = links(in: "/dev/serial/by-path")
    let ports = udev.devices(ofSubsystem: "tty").compactMap { device -> PortDescription? in
      guard var port = PortDescription(device), let name = port.path.lastComponent else {
        return nil
      }
      port.byID = byID[name]
      port.byPath = byPath[name]
      return port
    }
    return ports.sorted { isOrdered($0.path.string, before: $1.path.string) }
  }

  /// The links in a folder, by the name of the node that they point to.
  private static func links(in folder: FilePath) -> [FilePath.Component: FilePath] {
    var links: [FilePath.Component: FilePath] = [:]
    // Of two links to one port the first one counts, whatever order the folder has.
    for name in ProcessFiles.entries(of: folder).sorted().reversed() {
      let link = folder.appending(name)
      guard let node = ProcessFiles.target(of: link)?.lastComponent else { continue }
      links[node] = link
    }
    return links
  }

  /// The order of names that people expect: runs of digits count as numbers.
  static func isOrdered(_ first: String, before second: String) -> Bool {
    var (one, other) = (first[...], second[...])
    while let a = one.first, let b = other.first {
      if a.isASCIIDigit, b.isASCIIDigit {
        let (runA, runB) = (one.prefix(while: \.isASCIIDigit), other.prefix(while: \.isASCIIDigit))
        let (numberA, numberB) = (runA.drop { $0 == "0" }, runB.drop { $0 == "0" })
        if numberA.count != numberB.count { return numberA.count < numberB.count }
        if numberA != numberB { return numberA < numberB }
        one = one.dropFirst(runA.count)
        other = other.dropFirst(runB.count)
      } else {
        if a != b { return a < b }
        one = one.dropFirst()
        other = other.dropFirst()
      }
    }
    return one.isEmpty && !other.isEmpty
  }
}

extension Character {
  fileprivate var isASCIIDigit: Bool { ("0"..."9").contains(self) }
}

extension PortDescription {
  /// Nil for terminals of other kinds, and for nodes of UARTs that the machine does not have.
  init?(_ device: UdevDevice) {
    // Consoles, pseudo-terminals and the like are part of no device.
    guard let node = device.node, let parent = device.parent else { return nil }
    // PC kernels make nodes for more UARTs than there are: PORT_UNKNOWN of <linux/serial_core.h>.
    if device.attribute("type") == "0" { return nil }
    let path = FilePath(node)
    let status = FileStatus(of: path)
    self.init(
      path: path, hasNode: status?.isCharacterDevice == true,
      systemPath: FilePath(device.systemPath))
    usb = USBAdapter(of: device)
    // Kernels from 6.6 on put the port and its controller between a UART and its device.
    let owners = sequence(first: parent, next: \.parent).filter { $0.subsystem != "serial-base" }
    let owner = owners.first { $0.driver != nil } ?? owners.first
    driver = owner?.driver
    bus = usb == nil ? owner?.subsystem : "usb"
    isHiddenFromModemManager =
      device.property("ID_MM_PORT_IGNORE") == "1" || device.property("ID_MM_DEVICE_IGNORE") == "1"
      || owners.contains { $0.property("ID_MM_DEVICE_IGNORE") == "1" }
    claimsToBeModem = device.claimsToBeModem
  }
}

extension USBAdapter {
  fileprivate init?(of port: UdevDevice) {
    guard let device = port.parent(ofSubsystem: "usb", type: "usb_device"),
      let vendorID = device.attribute("idVendor").flatMap({ UInt16($0, radix: 16) }),
      let productID = device.attribute("idProduct").flatMap({ UInt16($0, radix: 16) })
    else { return nil }
    self.init(vendorID: vendorID, productID: productID, location: device.systemName)
    manufacturer = device.filledAttribute("manufacturer")
    product = device.filledAttribute("product")
    serialNumber = device.filledAttribute("serial")
    deviceNumber = device.attribute("devnum").flatMap { Int($0) }
    let interface = port.parent(ofSubsystem: "usb", type: "usb_interface")
    interfaceNumber = interface?.attribute("bInterfaceNumber").flatMap { UInt8($0, radix: 16) }
  }
}

extension UdevDevice {
  /// Whether the interface is one of the communication class that takes AT commands (CDC 1.2, table
  /// 17; PSTN 1.2): what ModemManager goes by.
  fileprivate var claimsToBeModem: Bool {
    guard let interface = parent(ofSubsystem: "usb", type: "usb_interface"),
      let protocolCode = interface.attribute("bInterfaceProtocol").flatMap({ UInt8($0, radix: 16) })
    else { return false }
    return interface.attribute("bInterfaceClass") == "02"
      && interface.attribute("bInterfaceSubClass") == "02" && (1...6).contains(protocolCode)
  }

  /// An attribute that says something.
  fileprivate func filledAttribute(_ name: String) -> String? {
    guard let text = attribute(name), text.contains(where: { !$0.isWhitespace }) else { return nil }
    return text
  }
}

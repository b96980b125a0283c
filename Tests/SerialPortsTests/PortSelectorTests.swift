import SystemPackage
import Testing

@testable import SerialPorts

@Suite struct PortSelectorTests {
  @Test(
    arguments: [
      ("auto", .only),
      (
        "usb:0403:6001", .usb(vendorID: 0x403, productID: 0x6001, interface: nil, serialNumber: nil)
      ),
      (
        "usb:10C4:ea60-01",
        .usb(vendorID: 0x10C4, productID: 0xEA60, interface: 1, serialNumber: nil)
      ),
      (
        "usb:0403:6010-0a:FT-1",
        .usb(vendorID: 0x403, productID: 0x6010, interface: 10, serialNumber: "FT-1")
      ),
      (
        "usb:303a:1001:34:85:18:AC",
        .usb(vendorID: 0x303A, productID: 0x1001, interface: nil, serialNumber: "34:85:18:AC")
      ),
      ("serial:usb:1", .serialNumber("usb:1")),
      ("at:1-4.2", .location("1-4.2")),
      ("at:3-1:1.12", .location("3-1:1.12")),
      ("/dev/ttyUSB0", .path("/dev/ttyUSB0")),
      ("./auto", .path("./auto")),
      (
        "USB:0403:6001", .usb(vendorID: 0x403, productID: 0x6001, interface: nil, serialNumber: nil)
      ),
      ("Serial:A5", .serialNumber("A5")),
      ("AT:1-4.2", .location("1-4.2")),
      ("Auto", .only),
      ("usbserial", .path("usbserial")),
    ] as [(String, PortSelector)])
  func selectorsAreRead(text: String, selector: PortSelector) throws {
    #expect(try PortSelector(parsing: text) == selector)
    // What is shown to the user can be given again.
    #expect(try PortSelector(parsing: selector.description) == selector)
  }

  @Test(
    arguments: [
      ("", .empty),
      ("usb:", .numbers), ("usb:0403", .numbers), ("usb:403:6001", .numbers),
      ("usb:0403:60011", .numbers), ("usb:0403:600g", .numbers), ("usb:+403:6001", .numbers),
      ("usb::6001", .numbers), ("usb:0403:", .numbers),
      ("usb:0403:6001-", .interface), ("usb:0403:6001-x", .interface),
      ("usb:0403:6001-+1", .interface), ("usb:0403:6001-100", .interface),
      ("usb:0403:6001:", .noSerialNumber), ("serial:", .noSerialNumber),
      ("at:", .location), ("at:1", .location), ("at:1-", .location), ("at:1-2.", .location),
      ("at:1-2:1", .location), ("at:1-2:1.0:0", .location), ("at:usb1-2", .location),
      ("at:1-2-3", .location), ("socket://host:1", .scheme), ("telnet://host:1", .scheme),
    ] as [(String, PortSelectorError.Problem)])
  func mistakesAreNamed(text: String, problem: PortSelectorError.Problem) {
    #expect(throws: PortSelectorError(text: text, problem: problem)) {
      try PortSelector(parsing: text)
    }
  }

  @Test func aPortIsFoundByEachOfItsFeatures() throws {
    let ports = [
      port("ttyUSB0", 0x403, 0x6010, serial: "A", at: "1-1", interface: 0),
      port("ttyUSB1", 0x403, 0x6010, serial: "A", at: "1-1", interface: 1),
      port("ttyUSB2", 0x403, 0x6010, serial: "B", at: "1-2", interface: 0),
    ]
    for (text, index) in [
      ("usb:0403:6010-00:A", 0), ("usb:0403:6010-01", 1), ("usb:0403:6010:B", 2), ("serial:B", 2),
      ("at:1-2", 2), ("at:1-1:1.1", 1),
    ] {
      #expect(try find(text, among: ports).path == ports[index].path, "\(text)")
    }
  }

  @Test func oneOfSeveralIsNeverGuessed() throws {
    let ports = [
      port("ttyUSB0", 0x403, 0x6001, serial: nil, at: "1-1"),
      port("ttyUSB1", 0x403, 0x6001, serial: nil, at: "1-2"),
    ]
    let selector = try PortSelector(parsing: "usb:0403:6001")
    #expect(throws: PortSearchError.several(selector, ports)) { try selector.find(among: ports) }
    #expect(throws: PortSearchError.several(.only, ports)) {
      try PortSelector.only.find(among: ports)
    }
  }

  @Test func whatHasNoNodeOrNoAdapterIsNotFound() throws {
    var hidden = port("ttyUSB0", 0x403, 0x6001, serial: "A", at: "1-1")
    hidden.hasNode = false
    let uart = PortDescription(path: "/dev/ttyS0", systemPath: "/sys/devices/pnp0/00:05/tty/ttyS0")
    let ports = [hidden, uart]
    #expect(throws: PortSearchError.none(.only, among: ports)) {
      try PortSelector.only.find(among: ports)
    }
    #expect(throws: PortSearchError.none(.serialNumber("A"), among: ports)) {
      try PortSelector.serialNumber("A").find(among: ports)
    }
  }

  private func find(_ text: String, among ports: [PortDescription]) throws -> FoundPort {
    try PortSelector(parsing: text).find(among: ports)
  }
}

/// A port of a USB adapter.
func port(
  _ name: String, _ vendorID: UInt16, _ productID: UInt16, serial: String?, at location: String,
  interface: UInt8 = 0, deviceNumber: Int = 1
) -> PortDescription {
  var port = PortDescription(
    path: FilePath("/dev/\(name)"),
    systemPath: FilePath(
      "/sys/devices/usb1/\(location)/\(location):1.\(interface)/\(name)/tty/\(name)"))
  var adapter = USBAdapter(vendorID: vendorID, productID: productID, location: location)
  adapter.serialNumber = serial
  adapter.interfaceNumber = interface
  adapter.deviceNumber = deviceNumber
  port.usb = adapter
  return port
}

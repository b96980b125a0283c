package import SystemPackage

/// What is known of a serial port without opening it.
package struct PortDescription: Equatable, Sendable {
  /// The node, such as `/dev/ttyUSB0`; the name may be another's after the next unplugging.
  package var path: FilePath
  /// Whether the node is there: a container sees the machine's devices, and only its own nodes.
  package var hasNode: Bool
  /// The link below `/dev/serial/by-id`, which keeps its name; nil for what is no USB device.
  package var byID: FilePath?
  /// The link below `/dev/serial/by-path`, which goes by the socket that the adapter is in.
  package var byPath: FilePath?
  /// The adapter, nil for other ports.
  package var usb: USBAdapter?
  /// The kernel's driver, such as `ftdi_sio`.
  package var driver: String?
  /// What the device is connected by, such as `usb`, `pnp`, `platform` or `pci`.
  package var bus: String?
  /// The device's folder below `/sys`.
  package var systemPath: FilePath
  /// Whether a rule of udev tells ModemManager to leave the port alone.
  package var isHiddenFromModemManager = false
  /// Whether the port says of itself that it takes the commands of modems, as many boards do.
  package var claimsToBeModem = false

  package init(path: FilePath, hasNode: Bool = true, systemPath: FilePath) {
    self.path = path
    self.hasNode = hasNode
    self.systemPath = systemPath
  }
}

/// What a USB adapter says of itself; manufacturers may leave all texts out.
package struct USBAdapter: Equatable, Sendable {
  /// The numbers of maker and product, idVendor and idProduct of the device descriptor.
  package var vendorID: UInt16
  package var productID: UInt16
  package var manufacturer: String?
  package var product: String?
  package var serialNumber: String?
  /// Which interface of the device the port is, bInterfaceNumber: adapters may have several ports.
  package var interfaceNumber: UInt8?
  /// The socket: bus number, then the port of each hub on the way, such as `1-1.4`.
  package var location: String
  /// The number that the bus gave the device when it was plugged in: it changes with each time.
  package var deviceNumber: Int?

  package init(vendorID: UInt16, productID: UInt16, location: String) {
    self.vendorID = vendorID
    self.productID = productID
    self.location = location
  }

  /// Both numbers as the field writes them: four hexadecimal digits each.
  package var numbers: String {
    "\(hexadecimal(vendorID, digits: 4)):\(hexadecimal(productID, digits: 4))"
  }
}

/// A number in small hexadecimal digits, with zeros in front.
func hexadecimal(_ number: some BinaryInteger, digits: Int) -> String {
  let text = String(number, radix: 16)
  return String(repeating: "0", count: max(digits - text.count, 0)) + text
}

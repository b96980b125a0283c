package import SystemPackage

/// What a user calls a port by.
package enum PortSelector: Equatable, Sendable {
  /// A node or a link to one.
  case path(FilePath)
  /// `usb:VID:PID[-INTERFACE][:SERIAL]`, the numbers in hexadecimal.
  case usb(vendorID: UInt16, productID: UInt16, interface: UInt8?, serialNumber: String?)
  /// `serial:NUMBER`: the serial number of a USB adapter.
  case serialNumber(String)
  /// `at:1-1.4[:1.0]`: the socket that a USB adapter is in.
  case location(String)
  /// `auto`: the only USB adapter there is.
  case only

  /// Reads a selector, whose scheme may be in any case; what is none is a path.
  package init(parsing text: String) throws(PortSelectorError) {
    if text.lowercased() == "auto" {
      self = .only
    } else if let rest = text.rest(after: "usb:") {
      self = try Self.usb(rest, of: text)
    } else if let rest = text.rest(after: "serial:") {
      guard !rest.isEmpty else { throw PortSelectorError(text: text, problem: .noSerialNumber) }
      self = .serialNumber(String(rest))
    } else if let rest = text.rest(after: "at:") {
      guard Self.isLocation(rest) else { throw PortSelectorError(text: text, problem: .location) }
      self = .location(String(rest))
    } else {
      guard !text.isEmpty else { throw PortSelectorError(text: text, problem: .empty) }
      // Not a name that anybody gives a file.
      if text.contains("://") { throw PortSelectorError(text: text, problem: .scheme) }
      self = .path(FilePath(text))
    }
  }

  private static func usb(_ rest: Substring, of text: String) throws(PortSelectorError) -> Self {
    // Serial numbers may have colons of their own, as the MAC addresses of some boards.
    let parts = rest.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
    guard parts.count >= 2, let vendorID = number(parts[0]) else {
      throw PortSelectorError(text: text, problem: .numbers)
    }
    let product = parts[1].split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
    guard let productID = number(product[0]) else {
      throw PortSelectorError(text: text, problem: .numbers)
    }
    var interface: UInt8?
    if product.count == 2 {
      guard let number = UInt8(product[1], radix: 16), product[1].first != "+" else {
        throw PortSelectorError(text: text, problem: .interface)
      }
      interface = number
    }
    var serialNumber: String?
    if parts.count == 3 {
      guard !parts[2].isEmpty else { throw PortSelectorError(text: text, problem: .noSerialNumber) }
      serialNumber = String(parts[2])
    }
    return .usb(
      vendorID: vendorID, productID: productID, interface: interface, serialNumber: serialNumber)
  }

  private static func number(_ text: Substring) -> UInt16? {
    // As listed: a number of another length is a mistake.
    guard text.count == 4, text.allSatisfy(\.isHexDigit) else { return nil }
    return UInt16(text, radix: 16)
  }

  /// Whether a text is like `1-1.4`, perhaps with a configuration and an interface behind it.
  private static func isLocation(_ text: Substring) -> Bool {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count <= 2 else { return false }
    let bus = parts[0].split(separator: "-", omittingEmptySubsequences: false)
    guard bus.count == 2, isNumber(bus[0]) else { return false }
    let ports = bus[1].split(separator: ".", omittingEmptySubsequences: false)
    guard ports.allSatisfy(isNumber) else { return false }
    guard parts.count == 2 else { return true }
    let function = parts[1].split(separator: ".", omittingEmptySubsequences: false)
    return function.count == 2 && function.allSatisfy(isNumber)
  }

  private static func isNumber(_ text: Substring) -> Bool {
    !text.isEmpty && text.allSatisfy { ("0"..."9").contains($0) }
  }
}

/// Why a selector is none.
package struct PortSelectorError: Error, Equatable, Sendable {
  /// What is wrong with it.
  package enum Problem: Equatable, Sendable {
    case empty, numbers, interface, noSerialNumber, location, scheme
  }

  package var text: String
  package var problem: Problem
}

extension PortSelector: CustomStringConvertible {
  /// The selector as a user writes it.
  package var description: String {
    switch self {
    case .path(let path): path.string
    case .usb(let vendorID, let productID, let interface, let serialNumber):
      "usb:\(hexadecimal(vendorID, digits: 4)):\(hexadecimal(productID, digits: 4))"
        + (interface.map { "-\(hexadecimal($0, digits: 2))" } ?? "")
        + (serialNumber.map { ":\($0)" } ?? "")
    case .serialNumber(let serialNumber): "serial:\(serialNumber)"
    case .location(let location): "at:\(location)"
    case .only: "auto"
    }
  }
}

extension PortSelector {
  /// Whether a port is meant; never for a path, which is followed and not compared.
  package func matches(_ port: PortDescription) -> Bool {
    guard let usb = port.usb else { return false }
    switch self {
    case .path: return false
    case .usb(let vendorID, let productID, let interface, let serialNumber):
      return usb.vendorID == vendorID && usb.productID == productID
        && (interface == nil || interface == usb.interfaceNumber)
        && (serialNumber == nil || serialNumber == usb.serialNumber)
    case .serialNumber(let serialNumber): return usb.serialNumber == serialNumber
    case .location(let location):
      return location == usb.location || port.isInterface(location)
    case .only: return true
    }
  }
}

extension PortDescription {
  /// Whether the port is the interface of this name, such as `1-1.4:1.0`, or below it.
  fileprivate func isInterface(_ name: String) -> Bool {
    systemPath.components.contains { $0.string == name }
  }
}

extension String {
  /// What follows a word at the beginning, which is given in small letters and may be in any.
  fileprivate func rest(after word: String) -> Substring? {
    prefix(word.count).lowercased() == word ? dropFirst(word.count) : nil
  }
}

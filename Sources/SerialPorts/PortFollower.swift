internal import SerialDriver

/// Finds a device again that comes back under another name.
///
/// A device is the same if its numbers, its serial number and its interface are; one without a serial
/// number, or with one that another adapter had too, is the same if it is in the same socket.
package final class PortFollower {
  /// Where the device is.
  package enum Whereabouts: Equatable, Sendable {
    /// Where it was, and it has not been away.
    case unchanged
    case gone
    /// It was plugged in anew, or has begun anew; under this name now.
    case back(PortDescription)
  }

  private let watcher: PortWatcher
  /// The device as it was last opened.
  package private(set) var port: PortDescription
  private let identity: Identity
  // Of the device's folder, which the kernel makes anew each time.
  private var folder: FileStatus?

  /// Follows a device from now on; nil for a port that cannot be told from others, or does not move.
  package init?(_ port: PortDescription) {
    let watcher = PortWatcher()
    guard let identity = Identity(port, among: watcher.ports) else { return nil }
    self.watcher = watcher
    self.port = port
    self.identity = identity
    folder = FileStatus(of: port.systemPath)
  }

  /// Becomes readable when it is time to look; nil where the system tells nothing.
  package var descriptor: CInt? { watcher.descriptor }

  /// Looks where the device is; without news only whether it is where it was, before all ports are
  /// read anew.
  package func look(hasNews: Bool) -> Whereabouts {
    if !hasNews, let folder, FileStatus(of: port.systemPath) == folder { return .unchanged }
    _ = watcher.look()
    let found = watcher.ports.filter { $0.hasNode && identity.fits($0) }
    if found.contains(where: { $0.isSamePlugging(as: port) && $0.path == port.path }) {
      return .unchanged
    }
    // Two of them cannot be told apart, and the wrong one would be written to.
    guard let only = found.first, found.count == 1 else { return .gone }
    return .back(only)
  }

  /// Notes that the device has been opened where it is now.
  package func note(opened port: PortDescription) {
    self.port = port
    folder = FileStatus(of: port.systemPath)
  }

  /// What a device is known by.
  struct Identity: Equatable {
    private let adapter: USBAdapter
    private let isSerialNumberEnough: Bool

    init?(_ port: PortDescription, among others: [PortDescription]) {
      guard let adapter = port.usb else { return nil }
      self.adapter = adapter
      let twins = others.filter { $0.path != port.path && $0.usb?.isTwin(of: adapter) == true }
      isSerialNumberEnough = adapter.serialNumber != nil && twins.isEmpty
    }

    func fits(_ port: PortDescription) -> Bool {
      guard let other = port.usb, other.isTwin(of: adapter) else { return false }
      return isSerialNumberEnough || other.location == adapter.location
    }
  }
}

extension USBAdapter {
  /// Whether both say the same of themselves, wherever they are.
  fileprivate func isTwin(of other: USBAdapter) -> Bool {
    vendorID == other.vendorID && productID == other.productID
      && serialNumber == other.serialNumber && interfaceNumber == other.interfaceNumber
  }
}

internal import SerialDriver

/// Notices ports that come and go.
///
/// What is there is always read anew from the kernel: events only say when to look. They fail to come
/// in containers, which are not told of devices, so a user of this looks now and then without one.
package final class PortWatcher {
  private let udev = Udev()
  private let monitor: UdevMonitor?
  /// The ports that were there when last looked.
  package private(set) var ports: [PortDescription]

  package init() {
    let isDaemonRunning = UdevRules.isDaemonRunning
    // Before the first look, so that nothing falls between.
    monitor = UdevMonitor(udev, subsystem: "tty", isDaemonRunning: isDaemonRunning)
    ports = PortList.ports(udev)
  }

  /// Becomes readable when it is time to look; nil where the system tells nothing.
  package var descriptor: CInt? { monitor?.descriptor }

  /// Looks, and tells what has changed.
  ///
  /// A device that was plugged in anew has gone and come, whatever its name.
  package func look() -> (removed: [PortDescription], added: [PortDescription]) {
    _ = monitor?.drain()
    let before = ports
    ports = PortList.ports(udev)
    return (
      before.filter { old in !ports.contains { $0.isSamePlugging(as: old) } },
      ports.filter { new in !before.contains { $0.isSamePlugging(as: new) } }
    )
  }
}

extension PortDescription {
  /// Whether both are the same device that has stayed where it was: links may come later than it.
  func isSamePlugging(as other: PortDescription) -> Bool {
    systemPath == other.systemPath && hasNode == other.hasNode
      && usb?.deviceNumber == other.usb?.deviceNumber
  }
}

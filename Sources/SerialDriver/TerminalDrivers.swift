internal import SystemPackage

/// Tells terminals from other devices without opening them, which raises DTR and restarts a board.
package enum TerminalDrivers {
  // Memory, such as /dev/null and /dev/zero (devices.txt of the kernel).
  private static let memoryMajor: UInt64 = 1

  /// Whether a device may be a terminal, as all serial ports are: whether a driver of terminals has its number.
  ///
  /// Where the kernel's list of these is not to be read, only memory is known to be none.
  package static func mayHave(_ device: FileStatus) -> Bool {
    guard device.isCharacterDevice else { return false }
    guard let drivers = ProcessFiles.text(of: "/proc/tty/drivers"), !drivers.isEmpty else {
      return device.deviceMajor != memoryMajor
    }
    return drivers.split(separator: "\n").contains { isOf($0, device) }
  }

  /// Whether a line of /proc/tty/drivers is about a device: `serial  /dev/ttyS  4  64-95  serial` has the
  /// driver, the beginning of the nodes' names, the major number, the minor numbers and the kind (proc(5)).
  private static func isOf(_ line: Substring, _ device: FileStatus) -> Bool {
    let fields = line.split(separator: " ")
    guard fields.count >= 5, UInt64(fields[2]) == device.deviceMajor else { return false }
    let range = fields[3].split(separator: "-").compactMap { UInt64($0) }
    guard let first = range.first, let last = range.last else { return false }
    return first <= device.deviceMinor && device.deviceMinor <= last
  }
}

package import SystemPackage

/// Why a serial port cannot be opened or used.
package enum SerialError: Error, Equatable, Sendable {
  /// What was asked of the system when it refused.
  package enum Operation: Equatable, Sendable {
    case open, lock, getSettings, setSettings, flush, read, write, queueSize, setLines
  }

  /// Nothing is at the path, or a device node without a device behind it.
  case noSuchPort(FilePath)
  /// The path is a file, a folder or another device.
  case notATerminal(FilePath)
  /// The user may not read and write the device.
  case permissionDenied(FilePath, PortAccess)
  /// Another process has locked the port; the owner is nil where it cannot be found out.
  case busy(FilePath, owner: PortOwner?)
  /// The driver runs at a rate too far from the one asked for.
  case rateRefused(FilePath, requested: UInt32, actual: UInt32)
  /// The device is gone: unplugged, or the other end of a pseudo-terminal was closed.
  case vanished(FilePath)
  /// The port has no DTR and RTS: a pseudo-terminal.
  case noModemLines(FilePath)
  /// Any other refusal.
  case system(Operation, FilePath, Errno)
}

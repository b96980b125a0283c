import Glibc
package import SystemPackage

/// The process that has a port, found through `/proc` as far as its permissions let us see.
package struct PortOwner: Equatable, Sendable {
  /// The process.
  package let processID: Int32
  /// Its command name as the kernel keeps it, cut off after 15 bytes.
  package let name: String

  /// The process, nil where it has gone.
  package init?(processID: Int32) {
    guard let name = ProcessFiles.text(of: FilePath("/proc/\(processID)/comm")) else { return nil }
    self.processID = processID
    self.name = String(name.prefix { $0 != "\n" })
  }

  /// The process that has the device locked, else any that has it open, other than this one.
  static func locking(_ path: FilePath) -> PortOwner? {
    guard let device = FileStatus(of: path) else { return nil }
    return lockHolder(of: device) ?? openHolder(of: device)
  }

  /// A process that has the device open, other than this one.
  static func opening(_ path: FilePath) -> PortOwner? {
    FileStatus(of: path).flatMap(openHolder)
  }

  /// The process at the other end of a pseudo-terminal, such as a loopback; nil where it is none, or that
  /// process is not to be seen.
  package static func maker(of path: FilePath) -> PortOwner? {
    guard let device = FileStatus(of: path), device.isPseudoTerminal else { return nil }
    return ProcessFiles.processIDs().lazy.filter { ProcessFiles.hasMaster($0, of: device) }
      .compactMap { PortOwner(processID: $0) }.first
  }

  /// For each device the process that has it locked, else any that has it open; not whoever is the other end
  /// of a pseudo-terminal, and may keep its slave open so that the line does not hang up.
  ///
  /// Opens nothing but files of `/proc`; nil where there is no process that we may see.
  package static func owners(of paths: [FilePath]) -> [PortOwner?] {
    let devices = paths.map { FileStatus(of: $0) }
    var owners = devices.map { $0.flatMap(lockHolder) }
    for processID in ProcessFiles.processIDs() {
      for (_, open) in ProcessFiles.openDevices(of: processID) {
        for (index, device) in devices.enumerated() where owners[index] == nil {
          if let device, device.isSameDevice(as: open),
            !ProcessFiles.hasMaster(processID, of: device)
          {
            owners[index] = PortOwner(processID: processID)
          }
        }
      }
    }
    return owners
  }

  /// Reads `/proc/locks`: `1: FLOCK ADVISORY WRITE <pid> <major>:<minor>:<inode> 0 EOF`, the device
  /// numbers in hexadecimal (proc_locks(5)).
  private static func lockHolder(of device: FileStatus) -> PortOwner? {
    guard let locks = ProcessFiles.text(of: "/proc/locks") else { return nil }
    for line in locks.split(separator: "\n") {
      let fields = line.split(separator: " ")
      // A process that only waits for the lock has an arrow in the second place.
      guard fields.count >= 6, fields[1] == "FLOCK" else { continue }
      let identity = fields[5].split(separator: ":")
      guard identity.count == 3, Int(identity[0], radix: 16) == device.fileSystemMajor,
        Int(identity[1], radix: 16) == device.fileSystemMinor,
        UInt64(identity[2]) == device.inode
      else { continue }
      if let processID = Int32(fields[4]), let owner = PortOwner(processID: processID) {
        return owner
      }
    }
    return nil
  }

  private static func openHolder(of device: FileStatus) -> PortOwner? {
    let holders = ProcessFiles.processIDs().filter { processID in
      // Our own descriptor was opened to find out that the port is busy.
      guard processID != getpid() else { return false }
      return !ProcessFiles.descriptors(of: processID, on: device).isEmpty
        && !ProcessFiles.hasMaster(processID, of: device)
    }
    return holders.lazy.compactMap { PortOwner(processID: $0) }.first
  }
}

package import Glibc
package import SystemPackage

/// Reads `/proc`, answering less where something cannot be read: processes come and go meanwhile.
package enum ProcessFiles {
  /// The text of a small file, nil where it cannot be read.
  package static func text(of path: FilePath) -> String? {
    guard let file = try? FileDescriptor.open(path, .readOnly, options: .closeOnExec) else {
      return nil
    }
    let descriptor = OwnedDescriptor(file.rawValue)
    var bytes: [UInt8] = []
    while true {
      let part = [UInt8](capacity: 4096) { _ = try? descriptor.read(into: &$0) }
      guard !part.isEmpty else { return String(decoding: bytes, as: UTF8.self) }
      bytes += part
    }
  }

  /// All processes that can be seen, in ascending order.
  package static func processIDs() -> [pid_t] {
    entries(of: "/proc").compactMap { pid_t($0) }.sorted()
  }

  /// The numbers of the descriptors by which a process has a device open; none where the process
  /// belongs to somebody else.
  package static func descriptors(of processID: pid_t, on device: FileStatus) -> [CInt] {
    openDevices(of: processID).filter { $0.device.isSameDevice(as: device) }.map(\.descriptor)
  }

  /// Whether a process has the master of a pseudo-terminal open, of which `terminal` is the slave: then it is
  /// the other end of that line, whether or not it has the slave open, too.
  ///
  /// The kernel tells the slave's number as `tty-index` in the `fdinfo` of a master, from Linux 4.20 on.
  static func hasMaster(_ processID: pid_t, of terminal: FileStatus) -> Bool {
    guard let number = terminal.pseudoTerminalNumber else { return false }
    return openDevices(of: processID).contains { descriptor, device in
      guard device.isPseudoTerminalMaster,
        let text = ProcessFiles.text(of: FilePath("/proc/\(processID)/fdinfo/\(descriptor)"))
      else { return false }
      return text.split(separator: "\n").contains { line in
        let fields = line.split(whereSeparator: \.isWhitespace)
        return fields.count == 2 && fields[0] == "tty-index:" && UInt64(fields[1]) == number
      }
    }
  }

  /// The character devices that a process has open; none where it belongs to somebody else.
  static func openDevices(of processID: pid_t) -> [(descriptor: CInt, device: FileStatus)] {
    let folder = FilePath("/proc/\(processID)/fd")
    return entries(of: folder).compactMap { name in
      guard let number = CInt(name) else { return nil }
      let link = folder.appending(name)
      // Only what is in /dev is looked at: other files may be on a server that does not answer.
      guard target(of: link)?.starts(with: "/dev") == true, let file = FileStatus(of: link),
        file.isCharacterDevice
      else { return nil }
      return (number, file)
    }
  }

  /// Where a symbolic link points, cut off after 256 bytes: the devices of interest have short names.
  ///
  /// - Returns: nil where there is no link, or something else.
  package static func target(of link: FilePath) -> FilePath? {
    var bytes = [CChar](repeating: 0, count: 256)
    let length = unsafe link.withPlatformString { unsafe readlink($0, &bytes, bytes.count) }
    guard length > 0 else { return nil }
    return FilePath(
      String(decoding: bytes.prefix(length).map { UInt8(bitPattern: $0) }, as: UTF8.self))
  }

  /// The names in a folder; none where it cannot be read.
  package static func entries(of folder: FilePath) -> [String] {
    guard let stream = unsafe folder.withPlatformString({ unsafe opendir($0) }) else { return [] }
    defer { unsafe closedir(stream) }
    var names: [String] = []
    while let entry = unsafe readdir(stream) {
      let name = unsafe withUnsafeBytes(of: entry.pointee.d_name) {
        unsafe String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
      }
      names.append(name)
    }
    return names
  }
}

/// What stat(2) tells of a file, links followed.
package struct FileStatus: Equatable, Sendable {
  /// The number of the device that the file is, if it is one.
  package let device: UInt64
  /// The file's number in its file system.
  package let inode: UInt64
  /// Type and permission bits.
  package let mode: mode_t
  let owner: uid_t
  let group: gid_t
  private let fileSystem: UInt64

  /// Nil where there is no such file.
  package init?(of path: FilePath) {
    var status = stat()
    guard unsafe path.withPlatformString({ unsafe stat($0, &status) }) == 0 else { return nil }
    device = UInt64(status.st_rdev)
    inode = UInt64(status.st_ino)
    mode = status.st_mode
    owner = status.st_uid
    group = status.st_gid
    fileSystem = UInt64(status.st_dev)
  }

  package var isCharacterDevice: Bool { mode & S_IFMT == S_IFCHR }

  // Major numbers of pseudo-terminals' slaves (devices.txt of the kernel).
  private static let pseudoTerminalMajors: ClosedRange<UInt64> = 136...143

  /// Whether the file is one end of a pseudo-terminal.
  package var isPseudoTerminal: Bool {
    isCharacterDevice && Self.pseudoTerminalMajors.contains(deviceMajor)
  }

  /// Which pseudo-terminal the file is the slave of, as in `/dev/pts/N`; nil where it is none.
  fileprivate var pseudoTerminalNumber: UInt64? { isPseudoTerminal ? deviceMinor : nil }

  // The one node, 5:2, by which all masters are opened (devices.txt).
  fileprivate var isPseudoTerminalMaster: Bool {
    isCharacterDevice && deviceMajor == 5 && deviceMinor == 2
  }

  /// Whether both are one device: nodes of it, or one node by two names.
  package func isSameDevice(as other: FileStatus) -> Bool {
    device == other.device || (fileSystem == other.fileSystem && inode == other.inode)
  }

  // The packing of makedev(3).
  var deviceMajor: UInt64 { (device >> 8) & 0xFFF | (device >> 32) & ~0xFFF }
  var deviceMinor: UInt64 { device & 0xFF | (device >> 12) & 0xFFFF_FF00 }
  var fileSystemMajor: Int { Int((fileSystem >> 8) & 0xFFF | (fileSystem >> 32) & ~0xFFF) }
  var fileSystemMinor: Int { Int(fileSystem & 0xFF | (fileSystem >> 12) & 0xFFFF_FF00) }
}

import Glibc
package import SystemPackage

/// Who may use a device, and who is asking: the facts behind a refusal.
package struct PortAccess: Equatable, Sendable {
  /// The permission bits, such as 0o660.
  package var mode: UInt16
  /// The device's owner and group by name, by number where they have none.
  package var owner: String
  package var group: String
  /// The user who asks.
  package var user: String
  /// The groups of this process.
  package var processGroups: [String]
  /// Whether the user database has the user in the device's group.
  ///
  /// When the process is not in it all the same, the user was added after logging in.
  package var isUserInGroup: Bool
  /// Whether it is a pseudo-terminal, which belongs to whoever made it, whatever rules udev has.
  package var isPseudoTerminal: Bool

  package init(
    mode: UInt16, owner: String, group: String, user: String, processGroups: [String],
    isUserInGroup: Bool, isPseudoTerminal: Bool = false
  ) {
    self.mode = mode
    self.owner = owner
    self.group = group
    self.user = user
    self.processGroups = processGroups
    self.isUserInGroup = isUserInGroup
    self.isPseudoTerminal = isPseudoTerminal
  }

  /// The facts about a device; nil where there is none.
  package init?(of path: FilePath) {
    guard let file = FileStatus(of: path) else { return nil }
    self.init(of: file)
  }

  /// Whether the user of this process may read and write a file, by mode bits, access lists and all.
  package static func isGranted(to path: FilePath) -> Bool {
    unsafe path.withPlatformString { unsafe access($0, R_OK | W_OK) } == 0
  }

  init(of file: FileStatus) {
    mode = UInt16(file.mode & 0o7777)
    owner = Self.name(ofUser: file.owner)
    group = Self.name(ofGroup: file.group)
    user = Self.name(ofUser: geteuid())
    processGroups = Self.groupsOfProcess().map(Self.name(ofGroup:))
    isUserInGroup = Self.members(ofGroup: file.group).contains(user)
    isPseudoTerminal = file.isPseudoTerminal
  }

  private static func name(ofUser number: uid_t) -> String {
    guard let entry = unsafe getpwuid(number), let name = unsafe entry.pointee.pw_name else {
      return String(number)
    }
    return unsafe String(cString: name)
  }

  private static func name(ofGroup number: gid_t) -> String {
    guard let entry = unsafe getgrgid(number), let name = unsafe entry.pointee.gr_name else {
      return String(number)
    }
    return unsafe String(cString: name)
  }

  private static func members(ofGroup number: gid_t) -> [String] {
    guard let entry = unsafe getgrgid(number), var next = unsafe entry.pointee.gr_mem else {
      return []
    }
    var names: [String] = []
    while let name = unsafe next.pointee {
      unsafe names.append(String(cString: name))
      unsafe next += 1
    }
    return names
  }

  private static func groupsOfProcess() -> [gid_t] {
    let count = getgroups(0, nil)
    guard count > 0 else { return [getegid()] }
    var groups = [gid_t](repeating: 0, count: Int(count))
    let filled = unsafe getgroups(count, &groups)
    return Array(groups.prefix(Int(max(filled, 0))))
  }
}

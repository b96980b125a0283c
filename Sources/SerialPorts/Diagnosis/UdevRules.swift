internal import SerialDriver
package import SystemPackage

/// The rules for udev that come with the project, and whether they are in force.
package enum UdevRules {
  /// The file's name: rules that grant access have to come before `73-seat-late.rules`.
  package static let fileName = "70-wtserial.rules"
  /// The file's text, by the name that SwiftPM makes of its name.
  package static var text: String {
    String(decoding: PackageResources._0_wtserial_rules, as: UTF8.self)
  }

  /// Where udev looks for rules, in the order of their weight (udev(7)).
  private static let folders: [FilePath] = [
    "/etc/udev/rules.d", "/run/udev/rules.d", "/usr/local/lib/udev/rules.d",
    "/usr/lib/udev/rules.d",
    "/lib/udev/rules.d",
  ]

  /// The file as it is installed, by whatever number.
  package static var installed: FilePath? {
    for folder in folders {
      let name = ProcessFiles.entries(of: folder).first { $0.hasSuffix("-wtserial.rules") }
      if let name { return folder.appending(name) }
    }
    return nil
  }

  /// Whether udev is there to follow rules: containers have none of their own.
  package static var isDaemonRunning: Bool { FileStatus(of: "/run/udev/control") != nil }

  /// Whether the rules say anything about adapters of a maker.
  package static func covers(vendorID: UInt16) -> Bool {
    text.contains(hexadecimal(vendorID, digits: 4))
  }
}

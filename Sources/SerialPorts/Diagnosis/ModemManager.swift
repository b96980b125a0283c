internal import SerialDriver
internal import SystemPackage

/// ModemManager, a service of most Linux desktops: it opens serial ports that may be modems and sends
/// them AT commands, for ten seconds and more after they are plugged in.
package struct ModemManager: Equatable, Sendable {
  /// Its process.
  package let processID: Int32
  /// Whether it tries every port that no rule forbids.
  ///
  /// Without being told to, it tries those that say they are modems, and those of adapters that have
  /// other signs of one.
  package let triesAllPorts: Bool

  /// The one that runs, nil where none can be seen.
  ///
  /// A container does not see those outside.
  package static func running() -> ModemManager? {
    for processID in ProcessFiles.processIDs() {
      guard PortOwner(processID: processID)?.name == "ModemManager" else { continue }
      let arguments = ProcessFiles.text(of: FilePath("/proc/\(processID)/cmdline")) ?? ""
      return ModemManager(processID: processID, arguments: arguments)
    }
    return nil
  }

  /// `arguments` are those of the process, each ended by a zero byte.
  init(processID: Int32, arguments: String) {
    self.processID = processID
    let words = arguments.split(separator: "\0")
    // ModemManager(8): strict is the default; the others are for machines that are modems.
    triesAllPorts = words.contains { word in
      word == "--filter-policy=default" || word == "--filter-policy=legacy"
        || word == "--filter-policy=paranoid"
    }
  }

  /// Whether it is going to talk into a port.
  package func disturbs(_ port: PortDescription) -> Bool {
    !port.isHiddenFromModemManager && port.usb != nil && (triesAllPorts || port.claimsToBeModem)
  }
}

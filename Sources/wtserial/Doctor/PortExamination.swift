import ArgumentParser
import SerialDriver
import SerialPorts
import SystemPackage

/// Looks at a port without opening it.
struct PortExamination {
  private let path: FilePath
  private let port: PortDescription?
  private let modemManager: ModemManager?
  // Then more is learned of some things, and they are left to that.
  private let isToBeOpened: Bool
  // Those that there are, for a path that leads to none.
  private let ports: [PortDescription]

  /// `port` is what the kernel knows of the device at `path`; nil where that is no such device.
  init(
    path: FilePath, _ port: PortDescription?, among ports: [PortDescription],
    _ modemManager: ModemManager?, isToBeOpened: Bool
  ) {
    self.path = path
    self.port = port
    self.ports = ports
    self.modemManager = modemManager
    self.isToBeOpened = isToBeOpened
  }

  /// What was found, the gravest first.
  func findings() -> [Finding] {
    var findings = [presence]
    guard findings[0].severity != .problem else { return findings }
    findings += [access, use, lockFile, modemManagerFinding, driver, latency].compactMap(\.self)
    return findings
  }

  private var presence: Finding {
    if let port, !port.hasNode {
      return .problem(
        .port,
        "the device is there, and \(path) is not: a container sees only the nodes it was "
          + "started with", .unavailable, remedy: "docker run --device=\(path) …")
    }
    guard let file = FileStatus(of: path) else {
      let failure = Failure(noPortAt: path, among: ports, offersWait: false)
      return .problem(
        .port, "\(failure.sentence), `sudo dmesg` tells whether the kernel has seen it",
        failure.exitCode)
    }
    // What the kernel lists is one.
    guard port != nil || TerminalDrivers.mayHave(file) else {
      let (sentence, exitCode) = report(on: .notATerminal(path))
      return .problem(.port, sentence, exitCode)
    }
    guard let port else {
      return .fact(.port, "no hardware: a pseudo-terminal, or a port that the kernel does not list")
    }
    guard port.usb != nil else {
      return .fact(.port, "a port of this machine, on its \(port.bus ?? "own") bus")
    }
    let link = port.byID.map { "; a link that stays is \($0)" } ?? ""
    return .fact(.port, "it is \(selectors(of: port).joined(separator: " and "))\(link)")
  }

  private var access: Finding? {
    guard let access = PortAccess(of: path) else { return nil }
    let mode = String(access.mode, radix: 8)
    let owner = "\(access.owner):\(access.group), mode \(mode)"
    if PortAccess.isGranted(to: path) {
      return .fact(.access, "you may read and write it (\(owner))")
    }
    let groups = access.processGroups.joined(separator: ", ")
    let facts = "you may not read and write it (\(owner)); you are in \(groups)"
    guard access.mode & 0o060 == 0o060, access.group != "root" else {
      return .problem(
        .access, "\(facts); no group may", .noPermission,
        remedy: Remedy.access(to: path, of: port, access))
    }
    if access.isUserInGroup {
      return .problem(
        .access, "\(facts); you joined \(access.group) after logging in", .noPermission,
        remedy: "log out and in again")
    }
    return .problem(
      .access, facts, .noPermission,
      remedy: "sudo usermod -aG \(access.group) \(access.user)   # then log out and in again")
  }

  private var use: Finding {
    guard let owner = PortOwner.owners(of: [path])[0] else {
      if let maker = PortOwner.maker(of: path) {
        let name = "\(maker.name) (process \(maker.processID))"
        return .fact(
          .use, "\(name) is the other end of it; no program that you may see has this one")
      }
      return .fact(.use, "no program that you may see has it open")
    }
    let isOurs = owner.name == "wtserial"
    return .problem(
      .use, "\(owner.name) (process \(owner.processID)) has it open", .tryAgain,
      remedy: isOurs
        ? "end that command, unless it is the one you want, such as a receiver that waits"
        : "kill \(owner.processID)   # or end it the ordinary way")
  }

  private var lockFile: Finding? {
    guard let file = LockFile.ofPort(at: path) else { return nil }
    if let owner = file.owner {
      return .problem(
        .lock_file, "\(owner.name) (process \(owner.processID)) has a lock file, \(file.path)",
        .tryAgain)
    }
    return .advice(
      .lock_file, "a lock file was left behind, \(file.path); other programs may mind it",
      remedy: "sudo rm \(file.path)")
  }

  private var modemManagerFinding: Finding? {
    guard let port, port.usb != nil else { return nil }
    guard let modemManager else {
      return .fact(.modem_manager, "ModemManager does not run here")
    }
    let name = "ModemManager (process \(modemManager.processID))"
    if modemManager.disturbs(port) {
      return .problem(
        .modem_manager, "\(name) talks into it whenever it is plugged in", .badConfiguration,
        remedy: Remedy.rules(for: port))
    }
    if port.isHiddenFromModemManager {
      return .fact(.modem_manager, "\(name) is told to leave it alone")
    }
    return .advice(
      .modem_manager,
      "\(name) is not told to leave it alone, and does so while nothing about the "
        + "adapter looks like a modem", remedy: Remedy.rules(for: port))
  }

  private var driver: Finding? {
    port.flatMap { port in
      port.driver.map { .fact(.driver, "the kernel's driver is \($0)") }
    }
  }

  private var latency: Finding? {
    guard !isToBeOpened, let port, let milliseconds = LatencyTimer.milliseconds(of: port) else {
      return nil
    }
    guard milliseconds > 1 else {
      return .fact(.latency, "the latency timer is 1 ms")
    }
    return .advice(
      .latency,
      "the latency timer is \(milliseconds) ms; wtserial asks for 1 ms while it has the "
        + "port, other programs wait", remedy: Remedy.rules(for: port))
  }
}

/// Commands that mend things.
enum Remedy {
  private static let folder = "/etc/udev/rules.d"
  private static let reload =
    "sudo udevadm control --reload && sudo udevadm trigger --subsystem-match=tty "
    + "--subsystem-match=usb --subsystem-match=usb-serial"

  /// Installs the rules that come with this program.
  static let installRules =
    "wtserial doctor --rules | sudo tee \(folder)/\(UdevRules.fileName) && \(reload)"

  /// Lets the user in where no group may: rules of udev are for what comes and goes.
  static func access(to path: FilePath, of port: PortDescription?, _ access: PortAccess) -> String {
    if port?.usb != nil { return rules(for: port) }
    if port == nil, access.isPseudoTerminal {
      return "sudo chown \(access.user) \(path)   # or start what made it as \(access.user)"
    }
    let command = "sudo chgrp dialout \(path) && sudo chmod g+rw \(path)"
    guard !access.processGroups.contains("dialout") else {
      return "\(command)   # until the next start"
    }
    return
      "\(command) && sudo usermod -aG dialout \(access.user)   # the first two until the next start; "
      + "then log out and in again"
  }

  /// Installs them, or one for an adapter that they do not know.
  static func rules(for port: PortDescription?) -> String {
    if let usb = port?.usb, !UdevRules.covers(vendorID: usb.vendorID) {
      let vendor = usb.numbers.prefix(4)
      return
        "echo 'ATTRS{idVendor}==\"\(vendor)\", TAG+=\"uaccess\", ENV{ID_MM_DEVICE_IGNORE}=\"1\"' | "
        + "sudo tee \(folder)/70-serial-\(vendor).rules && \(reload)"
    }
    return installRules
  }
}

import ArgumentParser
import NetworkPorts
import Runtime
import SerialDriver
import SerialPorts

/// The command `wtserial doctor [PORT]`.
struct DoctorCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor",
    abstract: "Find out what is in the way of a transfer, and what mends it.",
    discussion: """
      Without PORT, given or set, it looks at all ports and opens none. With PORT it opens that one as \
      `send` would, which raises DTR and RTS and restarts many a board, tries the rates that the \
      driver takes, and says HELLO to learn whether a receiver answers. The port is put back as it \
      was. A port behind a network is connected to: whether its server lets you in, speaks RFC 2217 \
      where it should, and which rates it takes. A place of a lab is acquired for that, and released.

      The exit code is that of the first problem that is named; 0 if there is none. Advice is no \
      problem.

        wtserial doctor
        wtserial doctor /dev/ttyUSB0
        wtserial doctor rfc2217://bench.lab:2000
        wtserial doctor --rules | sudo tee /etc/udev/rules.d/70-wtserial.rules
      """)

  @Argument(help: PortOptions.help, completion: .file())
  var port: String?
  @Option(help: ArgumentHelp("The rate to say HELLO at.", valueName: "rate"))
  var baud: UInt32 = 115_200
  @Flag(help: "Look at all ports and open none, though a PORT is set.")
  var all = false
  @Flag(help: "Send nothing to PORT.")
  var noHello = false
  @Flag(help: "One JSON object a line for each finding.")
  var json = false
  @Flag(
    help: "Print rules for udev that grant access, and keep ModemManager away; look at nothing.")
  var rules = false

  func validate() throws {
    guard baud > 0 else { throw ValidationError("--baud takes a rate above 0.") }
    guard !all || port == nil else { throw ValidationError("Give PORT or --all, not both.") }
  }

  /// Whether a PORT that is set elsewhere is to be looked at.
  var takesPort: Bool { port == nil && !all && !rules }

  func run() throws {
    if rules { return print(UdevRules.text, terminator: "") }
    let console = Console(isJSON: json, isQuiet: false, port: port, model: nil, verb: .doctor)
    if let origin = Settings.portOrigin, let port {
      console.say("looking at \(port), from \(origin); --all looks at all ports")
    }
    try console.reportingErrors {
      let findings = try port.map { try examine($0, console) } ?? examineAll(console)
      let problem = findings.first { $0.severity == .problem }
      console.diagnosed(findings)
      if let problem { throw Diagnosis(exitCode: problem.exitCode) }
    }
  }

  private func examine(_ name: String, _ console: Console) throws -> [Finding] {
    if try NetworkAddress(name) != nil || LabgridName(name) != nil {
      return try examineServer(name, console)
    }
    let selector = try PortSelector(parsing: name)
    let ports = PortList.ports()
    let found: FoundPort
    do throws(PortSearchError) {
      found = try selector.find(among: ports)
    } catch {
      let failure = Failure(error, offersWait: false)
      return console.show(
        [.problem(.port, failure.sentence, failure.exitCode)], of: nil, title: name)
    }
    // A device whose node is missing is known by the node's name.
    let known = found.description ?? ports.first { !$0.hasNode && $0.path == found.path }
    let examination = PortExamination(
      path: found.path, known, among: ports, ModemManager.running(), isToBeOpened: true)
    let title = "\(found.path)"
    var findings = console.show(examination.findings(), of: known, title: title)
    let isUsable = findings.allSatisfy {
      $0.severity != .problem || $0.check == .modem_manager || $0.check == .lock_file
    }
    if isUsable {
      console.opening(title)
      let trial = PortTrial(found, PortSettings(baudRate: baud), sendsHello: !noHello)
      let signals = try SignalWatcher()
      findings += console.show(try trial.findings(signals: signals), of: known, title: title)
    }
    return findings + console.show(machine(for: [known].compactMap(\.self)), of: nil, title: nil)
  }

  /// A port behind a network, of which nothing is known before a connection.
  private func examineServer(_ name: String, _ console: Console) throws -> [Finding] {
    console.connecting(to: name)
    let trial = NetworkTrial(name, PortSettings(baudRate: baud), sendsHello: !noHello)
    var findings: [Finding] = []
    try trial.run(SignalWatcher()) { findings += console.show($0, of: nil, title: name) }
    return findings
  }

  private func examineAll(_ console: Console) -> [Finding] {
    let ports = PortList.ports()
    let modemManager = ModemManager.running()
    var findings: [Finding] = []
    for port in ports {
      let examination = PortExamination(
        path: port.path, port, among: ports, modemManager, isToBeOpened: false)
      findings += console.show(examination.findings(), of: port, title: "\(port.path)")
    }
    if ports.isEmpty {
      findings += console.show(
        [
          .problem(
            .port,
            "there are no serial ports; check that an adapter is plugged in, `sudo dmesg` tells "
              + "whether the kernel has seen it", .unavailable)
        ], of: nil, title: nil)
    }
    return findings + console.show(machine(for: ports), of: nil, title: nil)
  }

  /// What belongs to no port.
  private func machine(for ports: [PortDescription]) -> [Finding] {
    guard ports.contains(where: { $0.usb != nil }) else { return [] }
    guard UdevRules.isDaemonRunning else {
      return [
        .fact(
          .rules, "udev does not run here, as in a container: rules are for the machine outside")
      ]
    }
    if let installed = UdevRules.installed {
      return [.fact(.rules, "the rules for udev are installed as \(installed)")]
    }
    return [
      .advice(
        .rules, "the rules for udev that come with wtserial are not installed",
        remedy: Remedy.installRules)
    ]
  }
}

/// What `doctor` ends with when it has found a problem, and has told it.
struct Diagnosis: Error {
  let exitCode: ExitCode
}

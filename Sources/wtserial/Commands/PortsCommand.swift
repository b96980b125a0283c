import ArgumentParser
import Runtime
import SerialDriver
import SerialPorts

/// The command `wtserial ports`.
struct PortsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ports",
    abstract: "List the serial ports of this machine.",
    discussion: """
      Opens none of them: what is shown is what the kernel and udev know, and which program has a port \
      open, as far as you may see it. Ports without hardware are left out.

        wtserial ports
        wtserial ports --long
        wtserial ports --watch
      """)

  @Flag(help: "One JSON object a line for each port.")
  var json = false
  @Flag(name: .shortAndLong, help: "All that is known of each port, in lines of its own.")
  var long = false
  @Flag(help: "Go on, and tell of ports that come and go.")
  var watch = false

  func run() throws {
    let console = Console(isJSON: json, isQuiet: false, port: nil, model: nil, verb: .ports)
    try console.reportingErrors {
      let watcher = watch ? PortWatcher() : nil
      let ports = watcher?.ports ?? PortList.ports()
      console.list(ports, isLong: long)
      if let watcher { try follow(watcher, console) }
    }
  }

  /// Tells what changes until a signal comes.
  private func follow(_ watcher: PortWatcher, _ console: Console) throws {
    let signals = try SignalWatcher()
    var poller = Poller()
    poller.watch(signals.descriptor, for: .readable)
    if let descriptor = watcher.descriptor { poller.watch(descriptor, for: .readable) }
    console.watching()
    while try signals.next() == nil {
      // Where no events come, a look each second has to do.
      try poller.wait(nanoseconds: 1_000_000_000)
      let (removed, added) = watcher.look()
      for port in removed { console.removed(port) }
      for port in added { console.added(port) }
    }
  }
}

import Glibc
import SerialDriver
import SystemPackage

/// One end of a loopback: a pseudo-terminal, its name, and whether a client has it open.
struct LoopbackPort: ~Copyable {
  let terminal: PseudoTerminal
  let watch: CInt
  private let link: LoopbackLink?
  private var clientCount = 0

  init(link path: FilePath?, watchedBy clients: borrowing LoopbackClients) throws(LoopbackError) {
    let terminal = try Self.makeTerminal()
    let watch = try clients.watch(terminal.path)
    link = try path.map { path throws(LoopbackError) in
      try LoopbackLink(at: path, to: terminal.path)
    }
    self.terminal = terminal
    self.watch = watch
  }

  /// The name that clients open.
  var path: FilePath {
    switch link {
    case .some(let link): link.path
    case .none: terminal.path
    }
  }

  /// Whether a client has the port open.
  var isAttended: Bool { clientCount > 0 }

  /// Counts clients; when the last one has gone, takes back what it did to the terminal.
  mutating func handle(_ event: LoopbackClients.Event) throws(LoopbackError) {
    let wasAttended = isAttended
    switch event {
    case .opened: clientCount += 1
    case .closed: clientCount = max(0, clientCount - 1)
    case .lostCount: clientCount = LoopbackClients.count(of: terminal.path)
    }
    guard wasAttended, !isAttended else { return }
    do throws(Errno) {
      try terminal.reset()
    } catch {
      throw .system(.reset, terminal.path, error)
    }
  }

  private static func makeTerminal() throws(LoopbackError) -> PseudoTerminal {
    do throws(Errno) {
      return try PseudoTerminal()
    } catch {
      throw .system(.makeTerminal, nil, error)
    }
  }
}

import Glibc
import SerialDriver
import SystemPackage

/// One end of a loopback: a pseudo-terminal, its name, and whether a client has it open.
struct LoopbackPort: ~Copyable {
  let terminal: PseudoTerminal
  let watch: CInt
  private let link: LoopbackLink?
  /// As heard; too low or too high where events were merged, until a close has it looked up.
  private var clientCount = 0
  /// The rate that the terminal had when it was last looked at.
  private(set) var baudRate: UInt32
  /// A client has gone, and it is not yet known who is left.
  private(set) var needsCount = false

  /// Makes a terminal that is set to `baudRate` whenever no client has it open.
  init(
    link path: FilePath?, baudRate: UInt32, watchedBy clients: borrowing LoopbackClients
  ) throws(LoopbackError) {
    let terminal = try Self.makeTerminal(baudRate)
    let watch = try clients.watch(terminal.path)
    link = try path.map { path throws(LoopbackError) in
      try LoopbackLink(at: path, to: terminal.path)
    }
    self.terminal = terminal
    self.baudRate = baudRate
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

  /// Hears of a client.
  mutating func handle(_ event: LoopbackClients.Event) throws(LoopbackError) {
    switch event {
    case .opened:
      // The last client went before this one came. The rate may be this one's by now. It is not to be
      // looked up: the kernel tells of an opening before the client has its descriptor.
      if needsCount, clientCount == 0 {
        try clear()
        needsCount = false
      }
      clientCount += 1
    case .closed:
      clientCount = max(0, clientCount - 1)
      needsCount = true
      // At once: whoever restarts a killed program comes sooner than the count is known. A client of
      // whom we have not heard keeps its lock.
      if clientCount == 0 { try release() }
    case .overflow: needsCount = true
    }
  }

  /// Looks up how many clients there are; nil where none has gone since the last time.
  ///
  /// Where clients are present that were not heard of, it is left open whether they are new, and where
  /// there are none, whether one has come meanwhile: a new one's opening has been announced by now, so
  /// the caller listens again and then either counts anew or settles.
  mutating func recount() -> Int? {
    guard needsCount else { return nil }
    let count = LoopbackClients.count(of: terminal)
    if count > 0, clientCount > 0 {
      clientCount = count
      needsCount = false
    }
    return count
  }

  /// Believes what `recount` found, for nothing more was heard.
  ///
  /// Clients are old ones then, whose openings the kernel had merged. If there are none, what the last
  /// one did to the terminal is taken back. To be called at once: a client that comes in between would
  /// lose the rate that it sets.
  mutating func settle(_ count: Int?) throws(LoopbackError) {
    guard needsCount, let count else { return }
    if count == 0 {
      try reset()
    } else {
      clientCount = count
      needsCount = false
    }
  }

  /// Looks up what rate the terminal is set to.
  mutating func updateRate() throws(LoopbackError) {
    do throws(Errno) {
      let rate = try terminal.baudRate
      // B0 hangs a modem up; the rate stays what it was.
      if rate > 0 { baudRate = rate }
    } catch {
      throw .system(.readRate, terminal.path, error)
    }
  }

  private func release() throws(LoopbackError) {
    do throws(Errno) {
      try terminal.release()
    } catch {
      throw .system(.reset, terminal.path, error)
    }
  }

  private func clear() throws(LoopbackError) {
    do throws(Errno) {
      try terminal.clear()
    } catch {
      throw .system(.reset, terminal.path, error)
    }
  }

  private mutating func reset() throws(LoopbackError) {
    clientCount = 0
    needsCount = false
    do throws(Errno) {
      try terminal.reset()
    } catch {
      throw .system(.reset, terminal.path, error)
    }
  }

  private static func makeTerminal(_ baudRate: UInt32) throws(LoopbackError) -> PseudoTerminal {
    do throws(Errno) {
      return try PseudoTerminal(baudRate: baudRate)
    } catch {
      throw .system(.makeTerminal, nil, error)
    }
  }
}

import NetworkPorts
import SerialDriver
import SerialPorts

/// What a board's port is behind its name, so that one that goes by two names is known: the second to
/// open it would find it in use by this very command.
enum BoardPort {
  /// A device of this machine that is there now.
  case device(FileStatus)
  /// A port of a server, whatever is spoken with it.
  case server(String)

  /// Nil where that is not known before the port is opened: it is not there yet, or a lab has it.
  init?(of board: Board, among ports: [PortDescription]) {
    if let address = try? NetworkAddress(board.port) {
      self = .server(address.authority.lowercased())
      return
    }
    guard let selector = try? PortSelector(parsing: board.port),
      let found = try? selector.find(among: ports), let file = FileStatus(of: found.path),
      file.isCharacterDevice
    else { return nil }
    self = .device(file)
  }

  func isSame(as other: BoardPort) -> Bool {
    switch (self, other) {
    case (.device(let file), .device(let other)): file.isSameDevice(as: other)
    case (.server(let address), .server(let other)): address == other
    case (.device, .server), (.server, .device): false
    }
  }

  /// Refuses boards that are at one port.
  ///
  /// - Throws: a `Failure` that names both.
  static func refuseSharing(_ boards: [Board], among ports: [PortDescription]) throws(Failure) {
    var known: [(board: Board, port: BoardPort)] = []
    for board in boards {
      guard let port = BoardPort(of: board, among: ports) else { continue }
      if let other = known.first(where: { $0.port.isSame(as: port) })?.board {
        throw Failure(
          "\(words(for: other)) and \(words(for: board)) are the same port; give each board once",
          .usage)
      }
      known.append((board, port))
    }
  }

  private static func words(for board: Board) -> String {
    board.name == board.port ? board.port : "\(board.name) (\(board.port))"
  }
}

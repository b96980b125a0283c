import ArgumentParser
import SystemPackage
import TOML

/// A file that lists boards, as `--to @rack.toml` reads it.
///
///     model = "digits.pt"          # for all boards that name none; beside this file
///     baud = 921600
///
///     [[board]]
///     name = "left"
///     port = "usb:0403:6001:A50285BI"
///
///     [[board]]
///     name = "right"
///     port = "/dev/ttyACM0"
///     model = "larger.pt"
struct RackFile {
  private static let byteCountLimit = 1 << 20
  private static let settingKeys =
    ["model", "baud", "rtscts", "reset", "wait", "timeout"] + contentKeys

  /// The path of a model, and where it stands; nowhere if the command line has it.
  private struct Model {
    let path: String
    let origin: String?
  }

  private let path: FilePath
  private let table: TOMLTable

  /// - Throws: a `Failure` that names file and line.
  init(reading path: FilePath) throws {
    self.path = path
    let bytes: [UInt8]
    do {
      let descriptor = try FileDescriptor.open(path, .readOnly, options: [.closeOnExec])
      bytes = try descriptor.closeAfter { try Self.readAll(of: descriptor) }
    } catch {
      let cause = error as? Errno ?? .ioError
      throw cause == .noSuchFileOrDirectory
        ? Failure("there is no file \(path); give --to @FILE one that lists boards", .noInput)
        : Failure("cannot read \(path): \(cause)", .noInput)
    }
    do {
      table = try TOMLDocument.table(of: bytes)
    } catch {
      throw Self.failure(error, path)
    }
  }

  /// The boards in their order.
  ///
  /// `model` and `settings` are those of the command line: a board's own go before them, and they before
  /// those at the head of the file.
  func boards(model: String?, _ settings: BoardSettings) throws -> [Board] {
    do throws(TOMLError) {
      return try readBoards(model: model, settings)
    } catch {
      throw Self.failure(error, path)
    }
  }

  private func readBoards(
    model: String?, _ settings: BoardSettings
  ) throws(TOMLError) -> [Board] {
    try table.refuseKeys(except: Self.settingKeys + ["board"])
    let settings = settings.over(try self.settings(of: table))
    let modelOfFile = try self.model(of: table)
    let model = model.map { Model(path: $0, origin: nil) } ?? modelOfFile
    var boards: [Board] = []
    var lines: [(name: Int, port: Int)] = []
    for entry in try table.tables("board") {
      let board = try self.board(entry, model: model, settings)
      let line = (
        name: entry["name"]?.line ?? entry.line, port: entry["port"]?.line ?? entry.line
      )
      if let index = boards.firstIndex(where: { $0.name == board.name }) {
        throw TOMLError(
          line: line.name, "the board of line \(lines[index].name) is called `\(board.name)`, too")
      }
      if let index = boards.firstIndex(where: { $0.port == board.port }) {
        throw TOMLError(
          line: line.port, "the board of line \(lines[index].port) is at `\(board.port)`, too")
      }
      boards.append(board)
      lines.append(line)
    }
    guard !boards.isEmpty else {
      throw TOMLError(line: 1, "there are no boards; list them as [[board]]")
    }
    return boards
  }

  private func board(
    _ table: TOMLTable, model: Model?, _ settings: BoardSettings
  ) throws(TOMLError) -> Board {
    if let key = table["key"] {
      throw TOMLError(
        line: key.line, "`key` is kept for models that are authenticated, which is to come")
    }
    try table.refuseKeys(except: ["name", "port"] + Self.settingKeys)
    let port = try required("port", table)
    let portLine = table["port"]?.line ?? table.line
    do throws(Failure) {
      try opener(forSetPort: port)
    } catch {
      throw TOMLError(line: portLine, "`port`: \(error.sentence)")
    }
    let ownModel = try self.model(of: table)
    guard let model = ownModel ?? model else {
      throw TOMLError(
        line: table.line, "this board has no model; give it one, or one to all at the file's head")
    }
    let all = try self.settings(of: table).over(settings)
    try all.contents.check(for: table)
    return Board(
      name: try required("name", table), port: port, model: model.path, settings: all,
      portOrigin: origin(portLine), modelOrigin: model.origin)
  }

  private func required(_ key: String, _ table: TOMLTable) throws(TOMLError) -> String {
    guard let value = try table.string(key), !value.isEmpty else {
      throw TOMLError(line: table[key]?.line ?? table.line, "this board has no `\(key)`")
    }
    return value
  }

  private func model(of table: TOMLTable) throws(TOMLError) -> Model? {
    guard let name = try table.string("model") else { return nil }
    return Model(path: besideFile(name), origin: table["model"].map { origin($0.line) })
  }

  private func origin(_ line: Int) -> String { "\(path):\(line)" }

  /// A path that is told from where the rack's file is.
  func besideFile(_ name: String) -> String {
    path.removingLastComponent().pushing(FilePath(name)).string
  }

  private func settings(of table: TOMLTable) throws(TOMLError) -> BoardSettings {
    BoardSettings(
      baud: try Self.choice("baud", table, "a rate, or \"auto\""),
      rtscts: try table.boolean("rtscts"),
      reset: try Self.reset(of: table),
      wait: try Self.choice("wait", table, "seconds, or \"forever\""),
      timeout: try table.integer("timeout", in: 1...Int.max),
      contents: try contents(of: table), origins: origins(in: table))
  }

  private func origins(in table: TOMLTable) -> [String: String] {
    let keys = ["baud", "rtscts", "reset"].compactMap { table[$0] }
    return Dictionary(uniqueKeysWithValues: keys.map { ($0.key, origin($0.line)) })
  }

  private static func reset(of table: TOMLTable) throws(TOMLError) -> ResetChoice? {
    guard let text = try table.string("reset"), let line = table["reset"]?.line else { return nil }
    do {
      return try ResetChoice(parsing: text)
    } catch {
      throw TOMLError(line: line, "`reset`: \(error.message)")
    }
  }

  /// What an option of the same name would take, as a string or a number.
  static func choice<Choice: ExpressibleByArgument>(
    _ key: String, _ table: TOMLTable, _ kind: String
  ) throws(TOMLError) -> Choice? {
    guard let entry = table[key] else { return nil }
    let choice: Choice? =
      switch entry.value {
      case .string(let text): Choice(argument: text)
      case .integer(let number): Choice(argument: "\(number)")
      case .float(let number): Choice(argument: "\(number)")
      default: nil
      }
    guard let choice else {
      throw TOMLError(line: entry.line, "`\(key)` takes \(kind)")
    }
    return choice
  }

  private static func failure(_ error: TOMLError, _ path: FilePath) -> Failure {
    Failure("\(path):\(error.line): \(error.reason)", .badConfiguration)
  }

  private static func readAll(of descriptor: FileDescriptor) throws -> [UInt8] {
    var bytes: [UInt8] = []
    var portion = [UInt8](repeating: 0, count: 1 << 14)
    while bytes.count < byteCountLimit {
      let count = try unsafe portion.withUnsafeMutableBytes { try unsafe descriptor.read(into: $0) }
      if count == 0 { break }
      bytes += portion[..<count]
    }
    return bytes
  }
}

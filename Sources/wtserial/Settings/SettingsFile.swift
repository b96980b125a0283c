import ArgumentParser
import SystemPackage
import TOML

/// A file of settings: keys are names of options, for all commands or in the table of one.
///
/// ```toml
/// baud = 921600
/// [send]
/// reset = "dtr"
/// ```
struct SettingsFile {
  // What nobody writes by hand is not read into memory.
  private static let byteCountLimit = 1 << 20

  private let path: FilePath
  private let table: TOMLTable

  /// Reads a file.
  ///
  /// - Returns: nil where there is none.
  /// - Throws: a `Failure` with the file and the line.
  init?(reading path: FilePath) throws {
    let bytes: [UInt8]
    do throws(Errno) {
      bytes = try Self.bytes(of: path)
    } catch .noSuchFileOrDirectory, .notDirectory {
      return nil
    } catch {
      throw Failure("cannot read \(path): \(error); check its permissions", .badConfiguration)
    }
    self.path = path
    do throws(TOMLError) {
      table = try TOMLDocument.table(of: bytes)
      try Self.check(table)
    } catch {
      throw Failure("\(path):\(error.line): \(error.reason)", .badConfiguration)
    }
  }

  /// What it says for a command; the command's own table comes before the rest.
  func settings(for command: String) throws -> [Setting] {
    let own: TOMLTable? =
      if case .table(let table)? = table[command]?.value { table } else { nil }
    return try (SettingName.byCommand[command] ?? []).compactMap { name in
      guard let entry = own?[name.name] ?? table[name.name] else { return nil }
      return try setting(name, entry)
    }
  }

  private func setting(_ name: SettingName, _ entry: TOMLTable.Entry) throws -> Setting {
    let origin = "\(path):\(entry.line)"
    let text: String
    switch (name.kind, entry.value) {
    case (.flag, .boolean(let value)): text = "\(value)"
    case (.count, .integer(let value)), (.value, .integer(let value)): text = "\(value)"
    case (.value, .float(let value)): text = "\(value)"
    case (.value, .string(let value)), (.port, .string(let value)): text = value
    default:
      let wanted =
        switch name.kind {
        case .value: "a string or a number"
        case .flag: "true or false"
        case .count: "an integer"
        case .port: "a string"
        }
      throw Failure("\(origin): \(entry.isNot(wanted).reason)", .badConfiguration)
    }
    return Setting(name: name, value: text, origin: origin)
  }

  /// Refuses keys that mean nothing: a misspelt one would be without effect.
  private static func check(_ table: TOMLTable) throws(TOMLError) {
    let commands = SettingName.byCommand.keys.sorted()
    let names = SettingName.all.map(\.name) + commands
    try refuseOptions(of: WTSerial.commandNames, in: table, except: names)
    try table.refuseKeys(except: names)
    for command in commands {
      guard let entry = table[command] else { continue }
      guard case .table(let own) = entry.value else { throw entry.isNot("a table") }
      let names = SettingName.byCommand[command, default: []].map(\.name)
      try refuseOptions(of: [command], in: own, except: names)
      try own.refuseKeys(except: names)
    }
  }

  /// Refuses keys that are options of commands and no settings, such as those that name programs and files.
  private static func refuseOptions(
    of commands: [String], in table: TOMLTable, except names: [String]
  ) throws(TOMLError) {
    for entry in table.entries where !names.contains(entry.key) {
      if commands.contains(where: { UsageMessage.isOption(entry.key, of: $0) }) {
        throw TOMLError(
          line: entry.line,
          "unknown key `\(entry.key)`; --\(entry.key) is for the command line alone")
      }
    }
  }

  private static func bytes(of path: FilePath) throws(Errno) -> [UInt8] {
    do {
      let descriptor = try FileDescriptor.open(path, .readOnly, options: [.closeOnExec])
      return try descriptor.closeAfter {
        var bytes: [UInt8] = []
        var portion = [UInt8](repeating: 0, count: 1 << 14)
        while bytes.count < byteCountLimit {
          let count = try unsafe portion.withUnsafeMutableBytes {
            try unsafe descriptor.read(into: $0)
          }
          if count == 0 { break }
          bytes += portion[..<count]
        }
        return bytes
      }
    } catch {
      throw error as? Errno ?? .ioError
    }
  }
}

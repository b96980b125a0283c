import ArgumentParser
import Glibc
import Runtime
import Synchronization
import SystemPackage

/// What is set outside of the command line: by the environment, by `wtserial.toml` in the working
/// folder or the nearest one above, by the user's own file; what comes first wins.
struct Settings {
  private static let projectFile = "wtserial.toml"
  private static let origins = Mutex<[String: String]>([:])

  /// Where the PORT of the command that runs was set: a variable, or file and line; nil where the
  /// command line has it.
  static var portOrigin: String? { origin(of: "port") }

  /// The same for an option, by its long name; nil where it has not been set either.
  static func origin(of name: String) -> String? { origins.withLock { $0[name] } }

  let settings: [Setting]

  /// Gathers what is set for a command.
  ///
  /// - Throws: a `Failure` that names the variable, or the file and the line.
  init(for command: String) throws {
    var found = Self.inEnvironment(for: command)
    for file in [try Self.projectSettings(), try Self.userSettings()].compactMap(\.self) {
      for setting in try file.settings(for: command)
      where !found.contains(where: { $0.name == setting.name }) {
        found.append(setting)
      }
    }
    settings = found
  }

  /// The words of a command line with all that they leave open.
  ///
  /// - Returns: the words themselves where they make no sense, so that it is told of them.
  /// - Throws: a `Failure` for a setting that does not fit.
  func completing(_ words: [String]) throws -> [String] {
    let own = try withPort(words)
    // Told of as a mistake of the command line, which it is.
    guard Self.parseError(of: own) == nil else { return own }
    let open = settings.filter { !Self.isGiven($0.name, in: own) }
    let all = try Self.joined(own, open)
    guard let error = Self.parseError(of: all) else {
      Self.origins.withLock { origins in
        for setting in open where setting.name.kind != .port {
          origins[setting.name.name] = setting.origin
        }
      }
      return all
    }
    for setting in open {
      if let error = Self.parseError(of: try Self.joined(own, [setting])) {
        throw setting.failure(Self.sentence(error))
      }
    }
    // Each fits by itself.
    let origins = open.map { "\($0.origin) (\($0.name.name))" }.joined(separator: ", ")
    throw Failure(
      "\(Self.sentence(error)); these do not fit together: \(origins)", .badConfiguration)
  }

  /// The words, with the PORT that is set where they lack one.
  ///
  /// - Throws: a `Failure` if that can be the name of no port.
  private func withPort(_ words: [String]) throws -> [String] {
    guard let command = words.first, let port = settings.first(where: { $0.name.kind == .port })
    else { return words }
    let more = [command, port.value] + words.dropFirst()
    guard Self.lacksPort(words, more) else { return words }
    do throws(Failure) {
      try opener(forSetPort: port.value)
    } catch {
      throw port.failure(error.sentence)
    }
    Self.origins.withLock { $0[port.name.name] = port.origin }
    return more
  }

  /// Whether a command line needs a PORT, which `more` has; or may have one, as that of `doctor`.
  private static func lacksPort(_ words: [String], _ more: [String]) -> Bool {
    let command: any ParsableCommand
    do {
      command = try WTSerial.parseAsRoot(words)
    } catch {
      let sentence = sentence(error)
      // With --to the word before would be the model.
      guard !sentence.hasPrefix("Give MODEL") else { return false }
      // By the parser, or by a command that goes without PORT at times.
      let isMissing = ["Missing expected argument", "Give PORT"].contains(where: sentence.hasPrefix)
      return isMissing || parseError(of: more) == nil
    }
    return (command as? DoctorCommand)?.takesPort == true
  }

  private static func joined(_ words: [String], _ settings: [Setting]) throws -> [String] {
    try Array(words.prefix(1)) + settings.flatMap { try $0.words() } + words.dropFirst()
  }

  private static func isGiven(_ name: SettingName, in words: [String]) -> Bool {
    words.contains { $0 == "--\(name.name)" || $0.hasPrefix("--\(name.name)=") }
  }

  private static func parseError(of words: [String]) -> (any Error)? {
    do {
      _ = try WTSerial.parseAsRoot(words)
      return nil
    } catch {
      return error
    }
  }

  /// What the parser says, in a line: many values stand in lines of their own.
  private static func sentence(_ error: any Error) -> String {
    let lines = WTSerial.message(for: error).split(separator: "\n").map(String.init)
    let mark = "  - "
    let values = lines.filter { $0.hasPrefix(mark) }.map { String($0.dropFirst(mark.count)) }
    let words = lines.filter { !$0.hasPrefix(mark) } + [values.joined(separator: ", ")]
    let text = words.filter { !$0.isEmpty }.joined(separator: " ")
    return text.hasSuffix(".") ? String(text.dropLast()) : text
  }

  // MARK: - Where settings are

  private static func inEnvironment(for command: String) -> [Setting] {
    (SettingName.byCommand[command] ?? []).compactMap { name in
      variable(name.variable).map { Setting(name: name, value: $0, origin: name.variable) }
    }
  }

  private static func projectSettings() throws -> SettingsFile? {
    guard let start = unsafe getcwd(nil, 0) else { return nil }
    defer { unsafe free(start) }
    var folder = unsafe FilePath(platformString: start)
    while true {
      if let file = try SettingsFile(reading: folder.appending(projectFile)) { return file }
      guard folder.removeLastComponent() else { return nil }
    }
  }

  private static func userSettings() throws -> SettingsFile? {
    var folder: FilePath
    if let config = variable("XDG_CONFIG_HOME"), FilePath(config).isAbsolute {
      folder = FilePath(config)
    } else if let home = variable("HOME") {
      folder = FilePath(home).appending(".config")
    } else {
      return nil
    }
    folder.append("wtserial")
    return try SettingsFile(reading: folder.appending("config.toml"))
  }

  /// A variable that is set, and not to nothing.
  private static func variable(_ name: String) -> String? {
    guard let text = unsafe getenv(name) else { return nil }
    let value = unsafe String(cString: text)
    return value.isEmpty ? nil : value
  }
}

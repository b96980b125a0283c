import ArgumentParser

/// What is told of a command line that makes no sense: the mistake, what the option is for, the usage.
struct UsageMessage {
  /// Lines no longer than the terminal is wide, as far as their words allow.
  let text: String

  /// For what parsing the words has thrown; nil for other errors, and where all has been told.
  init?(_ error: any Error, of words: [String], width: Int) {
    guard WTSerial.exitCode(for: error) == .validationFailure else { return nil }
    let message = Self.suggesting(WTSerial.fullMessage(for: Self.unknownOption(in: words) ?? error))
    guard !message.isEmpty else { return nil }
    let lines = message.split(separator: "\n", omittingEmptySubsequences: false)
    text = lines.map { Self.wrap(String($0), width) }.joined(separator: "\n") + "\n"
  }

  /// Refuses a command that does not exist, also where help is wanted for it: the parser speaks of an
  /// unexpected argument, or shows the help of all.
  static func refuseUnknownCommand(in words: [String]) throws(ValidationError) {
    let isHelp = words.first == "help"
    guard let word = isHelp ? words.dropFirst().first : words.first, !word.hasPrefix("-"),
      !word.isEmpty
    else { return }
    let names = WTSerial.commandNames
    guard word != "help", !names.contains(word) else { return }
    let near = nearestName(to: word, among: names + ["help", "--version"]).map {
      " Did you mean '\($0)'?"
    }
    throw ValidationError(
      "Unknown command '\(printableText(word))'.\(near ?? "") There are \(names.joined(separator: ", "))."
    )
  }

  /// Whether a command has an option of this long name.
  static func isOption(_ name: String, of command: String) -> Bool {
    for count in 0...2 {
      let placeholders = Array(repeating: "x", count: count)
      do {
        _ = try WTSerial.parseAsRoot([command] + placeholders + ["--\(name)"])
        return true
      } catch {
        let message = WTSerial.message(for: error)
        if message.hasPrefix("Unknown option") { return false }
        // Where a value is missing, the option is there.
        if message.contains("'--\(name)") { return true }
      }
    }
    return false
  }

  /// The parser proposes the nearest of its options, however far, and never those that every command has.
  private static func suggesting(_ message: String) -> String {
    let known = /Unknown option '--([^']*)'\. Did you mean '--([^']*)'\?/
    guard let match = message.firstMatch(of: known) else { return message }
    let names = [String(match.2), "help", "version"]
    let near = nearestName(to: String(match.1), among: names).map { " Did you mean '--\($0)'?" }
    return message.replacing(
      known, with: "Unknown option '--\(match.1)'.\(near ?? "")", maxReplacements: 1)
  }

  /// An option that does not exist, of which the parser tells only where nothing is missing.
  private static func unknownOption(in words: [String]) -> (any Error)? {
    guard let command = words.first else { return nil }
    for count in 1...2 {
      let placeholders = Array(repeating: "x", count: count)
      do {
        _ = try WTSerial.parseAsRoot([command] + placeholders + words.dropFirst())
      } catch {
        if WTSerial.message(for: error).hasPrefix("Unknown option") { return error }
      }
    }
    return nil
  }

  /// Folds a line that begins with a label, which stays alone in its columns.
  private static func wrap(_ line: String, _ width: Int) -> String {
    guard line.count > width, let label = ["Error: ", "Help:  "].first(where: line.hasPrefix) else {
      return line
    }
    let rest = String(line.dropFirst(label.count))
    let indent = String(repeating: " ", count: label.count)
    return label + wrapped(rest, width: width - label.count).joined(separator: "\n\(indent)")
  }
}

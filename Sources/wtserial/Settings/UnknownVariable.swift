import Runtime

/// A variable of the environment that is named like a setting and is none, as a misspelt one: it would be
/// without effect, and nobody would know.
///
/// It is no mistake of this command line, and may be meant for another version, so that it is told of
/// and refused nowhere.
struct UnknownVariable {
  private static let prefix = "WTSERIAL_"
  // What commands of `--on-milestone` have, which may run wtserial in their turn.
  private static let others = ["WTSERIAL_MILESTONE"]

  let name: String

  /// Those of this process, in the order of their names.
  static var all: [UnknownVariable] {
    let known = SettingName.all.map(\.variable) + others
    return ChildProcess.inherited.compactMap { entry in
      let name = String(entry.prefix { $0 != "=" })
      guard name.hasPrefix(prefix), !known.contains(name) else { return nil }
      return UnknownVariable(name: name)
    }.sorted { $0.name < $1.name }
  }

  /// What it is, and what may have been meant.
  var sentence: String {
    let word = String(name.dropFirst(Self.prefix.count))
    let names = SettingName.all.map { String($0.variable.dropFirst(Self.prefix.count)) }
    let option = word.lowercased().split(separator: "_").joined(separator: "-")
    if WTSerial.commandNames.contains(where: { UsageMessage.isOption(option, of: $0) }) {
      return printableText(
        "\(name) is set and is no setting, so it does nothing; --\(option) is for the command line alone"
      )
    }
    let advice =
      nearestName(to: word, among: names).map { "did you mean \(Self.prefix)\($0)?" }
      ?? "there are \(names.map { Self.prefix + $0 }.joined(separator: ", "))"
    return printableText("\(name) is set and is no setting, so it does nothing; \(advice)")
  }
}

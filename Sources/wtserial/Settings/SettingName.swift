/// What can be set once for all runs: an option of the command line by its long name, or PORT.
struct SettingName: Hashable {
  /// How a setting becomes words of the command line.
  enum Kind {
    /// `--name=value`.
    case value
    /// `--name`, or nothing.
    case flag
    /// `--name` so many times.
    case count
    /// PORT, where the command line leaves it out.
    case port
  }

  let name: String
  let kind: Kind

  /// In the environment: `WTSERIAL_ERROR_CORRECTION` for `error-correction`.
  var variable: String {
    "WTSERIAL_" + name.uppercased().split(separator: "-").joined(separator: "_")
  }

  /// Settings by the command that takes them.
  ///
  /// Nothing here names a program to be run or a file to be
  /// written: a file found above the working folder may be somebody else's.
  static let byCommand: [String: [SettingName]] = [
    "send": [port] + line + link + contents + [
      SettingName(name: "reset", kind: .value), SettingName(name: "timeout", kind: .value),
      SettingName(name: "no-cache", kind: .flag),
    ] + output,
    "receive": [port] + line + link + [
      SettingName(name: "timeout", kind: .value), SettingName(name: "mtu", kind: .value),
      SettingName(name: "dtype", kind: .value), SettingName(name: "only-complete", kind: .flag),
    ] + output,
    "device": [port] + line + [SettingName(name: "mtu", kind: .value)] + output,
    "doctor": [port],
    "info": [port] + query, "verify": [port] + query + contents, "pull": [port] + query,
    "activate": [port] + query, "rollback": [port] + query,
    "plan": contents,
    "simulate": contents,
  ]

  /// All of them, each once, in the order of their names.
  static let all = Set(byCommand.values.joined()).sorted { $0.name < $1.name }

  private static let port = SettingName(name: "port", kind: .port)
  private static let line = [
    SettingName(name: "baud", kind: .value), SettingName(name: "rtscts", kind: .flag),
    SettingName(name: "wait", kind: .value),
  ]
  private static let link = [
    SettingName(name: "window", kind: .value), SettingName(name: "error-correction", kind: .value),
  ]
  private static let query =
    line + link + [SettingName(name: "timeout", kind: .value)] + output
  private static let contents = ["precision", "codec", "order", "prune", "quantizer", "bits"].map {
    SettingName(name: $0, kind: .value)
  }
  private static let output = [
    SettingName(name: "quiet", kind: .flag), SettingName(name: "verbose", kind: .count),
  ]
}

/// A setting that somebody has made.
struct Setting {
  let name: SettingName
  let value: String
  /// Where: the variable, or the file and the line.
  let origin: String

  /// What it adds to a command line; PORT has its place elsewhere.
  func words() throws -> [String] {
    let option = "--\(name.name)"
    switch name.kind {
    case .port: return []
    case .value: return ["\(option)=\(value)"]
    case .flag:
      switch value.lowercased() {
      case "true", "1", "yes", "on": return [option]
      case "false", "0", "no", "off", "": return []
      default: throw failure("'\(value)' is neither true nor false")
      }
    case .count:
      guard let count = Int(value), (0...2).contains(count) else {
        throw failure("'\(value)' is none of 0, 1 and 2")
      }
      return Array(repeating: option, count: count)
    }
  }

  /// That it makes no sense, for this reason.
  func failure(_ reason: String) -> Failure {
    // A variable's own name says which it is.
    let place = origin == name.variable ? origin : "\(origin): \(name.name)"
    return Failure("\(place): \(reason)", .badConfiguration)
  }
}

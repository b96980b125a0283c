/// A value as Python writes it: what labgrid-client shows of a resource is a dictionary in this form.
enum PythonLiteral: Equatable, Sendable {
  case none
  case bool(Bool)
  /// A number, in its own words.
  case number(String)
  case string(String)
  case list([PythonLiteral])
  case dictionary([String: PythonLiteral])

  // Deeper than anything that a resource holds.
  private static let depthLimit = 16

  /// Reads a value; nil where the text is none, or has anything behind it.
  init?(_ text: String) {
    var rest = Substring(text)
    guard let value = Self.parse(&rest, depth: 0) else { return nil }
    Self.skipSpace(&rest)
    guard rest.isEmpty else { return nil }
    self = value
  }

  /// The value under a key; nil where it is not a dictionary that has it.
  subscript(key: String) -> PythonLiteral? {
    if case .dictionary(let entries) = self { entries[key] } else { nil }
  }

  var string: String? {
    if case .string(let text) = self { text } else { nil }
  }

  // MARK: - Parsing

  private static func parse(_ text: inout Substring, depth: Int) -> PythonLiteral? {
    guard depth < depthLimit else { return nil }
    skipSpace(&text)
    switch text.first {
    case "{": return dictionary(&text, depth: depth)
    case "[": return list(&text, closing: "]", depth: depth)
    case "(": return list(&text, closing: ")", depth: depth)
    case "'", "\"":
      // Long strings are broken into several, which stand behind each other.
      var whole = ""
      while let first = text.first, first == "'" || first == "\"" {
        guard let part = string(&text) else { return nil }
        whole += part
        skipSpace(&text)
      }
      return .string(whole)
    default: return word(&text)
    }
  }

  private static func skipSpace(_ text: inout Substring) {
    text = text.drop { $0.isWhitespace }
  }

  private static func take(_ mark: Character, from text: inout Substring) -> Bool {
    skipSpace(&text)
    guard text.first == mark else { return false }
    text.removeFirst()
    return true
  }

  private static func dictionary(_ text: inout Substring, depth: Int) -> PythonLiteral? {
    text.removeFirst()
    var entries: [String: PythonLiteral] = [:]
    while !take("}", from: &text) {
      guard let key = parse(&text, depth: depth + 1), take(":", from: &text),
        let value = parse(&text, depth: depth + 1)
      else { return nil }
      // Others than strings are not looked for.
      if case .string(let name) = key { entries[name] = value }
      guard take(",", from: &text) else {
        return take("}", from: &text) ? .dictionary(entries) : nil
      }
    }
    return .dictionary(entries)
  }

  private static func list(
    _ text: inout Substring, closing: Character, depth: Int
  ) -> PythonLiteral? {
    text.removeFirst()
    var values: [PythonLiteral] = []
    while !take(closing, from: &text) {
      guard let value = parse(&text, depth: depth + 1) else { return nil }
      values.append(value)
      guard take(",", from: &text) else {
        guard take(closing, from: &text) else { return nil }
        // A value in parentheses is the value.
        return closing == ")" && values.count == 1 ? values[0] : .list(values)
      }
    }
    return .list(values)
  }

  private static func string(_ text: inout Substring) -> String? {
    let quote = text.removeFirst()
    var result = ""
    while let next = text.popFirst() {
      if next == quote { return result }
      // Escapes other than of quotes and backslashes occur in nothing that is looked for.
      if next == "\\" {
        guard let escaped = text.popFirst() else { return nil }
        result.append(escaped)
      } else {
        result.append(next)
      }
    }
    return nil
  }

  private static func word(_ text: inout Substring) -> PythonLiteral? {
    let word = text.prefix { $0.isLetter || $0.isNumber || "+-._".contains($0) }
    text = text.dropFirst(word.count)
    switch word {
    case "": return nil
    case "None": return PythonLiteral.none
    case "True": return .bool(true)
    case "False": return .bool(false)
    default: return Double(word) == nil ? nil : .number(String(word))
    }
  }
}

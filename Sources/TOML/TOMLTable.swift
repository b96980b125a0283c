/// A value of a TOML document.
package enum TOMLValue: Equatable, Sendable {
  case string(String)
  case integer(Int)
  case float(Double)
  case boolean(Bool)
  case array([TOMLValue])
  case table(TOMLTable)
  /// The tables of `[[key]]`, in their order.
  case tables([TOMLTable])

  /// What it is, for a sentence.
  package var kind: String {
    switch self {
    case .string: "a string"
    case .integer: "an integer"
    case .float: "a float"
    case .boolean: "a boolean"
    case .array: "an array"
    case .table: "a table"
    case .tables: "an array of tables"
    }
  }
}

/// What is wrong in a TOML document, and where.
package struct TOMLError: Error, Equatable, Sendable {
  /// The line, from 1.
  package let line: Int
  package let reason: String

  package init(line: Int, _ reason: String) {
    self.line = line
    self.reason = reason
  }
}

/// A table of a TOML document: keys in the order of the file, each with the line that it is on.
package struct TOMLTable: Equatable, Sendable {
  package struct Entry: Equatable, Sendable {
    package let key: String
    package let line: Int
    package internal(set) var value: TOMLValue
  }

  /// What has made a table, which decides who may add to it.
  enum Origin: Equatable, Sendable {
    /// Its own `[header]`, or it is the document.
    case header
    /// The header of a table inside it.
    case path
    /// A dotted key.
    case dottedKey
  }

  /// The line of its header; 1 for the document itself.
  package internal(set) var line: Int
  package internal(set) var entries: [Entry] = []
  var origin: Origin

  init(line: Int, _ origin: Origin) {
    self.line = line
    self.origin = origin
  }

  package subscript(_ key: String) -> Entry? { entries.first { $0.key == key } }

  func index(of key: String) -> Int? { entries.firstIndex { $0.key == key } }
}

extension TOMLTable {
  /// Refuses keys that nobody reads: a misspelt one would be without effect.
  package func refuseKeys(except known: [String]) throws(TOMLError) {
    for entry in entries where !known.contains(entry.key) {
      throw TOMLError(
        line: entry.line,
        "unknown key `\(entry.key)`; there are \(known.joined(separator: ", "))")
    }
  }

  /// The string of a key; nil where the table does not have it.
  package func string(_ key: String) throws(TOMLError) -> String? {
    guard let entry = self[key] else { return nil }
    guard case .string(let value) = entry.value else { throw entry.isNot("a string") }
    return value
  }

  /// The integer of a key, which is in `range`; nil where the table does not have it.
  package func integer(_ key: String, in range: ClosedRange<Int>) throws(TOMLError) -> Int? {
    guard let entry = self[key] else { return nil }
    guard case .integer(let value) = entry.value else { throw entry.isNot("an integer") }
    guard range.contains(value) else {
      throw TOMLError(
        line: entry.line,
        range.upperBound == .max
          ? "`\(key)` takes \(range.lowerBound) or more, not \(value)"
          : "`\(key)` takes \(range.lowerBound) to \(range.upperBound), not \(value)")
    }
    return value
  }

  /// The boolean of a key; nil where the table does not have it.
  package func boolean(_ key: String) throws(TOMLError) -> Bool? {
    guard let entry = self[key] else { return nil }
    guard case .boolean(let value) = entry.value else { throw entry.isNot("true or false") }
    return value
  }

  /// The tables of `[[key]]`; none where there are none.
  package func tables(_ key: String) throws(TOMLError) -> [TOMLTable] {
    guard let entry = self[key] else { return [] }
    guard case .tables(let tables) = entry.value else {
      throw TOMLError(
        line: entry.line, "`\(key)` is \(entry.value.kind); give each its header [[\(key)]]")
    }
    return tables
  }
}

extension TOMLTable.Entry {
  /// That the value is of another kind than is wanted.
  package func isNot(_ kind: String) -> TOMLError {
    TOMLError(line: line, "`\(key)` is \(value.kind) and should be \(kind)")
  }
}

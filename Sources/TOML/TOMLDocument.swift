/// Reads TOML 1.0 (https://toml.io/en/v1.0.0) as far as configuration needs it: tables, arrays of tables,
/// dotted keys, strings on one line, integers, floats, booleans, arrays.
///
/// Dates, inline tables and strings of several lines are refused, and said to be. Every value keeps its
/// line, so that what is wrong with its meaning can be told as exactly as what is wrong with its form.
package enum TOMLDocument {
  /// Reads a document from the bytes of a file.
  package static func table(of utf8: [UInt8]) throws(TOMLError) -> TOMLTable {
    guard let text = String(validating: utf8, as: UTF8.self) else {
      let lines = utf8.split(separator: 0x0A, omittingEmptySubsequences: false)
      let index = lines.firstIndex { String(validating: $0, as: UTF8.self) == nil }
      throw TOMLError(line: 1 + (index ?? 0), "is not UTF-8")
    }
    return try table(of: text)
  }

  /// Reads a document.
  package static func table(of text: String) throws(TOMLError) -> TOMLTable {
    var document = TOMLTable(line: 1, .header)
    var scanner = TOMLScanner(text)
    // Where keys go; `[[header]]` leads to the last of its tables.
    var path: [String] = []
    _ = scanner.take("\u{FEFF}")
    while true {
      try scanner.skipLines()
      if scanner.isAtEnd { return document }
      let line = scanner.line
      if scanner.take("[[") {
        path = try takeHeader(&scanner, closing: "]]")
        try document.append(tableAt: path[...], line)
      } else if scanner.take("[") {
        path = try takeHeader(&scanner, closing: "]")
        try document.open(path[...], line)
      } else {
        let key = try scanner.takeKey()
        guard scanner.take("=") else {
          throw scanner.failure("behind the key `\(key.joined(separator: "."))` an = is missing")
        }
        scanner.skipBlanks()
        let value = try scanner.takeValue()
        try document.set(key, value, line, inTableAt: path[...])
      }
      try scanner.endLine()
    }
  }

  private static func takeHeader(
    _ scanner: inout TOMLScanner, closing: String
  ) throws(TOMLError) -> [String] {
    let path = try scanner.takeKey()
    guard scanner.take(closing) else {
      throw scanner.failure("the header does not end with \(closing)")
    }
    return path
  }
}

extension TOMLTable {
  /// Opens the table of a `[header]`.
  fileprivate mutating func open(_ path: ArraySlice<String>, _ line: Int) throws(TOMLError) {
    guard let key = path.first else { return }
    if path.count > 1 {
      return try descend(to: key, line) { (table) throws(TOMLError) in
        try table.open(path.dropFirst(), line)
      }
    }
    guard let index = index(of: key) else {
      entries.append(Entry(key: key, line: line, value: .table(TOMLTable(line: line, .header))))
      return
    }
    guard case .table(var table) = entries[index].value, table.origin == .path else {
      throw isThere(index, line)
    }
    table.origin = .header
    table.line = line
    entries[index].value = .table(table)
  }

  /// Adds a table to those of a `[[header]]`.
  fileprivate mutating func append(
    tableAt path: ArraySlice<String>, _ line: Int
  ) throws(TOMLError) {
    guard let key = path.first else { return }
    if path.count > 1 {
      return try descend(to: key, line) { (table) throws(TOMLError) in
        try table.append(tableAt: path.dropFirst(), line)
      }
    }
    let new = TOMLTable(line: line, .header)
    guard let index = index(of: key) else {
      entries.append(Entry(key: key, line: line, value: .tables([new])))
      return
    }
    guard case .tables(let tables) = entries[index].value else { throw isThere(index, line) }
    entries[index].value = .tables(tables + [new])
  }

  /// Sets a key of the table whose header was last.
  fileprivate mutating func set(
    _ key: [String], _ value: TOMLValue, _ line: Int, inTableAt path: ArraySlice<String>
  ) throws(TOMLError) {
    guard let first = path.first else { return try set(key[...], value, line) }
    try descend(to: first, line) { (table) throws(TOMLError) in
      try table.set(key, value, line, inTableAt: path.dropFirst())
    }
  }

  private mutating func set(
    _ key: ArraySlice<String>, _ value: TOMLValue, _ line: Int
  ) throws(TOMLError) {
    guard let first = key.first else { return }
    let index = index(of: first)
    guard key.count > 1 else {
      if let index { throw isThere(index, line) }
      entries.append(Entry(key: first, line: line, value: value))
      return
    }
    var table = TOMLTable(line: line, .dottedKey)
    if let index {
      guard case .table(let found) = entries[index].value, found.origin == .dottedKey else {
        throw isThere(index, line)
      }
      table = found
    }
    try table.set(key.dropFirst(), value, line)
    guard let index else {
      entries.append(Entry(key: first, line: line, value: .table(table)))
      return
    }
    entries[index].value = .table(table)
  }

  /// Changes a table inside this one, which is made where it is not there.
  private mutating func descend(
    to key: String, _ line: Int, _ change: (inout TOMLTable) throws(TOMLError) -> Void
  ) throws(TOMLError) {
    guard let index = index(of: key) else {
      var table = TOMLTable(line: line, .path)
      try change(&table)
      entries.append(Entry(key: key, line: line, value: .table(table)))
      return
    }
    switch entries[index].value {
    case .table(var table):
      try change(&table)
      entries[index].value = .table(table)
    case .tables(var tables):
      try change(&tables[tables.count - 1])
      entries[index].value = .tables(tables)
    case .string, .integer, .float, .boolean, .array: throw isThere(index, line)
    }
  }

  private func isThere(_ index: Int, _ line: Int) -> TOMLError {
    let entry = entries[index]
    return TOMLError(line: line, "`\(entry.key)` is there already, since line \(entry.line)")
  }
}

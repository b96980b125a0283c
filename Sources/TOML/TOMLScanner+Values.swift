// Keys and values, as TOML 1.0 has them but for what is named here as left out.
extension TOMLScanner {
  // Deeper ones have no meaning anywhere, and would take the stack.
  private static let depthLimit = 16

  /// Takes a key of one or more parts, such as `board."left arm".baud`.
  mutating func takeKey() throws(TOMLError) -> [String] {
    var parts: [String] = []
    repeat {
      skipBlanks()
      parts.append(try takeKeyPart())
      guard parts.count <= Self.depthLimit else { throw failure("a key of too many parts") }
      skipBlanks()
    } while take(".")
    return parts
  }

  private mutating func takeKeyPart() throws(TOMLError) -> String {
    if next == "\"" || next == "'" { return try takeString() }
    let part = take { isBareKey($0) }
    guard !part.isEmpty else {
      throw failure("\(description(of: next)) where a key should be; others go in quotes")
    }
    return part
  }

  mutating func takeValue(depth: Int = 0) throws(TOMLError) -> TOMLValue {
    switch next {
    case "\"", "'": return .string(try takeString())
    case "[":
      guard depth < Self.depthLimit else { throw failure("arrays in too many arrays") }
      return .array(try takeArray(depth: depth))
    case "{": throw failure("inline tables are not read here; give the table its [header]")
    default:
      let word = take { isBareKey($0) || $0 == "+" || $0 == "." || $0 == ":" }
      guard !word.isEmpty else {
        throw failure("\(description(of: next)) where a value should be")
      }
      return try value(of: word)
    }
  }

  private mutating func takeArray(depth: Int) throws(TOMLError) -> [TOMLValue] {
    var values: [TOMLValue] = []
    advance()
    while true {
      try skipLines()
      if take("]") { return values }
      values.append(try takeValue(depth: depth + 1))
      try skipLines()
      if take("]") { return values }
      guard take(",") else {
        throw failure("\(description(of: next)) in an array where a comma or ] should be")
      }
    }
  }

  // MARK: - Strings

  private mutating func takeString() throws(TOMLError) -> String {
    for quotes in ["\"\"\"", "'''"] where take(quotes) {
      throw failure("strings of several lines are not read here")
    }
    let isLiteral = next == "'"
    let quote: Unicode.Scalar = isLiteral ? "'" : "\""
    advance()
    var text = String.UnicodeScalarView()
    while let scalar = next, !isAtLineEnd {
      guard !isControl(scalar) else { throw failure("a control character in a string") }
      advance()
      if scalar == quote { return String(text) }
      text.append(scalar == "\\" && !isLiteral ? try takeEscape() : scalar)
    }
    throw failure("a string that does not end on its line")
  }

  private mutating func takeEscape() throws(TOMLError) -> Unicode.Scalar {
    let letter = next
    if !isAtLineEnd { advance() }
    switch letter {
    case "b": return "\u{8}"
    case "t": return "\t"
    case "n": return "\n"
    case "f": return "\u{C}"
    case "r": return "\r"
    case "\"": return "\""
    case "\\": return "\\"
    case "u": return try takeUnicode(digits: 4)
    case "U": return try takeUnicode(digits: 8)
    default:
      throw failure(
        "\\ before \(description(of: letter)) means nothing; write \\\\, or the string in '…'")
    }
  }

  private mutating func takeUnicode(digits count: Int) throws(TOMLError) -> Unicode.Scalar {
    var digits = ""
    while digits.count < count, let scalar = next, scalar.properties.isASCIIHexDigit {
      digits.unicodeScalars.append(scalar)
      advance()
    }
    guard digits.count == count, let value = UInt32(digits, radix: 16),
      let scalar = Unicode.Scalar(value)
    else { throw failure("behind \\u there are four hexadecimal digits, behind \\U eight") }
    return scalar
  }

  // MARK: - Words

  private func value(of word: String) throws(TOMLError) -> TOMLValue {
    switch word {
    case "true": return .boolean(true)
    case "false": return .boolean(false)
    case "inf", "+inf": return .float(.infinity)
    case "-inf": return .float(-.infinity)
    case "nan", "+nan", "-nan": return .float(.nan)
    default: break
    }
    if let integer = try integer(word) { return .integer(integer) }
    if let float = float(word) { return .float(float) }
    if word.contains(":") || word.split(separator: "-").count == 3 && isNumeric(word) {
      throw failure("`\(word)`: dates and times are not read here")
    }
    throw failure(
      isNumeric(word) ? "`\(word)` is no number" : "`\(word)` is no value; strings stand in quotes")
  }

  private func isNumeric(_ word: String) -> Bool {
    word.unicodeScalars.first.map { isDigit($0) || $0 == "+" || $0 == "-" } ?? false
  }

  private func integer(_ word: String) throws(TOMLError) -> Int? {
    for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] where word.hasPrefix(prefix) {
      guard let digits = digits(word.dropFirst(2), radix: radix) else { return nil }
      guard let value = Int(digits, radix: radix) else { throw failure("`\(word)` is too large") }
      return value
    }
    let isSigned = word.hasPrefix("-") || word.hasPrefix("+")
    guard let digits = digits(isSigned ? word.dropFirst() : word[...], radix: 10),
      digits == "0" || !digits.hasPrefix("0")
    else { return nil }
    guard let value = Int((word.hasPrefix("-") ? "-" : "") + digits) else {
      throw failure("`\(word)` is too large")
    }
    return value
  }

  /// Digits without the underscores between them; nil where they are none.
  private func digits(_ text: Substring, radix: Int) -> String? {
    let parts = text.split(separator: "_", omittingEmptySubsequences: false)
    let areDigits = parts.allSatisfy { part in
      !part.isEmpty && part.allSatisfy { $0.isASCII && ($0.hexDigitValue ?? radix) < radix }
    }
    return areDigits ? parts.joined() : nil
  }

  private func float(_ word: String) -> Double? {
    let unsigned = word.hasPrefix("-") || word.hasPrefix("+") ? word.dropFirst() : word[...]
    let halves = unsigned.split(
      maxSplits: 1, omittingEmptySubsequences: false, whereSeparator: { $0 == "e" || $0 == "E" })
    let parts = halves[0].split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count <= 2, parts.count + halves.count > 2,
      parts[0] == "0" || !parts[0].hasPrefix("0"),
      parts.allSatisfy({ digits($0, radix: 10) != nil })
    else { return nil }
    if halves.count == 2 {
      let exponent = halves[1]
      let isSigned = exponent.hasPrefix("-") || exponent.hasPrefix("+")
      guard digits(isSigned ? exponent.dropFirst() : exponent, radix: 10) != nil else { return nil }
    }
    return Double(word.filter { $0 != "_" })
  }
}

private func isBareKey(_ scalar: Unicode.Scalar) -> Bool {
  ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar) || isDigit(scalar)
    || scalar == "_" || scalar == "-"
}

private func isDigit(_ scalar: Unicode.Scalar) -> Bool { ("0"..."9").contains(scalar) }

/// Goes through the characters of a TOML document and knows the line.
struct TOMLScanner {
  private let scalars: [Unicode.Scalar]
  private var position = 0
  private(set) var line = 1

  init(_ text: String) { scalars = Array(text.unicodeScalars) }

  var isAtEnd: Bool { position == scalars.count }

  /// The next character; nil at the end.
  var next: Unicode.Scalar? { isAtEnd ? nil : scalars[position] }

  var isAtLineEnd: Bool {
    guard let next else { return true }
    return next == "\n"
      || next == "\r" && position + 1 < scalars.count
        && scalars[position + 1] == "\n"
  }

  mutating func advance() {
    if scalars[position] == "\n" { line += 1 }
    position += 1
  }

  /// Takes the text, if it comes next.
  mutating func take(_ text: String) -> Bool {
    let wanted = text.unicodeScalars
    guard scalars[position...].starts(with: wanted) else { return false }
    for _ in wanted { advance() }
    return true
  }

  /// Takes characters as long as they fit.
  mutating func take(while fits: (Unicode.Scalar) -> Bool) -> String {
    var text = String.UnicodeScalarView()
    while let scalar = next, fits(scalar) {
      text.append(scalar)
      advance()
    }
    return String(text)
  }

  mutating func skipBlanks() { _ = take { $0 == " " || $0 == "\t" } }

  /// Goes to the next line, over blanks and a comment and nothing else.
  mutating func endLine() throws(TOMLError) {
    skipBlanks()
    try skipComment()
    guard isAtLineEnd else {
      throw failure("\(description(of: next)) is too much on this line")
    }
    if next == "\r" { advance() }
    if next == "\n" { advance() }
  }

  /// Skips lines as long as they are empty.
  mutating func skipLines() throws(TOMLError) {
    while !isAtEnd {
      skipBlanks()
      guard next == "#" || isAtLineEnd else { return }
      try endLine()
    }
  }

  private mutating func skipComment() throws(TOMLError) {
    guard next == "#" else { return }
    while !isAtLineEnd, let scalar = next {
      guard !isControl(scalar) else { throw failure("a control character in a comment") }
      advance()
    }
  }

  /// Whether TOML forbids it in strings and comments.
  func isControl(_ scalar: Unicode.Scalar) -> Bool {
    scalar.value < 0x20 && scalar != "\t" || scalar.value == 0x7F
  }

  func failure(_ reason: String) -> TOMLError { TOMLError(line: line, reason) }

  func description(of scalar: Unicode.Scalar?) -> String {
    guard let scalar, scalar != "\n", scalar != "\r" else { return "the end of the line" }
    return isControl(scalar) ? "a control character" : "`\(scalar)`"
  }
}

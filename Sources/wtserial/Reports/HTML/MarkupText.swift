import Runtime

/// Words of a user, a file or a peer as HTML and SVG may hold them, in text and in attributes.
func markupText(_ text: String) -> String {
  // By scalars: as a character, a bracket with an accent is no bracket.
  printableText(text).unicodeScalars.map { scalar in
    switch scalar {
    case "<": "&lt;"
    case ">": "&gt;"
    case "&": "&amp;"
    case "\"": "&quot;"
    case "'": "&#39;"
    default: String(scalar)
    }
  }.joined()
}

/// A round number: 20, 0.5.
func roundText(_ number: Double) -> String {
  let text = fixedText(number, digits: 4)
  let digits = text.reversed().drop { $0 == "0" }
  return String(digits.drop { $0 == "." }.reversed())
}

/// A coordinate.
func markupText(_ number: Double) -> String { fixedText(number, digits: 1) }

/// Text that is equal only to the same bytes, as names in a file are.
///
/// `String` compares what text looks like: "é" is one character or two there, and two keys in
/// Python.
struct ExactText: Hashable {
  let string: String

  init(_ string: String) { self.string = string }

  static func == (left: ExactText, right: ExactText) -> Bool {
    left.string.utf8.elementsEqual(right.string.utf8)
  }

  func hash(into hasher: inout Hasher) {
    for byte in string.utf8 { hasher.combine(byte) }
    hasher.combine(string.utf8.count)
  }
}

import Testing

@testable import Runtime

struct WildcardTests {
  @Test(arguments: [
    ("", ""), ("", "*"), ("", "***"), ("a", "?"), ("abc", "abc"), ("abc", "a*"), ("abc", "*c"),
    ("abc", "*b*"), ("abc", "a?c"), ("abc", "***"), ("abc", "a*?c"), ("aaab", "*ab"),
    ("head.0.weight", "head.*"), ("head.0.weight", "*.?.weight"), ("größe", "gr?ße"),
    ("abababc", "*abc"), ("a*b", "a*b"), ("mississippi", "m*iss*ip*"),
  ])
  func matches(_ text: String, _ pattern: String) {
    #expect(Wildcard.matches(text, pattern))
  }

  @Test(arguments: [
    ("", "?"), ("", "a"), ("a", ""), ("abc", "ab"), ("abc", "bc"), ("abc", "a?"), ("abc", "????"),
    ("abc", "*d*"), ("abc", "b*"), ("Abc", "abc"), ("abc", "*a*b*c*d"), ("a.b", "a?b?"),
  ])
  func doesNotMatch(_ text: String, _ pattern: String) {
    #expect(!Wildcard.matches(text, pattern))
  }

  @Test func manyStarsTakeNoTime() {
    let text = String(repeating: "a", count: 2000)
    #expect(!Wildcard.matches(text, String(repeating: "a*", count: 200) + "b"))
  }
}

import TOML
import Testing

struct TOMLDocumentTests {
  @Test func readsValues() throws {
    let table = try TOMLDocument.table(
      of: """
        text = "a \\"b\\" \\u00e9 \\\\"  # comment
        literal = 'C:\\no'
        count = 1_000
        negative = -17
        hexadecimal = 0xFF
        float = 6.5e-1
        whole = 1e3
        yes = true
        no = false
        list = [1, # one
          "two", [3],
        ]

        """)
    #expect(table["text"]?.value == .string("a \"b\" é \\"))
    #expect(table["literal"]?.value == .string("C:\\no"))
    #expect(table["count"]?.value == .integer(1000))
    #expect(table["negative"]?.value == .integer(-17))
    #expect(table["hexadecimal"]?.value == .integer(255))
    #expect(table["float"]?.value == .float(0.65))
    #expect(table["whole"]?.value == .float(1000))
    #expect(table["yes"]?.value == .boolean(true))
    #expect(table["no"]?.value == .boolean(false))
    #expect(table["list"]?.value == .array([.integer(1), .string("two"), .array([.integer(3)])]))
    #expect(table["list"]?.line == 10)
  }

  @Test func readsTables() throws {
    let table = try TOMLDocument.table(
      of: """
        [[board]]
        name = "left"
        line.baud = 9600
        line.rtscts = true
        [[board]]
        name = "right"
        [board.more]
        x = 1
        [a.b]
        [a]
        "c d" = 2
        """)
    let boards = try table.tables("board")
    #expect(boards.map(\.line) == [1, 5])
    #expect(try boards.map { try $0.string("name") } == ["left", "right"])
    guard case .table(let line) = boards[0]["line"]?.value, case .table(let a) = table["a"]?.value
    else {
      Issue.record("tables are missing")
      return
    }
    #expect(try line.integer("baud", in: 1...10_000) == 9600)
    #expect(try line.boolean("rtscts") == true)
    #expect(boards[1]["more"]?.line == 7)
    #expect(a.entries.map(\.key) == ["b", "c d"])
  }

  @Test func takesLineEndsOfWindowsAndByteOrderMarks() throws {
    let table = try TOMLDocument.table(of: "\u{FEFF}a = 1\r\n# c\r\n\r\nb = 'x'\r\n")
    #expect(table.entries.map(\.line) == [1, 4])
    #expect(try table.string("b") == "x")
  }

  @Test(arguments: [
    ("a = 1\na = 2", 2, "`a` is there already, since line 1"),
    ("[a]\n[b]\n[a]", 3, "`a` is there already, since line 1"),
    ("[a]\n[[a]]", 2, "is there already"), ("a = [1]\n[[a]]", 2, "is there already"),
    ("a = 1\na.b = 2", 2, "is there already"), ("a = 1\n[a.b]", 2, "is there already"),
    ("[a.b]\nc = 1\n[a]\nb.d = 2", 4, "is there already"),
    ("\na", 2, "an = is missing"), ("a = ", 1, "the end of the line where a value should be"),
    ("= 1", 1, "where a key should be"), ("a = 1 2", 1, "`2` is too much"),
    ("a = left", 1, "`left` is no value; strings stand in quotes"), ("a = 01", 1, "is no number"),
    ("a = 1_", 1, "is no number"), ("a = 1.", 1, "is no number"), ("a = +", 1, "is no number"),
    ("a = 99999999999999999999", 1, "is too large"), ("a = 0x", 1, "is no number"),
    ("a = \"x", 1, "does not end on its line"), ("a = \"\\x\"", 1, "\\ before `x` means nothing"),
    ("a = \"\\ud800\"", 1, "four hexadecimal digits"), ("a = \"\u{1}\"", 1, "control character"),
    ("a = \"\"\"x\"\"\"", 1, "several lines"), ("a = {}", 1, "inline tables"),
    ("a = 2026-01-02", 1, "dates"), ("a = 07:30", 1, "dates"), ("[a\n", 1, "does not end with ]"),
    ("[[a]\n", 1, "does not end with ]]"), ("a = [1\n 2]", 2, "where a comma or ] should be"),
    ("a = [1,\n", 2, "the end of the line where a value should be"),
    ("a = 1\r", 1, "is too much"), ("# \u{7}", 1, "control character in a comment"),
  ])
  func tellsWhatIsWrongAndWhere(_ text: String, _ line: Int, _ reason: String) {
    let error = #expect(throws: TOMLError.self) { try TOMLDocument.table(of: text) }
    #expect(error?.line == line, "\(String(describing: error))")
    #expect(error?.reason.contains(reason) == true, "\(String(describing: error))")
  }

  @Test func refusesDepthWithoutEnd() {
    let brackets = "a = " + String(repeating: "[", count: 100_000)
    #expect(throws: TOMLError(line: 1, "arrays in too many arrays")) {
      try TOMLDocument.table(of: brackets)
    }
    let key = String(repeating: "a.", count: 100_000) + "b = 1"
    #expect(throws: TOMLError(line: 1, "a key of too many parts")) {
      try TOMLDocument.table(of: key)
    }
  }

  @Test func tellsTheLineThatIsNotUTF8() {
    let bytes = Array("a = 'é'\nb = '".utf8) + [0xFF] + Array("'\nc = 1\n".utf8)
    #expect(throws: TOMLError(line: 2, "is not UTF-8")) { try TOMLDocument.table(of: bytes) }
  }

  @Test func refusesWhatValuesAreNot() throws {
    let table = try TOMLDocument.table(of: "a = 1\n\nb = 'x'\nc = 70000\n")
    #expect(throws: TOMLError(line: 1, "`a` is an integer and should be a string")) {
      try table.string("a")
    }
    #expect(throws: TOMLError(line: 3, "`b` is a string and should be true or false")) {
      try table.boolean("b")
    }
    #expect(throws: TOMLError(line: 4, "`c` takes 1 to 9, not 70000")) {
      try table.integer("c", in: 1...9)
    }
    #expect(throws: TOMLError(line: 3, "`b` is a string; give each its header [[b]]")) {
      try table.tables("b")
    }
    #expect(throws: TOMLError(line: 4, "unknown key `c`; there are a, b")) {
      try table.refuseKeys(except: ["a", "b"])
    }
    #expect(try table.string("z") == nil)
  }
}

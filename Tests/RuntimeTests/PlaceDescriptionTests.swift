import Testing

@testable import Runtime

@Suite struct PlaceDescriptionTests {
  // What labgrid-client 26.0 prints.
  private static let shown = """
    Place 'board1':
      matches:
        exp1/bench/NetworkSerialPort/console
      acquired: vm/root
      acquired resources:
        exp1/bench/NetworkSerialPort/console
      allowed: pc/ann, pc/bob
      created: 2026-11-28 04:01:06.607853
      changed: 2026-11-28 04:01:39.690228
    Acquired resource 'console' (exp1/bench/NetworkSerialPort/console):
      {'acquired': 'board1',
       'avail': True,
       'cls': 'NetworkSerialPort',
       'params': {'extra': {'path': '/dev/pts/0',
                            'proxy': 'localhost',
                            'proxy_required': False},
                  'host': '127.0.0.1',
                  'port': 56107,
                  'speed': 115200}}
    Acquired resource 'power' (exp1/bench/NetworkPowerPort/power):
      {'acquired': 'board1',
       'avail': True,
       'cls': 'NetworkPowerPort',
       'params': {'host': 'x', 'index': '1', 'model': 'gude'}}
    Matching resource 'other' (exp1/bench/NetworkSerialPort/other):
      {'acquired': None,
       'avail': True,
       'cls': 'NetworkSerialPort',
       'params': {'host': '127.0.0.1', 'port': 1, 'speed': 115200}}
    """

  @Test func thePortOfAnAcquiredPlaceIsFound() {
    let place = PlaceDescription(parsing: Self.shown)
    #expect(place.holder == "vm/root")
    #expect(place.allowed == ["pc/ann", "pc/bob"])
    #expect(
      place.ports == [
        .init(name: "console", isAvailable: true, url: "rfc2217://127.0.0.1:56107", proxy: nil)
      ])
  }

  @Test func whatAPortMayBe() {
    let literal = "{'avail': False, 'cls': 'NetworkSerialPort', 'params': "
    func port(_ parameters: String) -> PlaceDescription.SerialPort? {
      let text = "Acquired resource 'a' (e/g/NetworkSerialPort/a):\n  \(literal)\(parameters)}"
      return PlaceDescription(parsing: text).ports.first
    }
    #expect(port("{'host': 'h', 'port': None}")?.url == nil)
    #expect(port("{'host': 'h', 'port': None}")?.isAvailable == false)
    #expect(port("{'host': 'h', 'port': 1, 'protocol': 'raw'}")?.url == "tcp://h:1")
    #expect(port("{'host': 'fe80::1', 'port': 1}")?.url == "rfc2217://[fe80::1]:1")
    let extra = "'extra': {'proxy': 'gate', 'proxy_required': True}"
    #expect(port("{'host': 'h', 'port': 1, \(extra)}")?.proxy == "gate")
    #expect(port("{'host'") == nil)
  }

  @Test func nobodyHasAFreePlace() {
    #expect(PlaceDescription(parsing: "Place 'a':\n  acquired: None\n").holder == nil)
    #expect(PlaceDescription(parsing: "") == PlaceDescription(parsing: "nonsense\n\n x"))
  }

  @Test func literalsAreRead() {
    #expect(PythonLiteral("'it\\'s' \"5\\\"\"") == .string("it's5\""))
    #expect(PythonLiteral("('a'\n 'b')") == .string("ab"))
    #expect(
      PythonLiteral("[1, -2.5, True, None,]")
        == .list([.number("1"), .number("-2.5"), .bool(true), .none]))
    #expect(PythonLiteral("{}") == .dictionary([:]))
    #expect(
      PythonLiteral("{'a': {'b': ()}, 1: 2}") == .dictionary(["a": .dictionary(["b": .list([])])]))
    for text in ["", "{", "{'a'}", "[1 2]", "'a", "'a\\", "a b", "{'a': 1}}", "x"] {
      #expect(PythonLiteral(text) == nil)
    }
    // Deep nesting is refused, not followed.
    #expect(PythonLiteral(String(repeating: "[", count: 100_000)) == nil)
  }

  @Test func namesAreTakenApart() throws {
    let full = try #require(LabgridName("labgrid://board/console?timeout=9"))
    #expect(full.place == "board")
    #expect(full.resource == "console")
    #expect(full.query == "?timeout=9")
    let short = try #require(LabgridName("labgrid://"))
    #expect(short.place == "")
    #expect(short.resource == nil)
    #expect(short.query == "")
    #expect(LabgridName("labgrid:board") == nil)
  }
}

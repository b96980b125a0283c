import Testing

@testable import NetworkPorts

@Suite struct NetworkAddressTests {
  @Test func addressesAreTakenApart() throws {
    let raw = try #require(try NetworkAddress("tcp://board.lab:2000"))
    #expect(raw.access == .raw)
    #expect((raw.host, raw.port) == ("board.lab", 2000))
    let six = try #require(try NetworkAddress("RFC2217://[fe80::1%eth0]:1/"))
    #expect(six.access == .comPort)
    #expect((six.host, six.port) == ("fe80::1%eth0", 1))
    #expect(six.authority == "[fe80::1%eth0]:1")
  }

  @Test func optionsAreThoseOfPyserial() throws {
    let plain = try #require(try NetworkAddress("rfc2217://h:1"))
    #expect(!plain.ignoresSetControl)
    let full = try #require(try NetworkAddress("rfc2217://h:1?ign_set_control&timeout=2.5"))
    #expect(full.ignoresSetControl)
    #expect(full.timeoutNanoseconds == 2_500_000_000)
  }

  @Test func otherNamesAreNone() throws {
    for name in ["/dev/ttyUSB0", "usb:0403:6001", "auto", "", "http://h:1", "tcp:/h:1"] {
      #expect(try NetworkAddress(name) == nil)
    }
  }

  @Test(arguments: [
    ("tcp://h", NetworkAddress.Flaw.noPort), ("tcp://", .noPort), ("tcp://fe80::1", .noPort),
    ("tcp://:1", .noHost), ("tcp://[]:1", .noHost),
    ("tcp://h:", .badPort("")), ("tcp://h:0", .badPort("0")), ("tcp://h:65536", .badPort("65536")),
    ("tcp://h:-1", .badPort("-1")), ("tcp://h:1/x", .unexpectedPath("/x")),
    ("tcp://h:1?timeout=1", .unknownOption("timeout=1")),
    ("rfc2217://h:1?poll", .unknownOption("poll")),
    ("rfc2217://h:1?timeout", .badTimeout("")), ("rfc2217://h:1?timeout=0", .badTimeout("0")),
    ("rfc2217://h:1?timeout=nan", .badTimeout("nan")),
    ("rfc2217://h:1?timeout=inf", .badTimeout("inf")),
  ])
  func flawsAreNamed(text: String, flaw: NetworkAddress.Flaw) {
    #expect(throws: flaw) { try NetworkAddress(text) }
  }
}

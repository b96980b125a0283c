import SystemPackage
import Testing

@testable import SerialPorts

@Suite struct DiagnosisTests {
  @Test(arguments: [
    ("/usr/sbin/ModemManager\0", false),
    ("/usr/sbin/ModemManager\0--debug\0--filter-policy=strict\0", false),
    ("/usr/sbin/ModemManager\0--filter-policy=default\0", true),
    ("ModemManager\0--filter-policy=legacy\0--debug\0", true),
  ])
  func thePolicyOfModemManagerIsRead(arguments: String, triesAllPorts: Bool) {
    let manager = ModemManager(processID: 1, arguments: arguments)
    #expect(manager.triesAllPorts == triesAllPorts)
  }

  @Test func modemManagerDisturbsWhatItTries() {
    let strict = ModemManager(processID: 1, arguments: "")
    let eager = ModemManager(processID: 1, arguments: "ModemManager\0--filter-policy=default\0")
    var adapter = port("ttyACM0", 0x2341, 0x43, serial: nil, at: "1-1")
    #expect(!strict.disturbs(adapter))
    #expect(eager.disturbs(adapter))
    adapter.claimsToBeModem = true
    #expect(strict.disturbs(adapter))
    adapter.isHiddenFromModemManager = true
    #expect(!strict.disturbs(adapter))
    #expect(!eager.disturbs(adapter))
    let uart = PortDescription(path: "/dev/ttyS0", systemPath: "/sys/devices/pnp0/00:05/tty/ttyS0")
    #expect(!eager.disturbs(uart))
  }

  @Test(
    arguments: [
      ("      1234\n", 1234), ("1234", 1234), ("      1234 minicom root\n", 1234), ("", nil),
      ("minicom\n", nil), ("         0\n", nil), ("        -5\n", nil), ("99999999999\n", nil),
    ] as [(String, Int32?)])
  func lockFilesNameAProcess(text: String, processID: Int32?) {
    #expect(LockFile.processID(in: text) == processID)
  }

  @Test func theRulesAreThoseOfTheFile() {
    #expect(UdevRules.text.hasPrefix("# Rules of udev for serial ports"))
    #expect(UdevRules.text.hasSuffix("LABEL=\"wtserial_end\"\n"))
    #expect(UdevRules.covers(vendorID: 0x403))
    #expect(!UdevRules.covers(vendorID: 0x12D1))
  }
}

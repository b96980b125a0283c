import CSerial
import SerialDriver
import SystemPackage
import Testing

@testable import Runtime

@Suite struct PseudoTerminalTests {
  @Test func itIsRawFromTheStart() throws {
    let terminal = try PseudoTerminal()
    try terminal.master.writeAll([3, 13, 10, 0x11, 0xFF])
    #expect(try terminal.slave.read(exactly: 5) == [3, 13, 10, 0x11, 0xFF])
    #expect(try terminal.master.readNow() == [])
  }

  @Test func theMasterDoesNotHangUpBetweenClients() throws {
    let terminal = try PseudoTerminal()
    try openTerminal(terminal.path).close()
    try openTerminal(terminal.path).close()
    var poller = Poller()
    poller.watch(terminal.master.rawValue, for: .readable)
    try poller.wait(nanoseconds: 0)
    #expect(!poller.isReadable(terminal.master.rawValue))
  }

  @Test func clearingUndoesTheModeAndLeavesTheRate() throws {
    let terminal = try PseudoTerminal(baudRate: 250_001)
    let client = try openTerminal(terminal.path)
    var cooked = client.termios
    cooked.local_flags = 0o12
    #expect(unsafe cserial_set_termios(client.rawValue, &cooked) == 0)
    #expect(cserial_set_exclusive(client.rawValue, true) == 0)
    client.setBaudRate(9600)
    try terminal.clear()
    let (isExclusive, localFlags) = (client.isExclusive, client.termios.local_flags)
    #expect(!isExclusive)
    #expect(localFlags == 0)
    #expect(try terminal.baudRate == 9600)
  }

  @Test func resetUndoesWhatAClientDid() throws {
    let terminal = try PseudoTerminal(baudRate: 250_001)
    let client = try openTerminal(terminal.path)
    let raw = client.termios
    var cooked = raw
    cooked.local_flags = 0o12
    #expect(unsafe cserial_set_termios(client.rawValue, &cooked) == 0)
    #expect(cserial_set_exclusive(client.rawValue, true) == 0)
    client.setBaudRate(9600)
    #expect(try terminal.baudRate == 9600)
    client.close()
    try terminal.master.writeAll(Array("unread\n".utf8))
    // The echo comes when the slave has it all.
    #expect(try terminal.master.read(exactly: 7) == Array("unread\n".utf8))
    #expect(try terminal.unreadByteCount == 7)
    try terminal.reset()
    #expect(try terminal.unreadByteCount == 0)
    let isExclusive = terminal.slave.isExclusive
    let localFlags = terminal.slave.termios.local_flags
    #expect(!isExclusive)
    #expect(localFlags == raw.local_flags)
    #expect(try terminal.baudRate == 250_001)
  }
}

import CSerial
import Foundation
import Glibc
import SystemPackage
import Testing

@testable import SerialDriver

@Suite struct SerialPortTests {
  @Test(arguments: [300, 9600, 115_200, 250_001, 921_600, 3_000_000] as [UInt32])
  func opensRawAtAnyRate(baudRate: UInt32) throws {
    let pair = try TerminalPair()
    let port = try SerialPort(opening: pair.path, PortSettings(baudRate: baudRate))
    let termios = try pair.termios
    #expect(port.baudRate == baudRate)
    #expect(termios.output_rate == baudRate)
    #expect(termios.input_flags == 0)
    #expect(termios.output_flags == 0)
    #expect(termios.local_flags == 0)
    #expect(termios.control_flags & UInt32(CSIZE | CSTOPB | PARENB | HUPCL) == UInt32(CS8))
    #expect(termios.control_flags & UInt32(CREAD | CLOCAL) == UInt32(CREAD | CLOCAL))
    port.close()
  }

  @Test func flowControlIsSetWhereAsked() throws {
    let pair = try TerminalPair()
    let hardware = try SerialPort(
      opening: pair.path, PortSettings(baudRate: 9600, flowControl: .rtsCts))
    #expect(try pair.termios.control_flags & UInt32(CRTSCTS) != 0)
    hardware.close()
    let inBand = try SerialPort(
      opening: pair.path, PortSettings(baudRate: 9600, flowControl: .xonXoff))
    #expect(try pair.termios.input_flags == UInt32(IXON | IXOFF))
    inBand.close()
  }

  @Test func bytesCrossUnchangedBothWays() throws {
    let pair = try TerminalPair()
    let port = try SerialPort(opening: pair.path, PortSettings(baudRate: 115_200))
    let all = Array(0...255 as ClosedRange<UInt8>)
    #expect(try port.write(all.span) == 256)
    #expect(try pair.master.readWhenReady() == all)
    #expect(try pair.master.write(all.span) == 256)
    #expect(try port.readWhenReady() == all)
    #expect(try port.outputQueueByteCount == 0)
    let nothing = try [UInt8](capacity: 8) { _ = try port.read(into: &$0) }
    #expect(nothing.isEmpty)
    port.close()
  }

  @Test func staleInputIsDroppedOnOpen() throws {
    let pair = try TerminalPair()
    try SerialPort(opening: pair.path, PortSettings(baudRate: 9600, exclusive: false)).close()
    var raw = try pair.termios
    unsafe cserial_make_raw(&raw, 9600, CSERIAL_FLOW_NONE)
    #expect(unsafe cserial_set_termios(pair.observer.rawValue, &raw) == 0)
    #expect(try pair.master.write([1, 2, 3].span) == 3)
    var poller = Poller()
    poller.watch(pair.observer.rawValue, for: .readable)
    try poller.wait(nanoseconds: 10_000_000_000)
    let port = try SerialPort(opening: pair.path, PortSettings(baudRate: 9600))
    #expect(try pair.master.write([4].span) == 1)
    #expect(try port.readWhenReady() == [4])
    port.close()
  }

  @Test func closingPutsBackEverythingButHangUpOnClose() throws {
    let pair = try TerminalPair()
    var odd = try pair.termios
    odd.control_flags |= UInt32(HUPCL | CSTOPB)
    odd.control_characters.4 = 7
    #expect(unsafe cserial_set_termios(pair.observer.rawValue, &odd) == 0)
    let before = try pair.termios
    let port = try SerialPort(opening: pair.path, PortSettings(baudRate: 250_001))
    #expect(try pair.isExclusive)
    port.close()
    let after = try pair.termios
    #expect(try !pair.isExclusive)
    #expect(after.input_flags == before.input_flags)
    #expect(after.output_flags == before.output_flags)
    #expect(after.local_flags == before.local_flags)
    #expect(after.control_flags == before.control_flags & ~UInt32(HUPCL))
    #expect(after.output_rate == before.output_rate)
    #expect(after.control_characters.4 == 7)
  }

  @Test func aPortThatVanishesIsToldApart() throws {
    let master = OwnedDescriptor(try systemCall { cserial_open_master() })
    var number: UInt32 = 0
    #expect(unsafe cserial_slave_number(master.rawValue, &number) == 0)
    let path = FilePath("/dev/pts/\(number)")
    let port = try SerialPort(opening: path, PortSettings(baudRate: 9600))
    hangUp(master)
    #expect(throws: SerialError.vanished(path)) { try port.readWhenReady() }
    #expect(throws: SerialError.vanished(path)) { try port.write([1].span) }
    port.close()
  }

  private func hangUp(_ master: consuming OwnedDescriptor) {}

  @Test func whatIsNotAPortIsRefusedByKind() throws {
    #expect(errorOfOpening("/dev/no-such-port") == .noSuchPort("/dev/no-such-port"))
    #expect(errorOfOpening("/dev/null/port") == .noSuchPort("/dev/null/port"))
    #expect(errorOfOpening("/dev/null") == .notATerminal("/dev/null"))
    #expect(errorOfOpening("/tmp") == .notATerminal("/tmp"))
    #expect(errorOfOpening("/etc/hostname") == .notATerminal("/etc/hostname"))
  }

  @Test func linksAreFollowed() throws {
    let pair = try TerminalPair()
    let link = FilePath("/tmp/wtserial-test-\(getpid())-link")
    #expect(unsafe symlink(pair.path.string, link.string) == 0)
    defer { _ = unsafe unlink(link.string) }
    #expect(errorOfOpening(link) == nil)
  }

  @Test(
    arguments: [
      (115_200, 115_200, true), (115_200, 117_504, true), (115_200, 117_505, false),
      (115_200, 112_896, true), (115_200, 112_895, false), (250_001, 9600, false), (1, 0, false),
      (.max, .max, true),
    ] as [(UInt32, UInt32, Bool)])
  func rateMayBeTwoPercentOff(requested: UInt32, actual: UInt32, isClose: Bool) {
    #expect(SerialPort.isClose(actual, to: requested) == isClose)
  }

  @Test(.enabled(if: geteuid() != 0, "root may open everything"))
  func aDeniedPortTellsItsGroup() throws {
    let pair = try TerminalPair()
    #expect(unsafe chmod(pair.path.string, 0) == 0)
    guard case .permissionDenied(_, let access) = errorOfOpening(pair.path) else {
      Issue.record("the port opened")
      return
    }
    #expect(access.mode == 0)
    #expect(access.owner == access.user)
  }

  @Test func accessNamesOwnerAndGroup() throws {
    let status = try #require(FileStatus(of: "/dev/null"))
    let access = PortAccess(of: status)
    #expect(access.owner == "root")
    #expect(access.group == "root")
    #expect(access.mode == 0o666)
    #expect(!access.processGroups.isEmpty)
  }
}

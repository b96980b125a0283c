import CSerial
import Foundation
import Glibc
import SystemPackage
import Testing

@testable import SerialDriver

@Suite struct PortLockTests {
  @Test func aSecondOpenIsBusyAndNamesTheFirst() throws {
    let pair = try TerminalPair()
    let port = try SerialPort(opening: pair.path, PortSettings(baudRate: 9600))
    let me = try #require(PortOwner(processID: getpid()))
    #expect(errorOfOpening(pair.path) == .busy(pair.path, owner: me))
    port.close()
    #expect(errorOfOpening(pair.path) == nil)
  }

  @Test func aPortOpenedInCommonIsNotLocked() throws {
    let pair = try TerminalPair()
    let port = try SerialPort(
      opening: pair.path, PortSettings(baudRate: 9600, exclusive: false))
    #expect(try !pair.isExclusive)
    #expect(errorOfOpening(pair.path) == nil)
    port.close()
  }

  @Test func aLockOfAnotherProcessIsNamed() throws {
    let pair = try TerminalPair()
    let holder = try Child(
      "flock", "--no-fork", pair.path.string, "sh", "-c", "echo ready; read end")
    try holder.waitForLine()
    guard case .busy(_, let owner?) = errorOfOpening(pair.path) else {
      Issue.record("the owner was not found")
      return
    }
    #expect(owner.processID == holder.processID)
    #expect(owner.name == "sh")
    holder.kill()
    #expect(errorOfOpening(pair.path) == nil)
  }

  @Test func exclusiveModeOfAnotherProcessIsRespectedByRootToo() throws {
    let pair = try TerminalPair()
    let holder = try Child("sh", "-c", "exec 3<>\(pair.path.string); echo ready; read end")
    try holder.waitForLine()
    #expect(cserial_set_exclusive(pair.observer.rawValue, true) == 0)
    guard case .busy(_, let owner?) = errorOfOpening(pair.path) else {
      Issue.record("the owner was not found")
      return
    }
    #expect(owner.processID == holder.processID)
    #expect(owner.name == "sh")
    #expect(try pair.isExclusive)
    holder.kill()
  }
}

/// A process that says a line when it is ready, and ends with the test.
final class Child {
  private let process = Process()
  private let input = Pipe()
  private let output = Pipe()

  init(_ arguments: String...) throws {
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = arguments
    process.standardInput = input
    process.standardOutput = output
    try process.run()
  }

  deinit {
    kill()
  }

  var processID: Int32 { process.processIdentifier }

  func waitForLine() throws {
    let line = output.fileHandleForReading.availableData
    try #require(!line.isEmpty, "the process ended before it was ready")
  }

  func kill() {
    guard process.isRunning else { return }
    _ = Glibc.kill(processID, SIGKILL)
    process.waitUntilExit()
  }
}

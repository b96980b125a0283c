import CSerial
import Foundation
import Glibc
import LineModel
import SerialDriver
import SystemPackage
import Testing

@testable import Runtime

@Suite(.timeLimit(.minutes(2))) struct LoopbackTests {
  private static var unlimited: LoopbackConfiguration {
    var configuration = LoopbackConfiguration()
    configuration.line.baudRate = 0
    return configuration
  }

  private let sample = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 31 ^ ($0 >> 8)) }

  @Test func bytesCrossBothWays() throws {
    let loopback = try RunningLoopback(Self.unlimited)
    let a = try openTerminal(loopback.pathA)
    let b = try openTerminal(loopback.pathB)
    for part in 0..<10 {
      let bytes = Array(sample[part * 10_000..<(part + 1) * 10_000])
      try a.writeAll(bytes)
      #expect(try b.read(exactly: bytes.count) == bytes)
      try b.writeAll(bytes)
      #expect(try a.read(exactly: bytes.count) == bytes)
    }
    let result = try loopback.stop()
    #expect(result.error == nil)
    #expect(result.aToB.line.bytesSent == 100_000)
    #expect(result.aToB.line.bytesReceived == 100_000)
    #expect(result.bToA.line.bytesReceived == 100_000)
    #expect(result.aToB.bytesUnattended == 0)
  }

  @Test func serialPortsOpenItsNames() throws {
    let folder = try TemporaryFolder()
    var configuration = Self.unlimited
    configuration.linkA = folder.path.appending("a")
    configuration.linkB = folder.path.appending("b")
    let loopback = try RunningLoopback(configuration)
    for _ in 0..<5 {
      let a = try SerialPort(
        opening: folder.path.appending("a"), PortSettings(baudRate: 250_001))
      let b = try openTerminal(folder.path.appending("b"))
      #expect(try a.write([1, 2, 3].span) == 3)
      #expect(try b.read(exactly: 3) == [1, 2, 3])
      a.close()
      b.close()
    }
    #expect(try loopback.stop().aToB.line.bytesSent == 15)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path.string) == [])
  }

  @Test func thereIsNoEchoBeforeAClientHasSetItsMode() throws {
    let loopback = try RunningLoopback(Self.unlimited)
    let a = try openTerminal(loopback.pathA)
    let b = try openTerminal(loopback.pathB)
    try a.writeAll(Array("line\r\n\u{3}\u{13}".utf8))
    #expect(try b.read(exactly: 8) == Array("line\r\n\u{3}\u{13}".utf8))
    try b.writeAll([7])
    #expect(try a.read(exactly: 1) == [7])
    #expect(try loopback.stop().bToA.line.bytesSent == 1)
  }

  @Test func aClientThatWasKilledLeavesACleanPort() throws {
    let loopback = try RunningLoopback(Self.unlimited)
    let b = try openTerminal(loopback.pathB)
    let path = loopback.pathA.string
    let locker = try openTerminal(loopback.pathA)
    #expect(cserial_set_exclusive(locker.rawValue, true) == 0)
    let child = try KillableChild(
      "exec 3<>\(path); stty -F \(path) sane echo; printf x >&3; exec cat")
    #expect(try b.read(exactly: 1) == [UInt8(ascii: "x")])
    locker.close()
    try b.writeAll(Array("never read".utf8))
    // The client has echo on: so much for the mode that it leaves behind.
    #expect(try b.read(exactly: 10) == Array("never read".utf8))
    child.kill()
    // The loopback hears of the kill before it carries what is written after it.
    let a = try openTerminal(loopback.pathA)
    try b.writeAll(Array("hello\n".utf8))
    var received: [UInt8] = []
    while !received.suffix(6).elementsEqual("hello\n".utf8) {
      let part = try a.read(exactly: 1)
      try #require(!part.isEmpty)
      received += part
    }
    let isExclusive = a.isExclusive
    let localFlags = a.termios.local_flags
    #expect(!isExclusive)
    #expect(localFlags == 0)
    try a.writeAll([9])
    #expect(try b.read(exactly: 1) == [9])
    _ = try loopback.stop()
  }

  @Test func faultsAreThoseOfTheSeed() throws {
    var configuration = Self.unlimited
    configuration.seed = 11
    configuration.line.dropRate = 0.01
    configuration.line.bitErrorRate = 0.001
    func run() throws -> ([UInt8], RunningLoopback.Result) {
      let loopback = try RunningLoopback(configuration)
      let a = try openTerminal(loopback.pathA)
      let b = try openTerminal(loopback.pathB)
      try a.writeAll(Array(sample[..<2000]))
      var line = try LineDirection(configuration.line, seed: configuration.seed)
      #expect(line.send(sample.span.extracting(..<2000), at: 0) == 2000)
      let expected = [UInt8](capacity: 2000) { line.receive(into: &$0, at: 0) }
      let received = try b.read(exactly: expected.count)
      #expect(received == expected)
      return (received, try loopback.stop())
    }
    let first = try run()
    #expect(first.0.count < 2000)
    #expect(first.0 == (try run()).0)
    #expect(first.1.aToB.line.bytesDropped > 0)
  }

  @Test func aCutCountsFromTheFirstByte() throws {
    var configuration = Self.unlimited
    configuration.cut = .init(afterNanoseconds: 0, forNanoseconds: 3_000_000_000_000)
    let loopback = try RunningLoopback(configuration)
    let a = try openTerminal(loopback.pathA)
    let b = try openTerminal(loopback.pathB)
    try a.writeAll([1])
    #expect(try b.read(exactly: 1) == [1])
    try a.writeAll([2])
    #expect(try loopback.stop().aToB.line.bytesLostInCuts == 1)
  }

  @Test func theRatesOfTheTerminalsAreFollowed() throws {
    var configuration = LoopbackConfiguration()
    configuration.followsTermios = true
    configuration.line.baudRateLimit = 4_000_000
    let loopback = try RunningLoopback(configuration)
    let a = try openTerminal(loopback.pathA)
    let b = try openTerminal(loopback.pathB)
    a.setBaudRate(9600)
    try a.writeAll(Array(sample[..<20]))
    // Of each byte, a receiver that is far too fast makes three.
    #expect(try b.read(exactly: 60).count == 60)
    b.setBaudRate(9600)
    try a.writeAll(Array(sample[..<20]))
    #expect(try b.read(exactly: 20) == Array(sample[..<20]))
    a.setBaudRate(3_000_000)
    b.setBaudRate(3_000_000)
    try b.writeAll(Array(sample[..<3000]))
    #expect(try a.read(exactly: 3000) == Array(sample[..<3000]))
    let result = try loopback.stop()
    #expect(result.aToB.line.bytesMisread == 20)
    #expect(result.bToA.line.bytesMisread == 0)
  }

  @Test func bytesThatCrossCollide() throws {
    var configuration = LoopbackConfiguration()
    configuration.line.baudRate = 1200
    configuration.isHalfDuplex = true
    let loopback = try RunningLoopback(configuration)
    let a = try openTerminal(loopback.pathA)
    let b = try openTerminal(loopback.pathB)
    try a.writeAll(Array(sample[..<100]))
    try b.writeAll(Array(sample[..<10]))
    #expect(try a.read(exactly: 10).count == 10)
    #expect(try b.read(exactly: 100).count == 100)
    try b.writeAll([7])
    #expect(try a.read(exactly: 1) == [7])
    let result = try loopback.stop()
    #expect(result.bToA.line.bytesGarbled == 10)
    #expect(10...12 ~= result.aToB.line.bytesGarbled)
  }

  @Test func opensThatTheKernelMergesIntoOneEventAreNotForgotten() throws {
    let loopback = try RunningLoopback(Self.unlimited)
    let a = try openTerminal(loopback.pathA)
    let stays = try openTerminal(loopback.pathB)
    for _ in 0..<5 {
      let first = try openTerminal(loopback.pathB)
      let second = try openTerminal(loopback.pathB)
      first.close()
      second.close()
      try a.writeAll([1])
      #expect(try stays.read(exactly: 1) == [1])
    }
    #expect(try loopback.stop().aToB.bytesUnattended == 0)
  }

  @Test func bytesForNobodyAreLost() throws {
    let loopback = try RunningLoopback(Self.unlimited)
    let a = try openTerminal(loopback.pathA)
    try a.writeAll(Array(sample[..<100]))
    let result = try loopback.stop()
    #expect(result.aToB.line.bytesReceived == 100)
    #expect(result.aToB.bytesUnattended == 100)
  }

  @Test func badConfigurationsAreRefused() throws {
    var configuration = LoopbackConfiguration()
    configuration.line.dropRate = 2
    #expect(throws: LoopbackError.line(.rateOutOfRange(.drop))) {
      try RunningLoopback(configuration)
    }
    configuration = LoopbackConfiguration()
    configuration.linkA = "/tmp/x/../x/a"
    configuration.linkB = "/tmp/x/a"
    #expect(throws: LoopbackError.sameName("/tmp/x/a")) { try RunningLoopback(configuration) }
  }
}

/// A shell that a test kills.
final class KillableChild {
  private let process = Process()
  private let input = Pipe()

  init(_ script: String) throws {
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.arguments = ["-c", script]
    process.standardInput = input
    try process.run()
  }

  deinit {
    kill()
  }

  func kill() {
    let processID = process.processIdentifier
    guard process.isRunning else { return }
    _ = Glibc.kill(processID, SIGKILL)
    process.waitUntilExit()
  }
}

import CSerial
import Foundation
import Glibc
import SerialDriver
import SystemPackage
import Testing

@testable import Runtime

/// Opens a terminal as a program would that leaves its mode alone.
func openTerminal(_ path: FilePath) throws -> OwnedDescriptor {
  let options: FileDescriptor.OpenOptions = [
    .nonBlocking, .closeOnExec, .init(rawValue: O_NOCTTY),
  ]
  return OwnedDescriptor(try FileDescriptor.open(path, .readWrite, options: options).rawValue)
}

extension OwnedDescriptor {
  /// Reads until there are `count` bytes, or nothing has come for ten seconds.
  func read(exactly count: Int) throws -> [UInt8] {
    var poller = Poller()
    poller.watch(rawValue, for: .readable)
    var bytes: [UInt8] = []
    while bytes.count < count {
      try poller.wait(nanoseconds: 10_000_000_000)
      let part = try readNow(limit: count - bytes.count)
      guard !part.isEmpty else { break }
      bytes += part
    }
    return bytes
  }

  /// Reads what is there.
  func readNow(limit: Int = 1 << 16) throws -> [UInt8] {
    try [UInt8](capacity: limit) { _ = try read(into: &$0) }
  }

  /// Writes all of `bytes`, waiting for room ten seconds at most.
  func writeAll(_ bytes: [UInt8]) throws {
    var poller = Poller()
    poller.watch(rawValue, for: .writable)
    var offset = 0
    while offset < bytes.count {
      try poller.wait(nanoseconds: 10_000_000_000)
      let written = try write(bytes.span.extracting(offset...))
      try #require(written > 0, "the terminal takes bytes")
      offset += written
    }
  }

  consuming func close() {}

  var isExclusive: Bool {
    var exclusive: CInt = 0
    return unsafe cserial_is_exclusive(rawValue, &exclusive) == 0 && exclusive != 0
  }

  /// Sets the terminal's rate at once, as a client would.
  func setBaudRate(_ baudRate: UInt32) {
    var termios = termios
    termios.input_rate = baudRate
    termios.output_rate = baudRate
    #expect(unsafe cserial_set_termios(rawValue, &termios) == 0)
  }

  var termios: cserial_termios {
    var termios = cserial_termios()
    #expect(unsafe cserial_get_termios(rawValue, &termios) == 0)
    return termios
  }
}

/// A folder of its own for the names of one test, removed with it.
final class TemporaryFolder {
  let path: FilePath

  init() throws {
    path = FilePath("/tmp/wtserial-test-\(UUID().uuidString)")
    try FileManager.default.createDirectory(
      atPath: path.string, withIntermediateDirectories: false)
  }

  deinit {
    try? FileManager.default.removeItem(atPath: path.string)
  }
}

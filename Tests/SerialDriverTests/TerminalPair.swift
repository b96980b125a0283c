import CSerial
import Glibc
import SerialDriver
import SystemPackage

/// A pseudo-terminal without any settings of ours, and a second descriptor of its slave to look
/// through: the kernel forgets the settings when the last one goes.
struct TerminalPair: ~Copyable {
  let master: OwnedDescriptor
  let observer: OwnedDescriptor
  let path: FilePath

  init() throws {
    let master = OwnedDescriptor(try systemCall { cserial_open_master() })
    var number: UInt32 = 0
    let descriptor = master.rawValue
    try systemCall { unsafe cserial_slave_number(descriptor, &number) }
    let path = FilePath("/dev/pts/\(number)")
    observer = try openTerminal(path)
    self.master = master
    self.path = path
  }

  var termios: cserial_termios {
    get throws {
      var termios = cserial_termios()
      let descriptor = observer.rawValue
      try systemCall { unsafe cserial_get_termios(descriptor, &termios) }
      return termios
    }
  }

  var isExclusive: Bool {
    get throws {
      var exclusive: CInt = 0
      let descriptor = observer.rawValue
      try systemCall { unsafe cserial_is_exclusive(descriptor, &exclusive) }
      return exclusive != 0
    }
  }
}

/// Opens a terminal as a program would that knows nothing of locks and raw mode.
func openTerminal(_ path: FilePath) throws -> OwnedDescriptor {
  let options: FileDescriptor.OpenOptions = [
    .nonBlocking, .closeOnExec, .init(rawValue: O_NOCTTY),
  ]
  return OwnedDescriptor(try FileDescriptor.open(path, .readWrite, options: options).rawValue)
}

extension OwnedDescriptor {
  /// Waits for bytes, for ten seconds at most, and reads them; none at the end of the file.
  func readWhenReady(limit: Int = 4096) throws -> [UInt8] {
    var poller = Poller()
    poller.watch(rawValue, for: .readable)
    try poller.wait(nanoseconds: 10_000_000_000)
    return try [UInt8](capacity: limit) { _ = try read(into: &$0) }
  }
}

extension SerialPort {
  /// Waits for bytes, for ten seconds at most, and reads them.
  func readWhenReady() throws -> [UInt8] {
    var poller = Poller()
    poller.watch(descriptor, for: .readable)
    try poller.wait(nanoseconds: 10_000_000_000)
    return try [UInt8](capacity: 4096) { _ = try read(into: &$0) }
  }
}

/// The error of opening a port; nil where it opens.
func errorOfOpening(_ path: FilePath) -> SerialError? {
  do throws(SerialError) {
    try SerialPort(opening: path, PortSettings(baudRate: 9600)).close()
    return nil
  } catch {
    return error
  }
}

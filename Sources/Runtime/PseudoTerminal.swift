import CSerial
import Glibc
package import SerialDriver
package import SystemPackage

/// A pseudo-terminal of which both ends are open: clients open the slave by its path, and what they
/// write is read from the master.
///
/// The slave is kept open so that the master never hangs up (EIO, POLLHUP) between clients, and so
/// that the raw mode set at the start is what the first client finds: with the kernel's default it
/// would see the line echo. See pty(7).
package struct PseudoTerminal: ~Copyable {
  /// The master, non-blocking.
  package let master: OwnedDescriptor
  /// Our own descriptor of the slave.
  package let slave: OwnedDescriptor
  /// The slave's path, `/dev/pts/N`.
  package let path: FilePath
  private let settings: cserial_termios

  /// Makes a pseudo-terminal in raw mode that is set to `baudRate`.
  package init(baudRate: UInt32 = 115_200) throws(Errno) {
    let master = OwnedDescriptor(try systemCall { cserial_open_master() })
    let path = try Self.slavePath(ofMaster: master.rawValue)
    let slave = try Self.open(path)
    let settings = try Self.makeRaw(slave.rawValue, baudRate)
    self.master = master
    self.slave = slave
    self.path = path
    self.settings = settings
  }

  /// Lets clients in that a client before them has kept out.
  package func release() throws(Errno) {
    let number = slave.rawValue
    try systemCall { cserial_set_exclusive(number, false) }
  }

  /// The rate that the terminal is set to, in bits a second; 0 is B0, the word to hang up.
  ///
  /// It means nothing to the kernel, which carries bytes at once.
  package var baudRate: UInt32 {
    get throws(Errno) {
      var termios = cserial_termios()
      let number = slave.rawValue
      try systemCall { unsafe cserial_get_termios(number, &termios) }
      return termios.output_rate
    }
  }

  /// Undoes what a client left behind: its mode and rate, its exclusive lock, and bytes that nobody
  /// has read.
  package func reset() throws(Errno) {
    let number = slave.rawValue
    var raw = settings
    // First, while nobody is there whose rate it could be.
    try systemCall { unsafe cserial_set_termios(number, &raw) }
    try release()
    try systemCall { cserial_flush_input(number) }
  }

  /// Undoes what a client left behind, but for its rate: the next one may have set that already.
  package func clear() throws(Errno) {
    try release()
    let number = slave.rawValue
    try systemCall { cserial_flush_input(number) }
    var termios = cserial_termios()
    try systemCall { unsafe cserial_get_termios(number, &termios) }
    let isRaw =
      termios.input_flags == settings.input_flags && termios.output_flags == settings.output_flags
      && termios.local_flags == settings.local_flags
    // Most programs set this mode themselves, and are not to be interfered with.
    guard !isRaw else { return }
    var raw = settings
    raw.control_flags = termios.control_flags
    raw.input_rate = termios.input_rate
    raw.output_rate = termios.output_rate
    try systemCall { unsafe cserial_set_termios(number, &raw) }
  }

  /// Bytes that were written to the master and that no client has read yet.
  package var unreadByteCount: Int {
    get throws(Errno) {
      var count: CInt = 0
      let number = slave.rawValue
      try systemCall { unsafe cserial_input_queue(number, &count) }
      return Int(count)
    }
  }

  private static func slavePath(ofMaster master: CInt) throws(Errno) -> FilePath {
    var number: UInt32 = 0
    try systemCall { unsafe cserial_slave_number(master, &number) }
    return FilePath("/dev/pts/\(number)")
  }

  private static func open(_ path: FilePath) throws(Errno) -> OwnedDescriptor {
    OwnedDescriptor(
      try systemCall {
        unsafe path.withPlatformString {
          unsafe Glibc.open($0, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC)
        }
      })
  }

  private static func makeRaw(
    _ slave: CInt, _ baudRate: UInt32
  ) throws(Errno) -> cserial_termios {
    var termios = cserial_termios()
    try systemCall { unsafe cserial_get_termios(slave, &termios) }
    unsafe cserial_make_raw(&termios, baudRate, CSERIAL_FLOW_NONE)
    try systemCall { unsafe cserial_set_termios(slave, &termios) }
    return termios
  }
}

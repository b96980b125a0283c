import CSerial
import Glibc
package import SystemPackage

/// An open serial port: raw, locked, non-blocking; put back as it was when it goes.
///
/// DTR and RTS: Linux raises both when the first descriptor of a port is opened, before any program
/// can say otherwise, and a board that wires DTR to reset (most Arduinos) resets on that edge. The
/// driver does nothing that pulses them beyond that: it clears HUPCL, so that closing leaves them
/// raised, and leaves it cleared, so that the next open finds them raised and makes no edge.
///
/// Unsent bytes are discarded on close: whoever needs them sent waits for `outputQueueByteCount`
/// to be 0 first.
package struct SerialPort: ~Copyable {
  /// How far the real rate may be from the one asked for, in percent: a UART samples each bit in its
  /// middle, and over ten bits both ends together may be off by half a bit, 5 %.
  package static let rateTolerancePercent: UInt64 = 2

  /// The path that was opened.
  package let path: FilePath
  /// The rate that the driver runs at, in bits a second.
  package internal(set) var baudRate: UInt32
  private let file: OwnedDescriptor
  private let saved: SavedSettings

  /// Opens, locks and sets up a port, and drops what it received before.
  package init(opening path: FilePath, _ settings: PortSettings) throws(SerialError) {
    let file = try Self.openPatiently(path, settings)
    let termios = try Self.termios(of: file, path)
    var saved = SavedSettings(termios: termios)
    do throws(SerialError) {
      baudRate = try Self.apply(settings, to: file, saving: &saved, path)
    } catch {
      saved.restore(on: file.rawValue)
      throw error
    }
    self.path = path
    self.file = file
    self.saved = saved
  }

  deinit {
    saved.restore(on: file.rawValue)
  }

  /// The descriptor, to wait for; it stays the port's.
  package var descriptor: CInt { file.rawValue }

  /// Appends what has been received to `bytes`, as far as it has room.
  ///
  /// - Returns: the number of bytes; 0 where nothing has come.
  package func read(into bytes: inout OutputSpan<UInt8>) throws(SerialError) -> Int {
    guard bytes.freeCapacity > 0 else { return 0 }
    do throws(Errno) {
      guard let count = try file.read(into: &bytes) else { return 0 }
      // VMIN is 1, so an end of file is a hang-up (termios(3)).
      if count > 0 { return count }
    } catch {
      throw .from(error, .read, path)
    }
    throw .vanished(path)
  }

  /// Queues a front part of `bytes`.
  ///
  /// - Returns: the number of bytes taken; 0 where the queue is full.
  package func write(_ bytes: Span<UInt8>) throws(SerialError) -> Int {
    do throws(Errno) {
      return try file.write(bytes)
    } catch {
      throw .from(error, .write, path)
    }
  }

  /// Bytes that the driver has not yet sent; a pseudo-terminal always says 0.
  package var outputQueueByteCount: Int {
    get throws(SerialError) {
      var count: CInt = 0
      do throws(Errno) {
        try systemCall { unsafe cserial_output_queue(file.rawValue, &count) }
      } catch {
        throw .from(error, .queueSize, path)
      }
      return Int(count)
    }
  }

  /// Whether the driver hands over bytes as they come; nil where it has no such setting.
  package var isLowLatency: Bool? {
    var isSet = false
    // Sets what is set already, if it can be.
    guard saved.asksForLowLatency,
      unsafe cserial_set_low_latency(file.rawValue, true, &isSet) == 0
    else { return nil }
    return isSet
  }

  /// Puts the port back as it was and closes it, as the end of its life would.
  package consuming func close() {}
}

// MARK: - Opening

extension SerialPort {
  // A process that was just killed holds its port until the kernel has cleared it away, and one that
  // ends puts its settings back first: 400 ms in all before a port counts as busy.
  private static let busyAttemptLimit = 20
  private static let busyPauseMicroseconds: UInt32 = 20_000

  private static func openPatiently(
    _ path: FilePath, _ settings: PortSettings
  ) throws(SerialError) -> OwnedDescriptor {
    var attempt = 1
    while true {
      do throws(SerialError) {
        let file = try open(path)
        _ = try termios(of: file, path)
        if settings.exclusive { try lock(file, path) }
        return file
      } catch .busy(let path, let owner) {
        guard attempt < busyAttemptLimit else { throw .busy(path, owner: owner) }
        attempt += 1
        usleep(busyPauseMicroseconds)
      } catch {
        throw error
      }
    }
  }

  private static func open(_ path: FilePath) throws(SerialError) -> OwnedDescriptor {
    // Opening other devices can have effects (a watchdog starts); files and folders can block.
    if let status = FileStatus(of: path), !status.isCharacterDevice { throw .notATerminal(path) }
    do throws(Errno) {
      let descriptor = try systemCall {
        unsafe path.withPlatformString {
          unsafe Glibc.open($0, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC)
        }
      }
      return OwnedDescriptor(descriptor)
    } catch .resourceBusy {
      throw .busy(path, owner: PortOwner.locking(path))
    } catch .permissionDenied, .notPermitted {
      throw permissionDenied(path)
    } catch .noSuchFileOrDirectory, .noSuchAddressOrDevice, .operationNotSupportedByDevice,
      .notDirectory
    {
      throw .noSuchPort(path)
    } catch {
      throw .system(.open, path, error)
    }
  }

  private static func permissionDenied(_ path: FilePath) -> SerialError {
    guard let status = FileStatus(of: path) else {
      return .system(.open, path, .permissionDenied)
    }
    return .permissionDenied(path, PortAccess(of: status))
  }

  /// The kernel's settings of a terminal.
  ///
  /// They are the test of one, too: pseudo-drivers answer them that isatty(3) does not know.
  private static func termios(
    of file: borrowing OwnedDescriptor, _ path: FilePath
  ) throws(SerialError) -> cserial_termios {
    var termios = cserial_termios()
    let descriptor = file.rawValue
    do throws(Errno) {
      try systemCall { unsafe cserial_get_termios(descriptor, &termios) }
    } catch .inappropriateIOCTLForDevice, .invalidArgument {
      throw .notATerminal(path)
    } catch .ioError {
      // A node of a UART that the machine does not have opens, and answers no more than this.
      throw .noSuchPort(path)
    } catch {
      throw .from(error, .getSettings, path)
    }
    return termios
  }

  /// Takes the advisory lock that other programs look at, and respects exclusive mode where we, as
  /// root, were let in all the same.
  private static func lock(
    _ file: borrowing OwnedDescriptor, _ path: FilePath
  ) throws(SerialError) {
    let descriptor = file.rawValue
    do throws(Errno) {
      try systemCall { flock(descriptor, LOCK_EX | LOCK_NB) }
    } catch .wouldBlock {
      throw .busy(path, owner: PortOwner.locking(path))
    } catch {
      throw .system(.lock, path, error)
    }
    // The lock is ours now, so it does not name whoever has the port exclusively.
    var isExclusive: CInt = 0
    if unsafe cserial_is_exclusive(descriptor, &isExclusive) == 0, isExclusive != 0 {
      throw .busy(path, owner: PortOwner.opening(path))
    }
  }

  /// Sets the port up and answers its real rate.
  private static func apply(
    _ settings: PortSettings, to file: borrowing OwnedDescriptor, saving saved: inout SavedSettings,
    _ path: FilePath
  ) throws(SerialError) -> UInt32 {
    let descriptor = file.rawValue
    let actual: UInt32
    do throws(Errno) {
      actual = try saved.apply(settings, to: descriptor)
    } catch {
      throw .from(error, .setSettings, path)
    }
    guard isClose(actual, to: settings.baudRate) else {
      throw .rateRefused(path, requested: settings.baudRate, actual: actual)
    }
    do throws(Errno) {
      try systemCall { cserial_flush_input(descriptor) }
    } catch {
      throw .from(error, .flush, path)
    }
    return actual
  }

  /// Whether a UART at one rate understands one at the other.
  package static func isClose(_ actual: UInt32, to requested: UInt32) -> Bool {
    let difference = max(actual, requested) - min(actual, requested)
    return UInt64(difference) * 100 <= UInt64(requested) * rateTolerancePercent
  }
}

extension SerialError {
  /// Tells a device that is gone from any other error of an open port.
  static func from(
    _ error: Errno, _ operation: Operation, _ path: FilePath
  ) -> SerialError {
    switch error {
    case .ioError, .noSuchAddressOrDevice, .operationNotSupportedByDevice: .vanished(path)
    default: .system(operation, path, error)
    }
  }
}

internal import Device
import Glibc
package import SystemPackage

/// Why a file cannot be a device's flash.
package enum FlashFileError: Error, Equatable, Sendable {
  case output(OutputError)
  /// It is that of another device, or no flash at all.
  case size(FilePath, found: Int, needed: Int)
  /// Another process works with it.
  case inUse(FilePath)
}

/// Flash as a file: erasing makes a page ones, programming makes ones zeros.
///
/// It outlives the process with whatever was done to it last.
struct FlashFile: ~Copyable, FlashDevice {
  // As serial flash chips have it, with a unit of microcontrollers.
  static let pageByteCount = 4096
  // Behind the slots: the journal of weights that go to the flash as they come.
  private static let journalPageCount = 2
  private static let erased: UInt8 = 0xFF

  private var bytes: MappedFile
  // Holds the lock.
  private let descriptor: FileDescriptor
  private let path: FilePath

  /// Opens the flash, or makes it: erased, with two slots of so many bytes, and a journal.
  init(_ path: FilePath, slotByteCount: Int) throws(FlashFileError) {
    let slotPageCount = (slotByteCount + Self.pageByteCount - 1) / Self.pageByteCount
    let byteCount = (2 * slotPageCount + Self.journalPageCount) * Self.pageByteCount
    let descriptor: FileDescriptor
    do {
      descriptor = try FileDescriptor.open(
        path, .readWrite, options: [.create, .closeOnExec],
        permissions: [.ownerReadWrite, .groupRead, .otherRead])
    } catch {
      throw .output(OutputError(operation: .create, path: path, errno: error as? Errno ?? .ioError))
    }
    do throws(FlashFileError) {
      bytes = try Self.map(descriptor, path, byteCount)
    } catch {
      try? descriptor.close()
      throw error
    }
    self.descriptor = descriptor
    self.path = path
  }

  /// The same flash once more: what is written to either is in both.
  ///
  /// - Throws: `FlashFileError.output` where there is no room to map it.
  borrowing func duplicate() throws(FlashFileError) -> FlashFile {
    do throws(Errno) {
      // Both hold the lock, until the last one has ended.
      let descriptor: FileDescriptor
      do { descriptor = try self.descriptor.duplicate() } catch {
        throw error as? Errno ?? .ioError
      }
      do throws(Errno) {
        return FlashFile(
          try MappedFile(descriptor, byteCount: bytes.byteCount), descriptor, path)
      } catch {
        try? descriptor.close()
        throw error
      }
    } catch {
      throw .output(OutputError(operation: .allocate, path: path, errno: error))
    }
  }

  private init(_ bytes: consuming MappedFile, _ descriptor: FileDescriptor, _ path: FilePath) {
    self.bytes = bytes
    self.descriptor = descriptor
    self.path = path
  }

  deinit { try? descriptor.close() }

  private static func map(
    _ descriptor: FileDescriptor, _ path: FilePath, _ byteCount: Int
  ) throws(FlashFileError) -> MappedFile {
    let file = descriptor.rawValue
    guard flock(file, LOCK_EX | LOCK_NB) == 0 else { throw .inUse(path) }
    var status = stat()
    let isFile = unsafe fstat(file, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
    guard isFile else {
      throw .output(OutputError(operation: .create, path: path, errno: .fileExists))
    }
    let found = Int(status.st_size)
    guard found == byteCount || found == 0 else {
      throw .size(path, found: found, needed: byteCount)
    }
    // Answers the error instead of setting errno: posix_fallocate(3).
    let error = posix_fallocate(file, 0, byteCount)
    guard error == 0 else {
      throw .output(OutputError(operation: .allocate, path: path, errno: Errno(rawValue: error)))
    }
    do throws(Errno) {
      var bytes = try MappedFile(descriptor, byteCount: byteCount)
      if found == 0 { for offset in 0..<byteCount { bytes[offset] = erased } }
      return bytes
    } catch {
      throw .output(OutputError(operation: .allocate, path: path, errno: error))
    }
  }

  var pageByteCount: Int { Self.pageByteCount }
  var pageCount: Int { bytes.byteCount / Self.pageByteCount - Self.journalPageCount }
  static var hasJournal: Bool { true }
  var unitByteCount: Int { 4 }
  var programsAgain: Bool { true }
  // Long enough that the sender is told, as by a device that stands still meanwhile.
  var eraseMilliseconds: UInt16 { 20 }

  func byte(at offset: Int) -> UInt8 { bytes[offset] }

  mutating func erase(page: Int) {
    for place in 0..<pageByteCount { bytes[page * pageByteCount + place] = Self.erased }
  }

  mutating func program(_ unit: InlineArray<16, UInt8>, at offset: Int) {
    precondition(offset % unitByteCount == 0, "a unit is programmed as a whole")
    for place in 0..<unitByteCount { bytes[offset + place] &= unit[place] }
  }
}

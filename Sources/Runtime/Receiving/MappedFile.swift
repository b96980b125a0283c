import Glibc
internal import SystemPackage

/// A file's bytes in memory, shared with the file: what is written here is in the file at once.
@safe
struct MappedFile: ~Copyable {
  private let bytes: UnsafeMutableRawBufferPointer

  /// Maps the first `byteCount` bytes, which the file has.
  init(_ descriptor: FileDescriptor, byteCount: Int) throws(Errno) {
    guard byteCount > 0 else {
      unsafe bytes = UnsafeMutableRawBufferPointer(start: nil, count: 0)
      return
    }
    let base = unsafe mmap(
      nil, byteCount, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor.rawValue, 0)
    guard let base = unsafe base, unsafe base != MAP_FAILED else { throw Errno(rawValue: errno) }
    unsafe bytes = UnsafeMutableRawBufferPointer(start: base, count: byteCount)
  }

  deinit {
    guard let base = unsafe bytes.baseAddress else { return }
    unsafe munmap(base, bytes.count)
  }

  /// How many bytes there are.
  var byteCount: Int { unsafe bytes.count }

  /// One of the bytes.
  subscript(offset: Int) -> UInt8 {
    get {
      precondition(offset >= 0 && offset < byteCount, "an offset within the file")
      return unsafe bytes[offset]
    }
    set {
      precondition(offset >= 0 && offset < byteCount, "an offset within the file")
      unsafe bytes[offset] = newValue
    }
  }

  /// Lends the bytes.
  mutating func withMemory<R, E: Error>(
    _ body: (inout MutableRawSpan) throws(E) -> R
  ) throws(E) -> R {
    var span = unsafe MutableRawSpan(_unsafeBytes: bytes)
    return try body(&span)
  }

  /// Lends the bytes for reading.
  func withBytes<R, E: Error>(_ body: (RawSpan) throws(E) -> R) throws(E) -> R {
    try body(unsafe RawSpan(_unsafeBytes: UnsafeRawBufferPointer(bytes)))
  }
}

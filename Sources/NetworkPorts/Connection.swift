import CSerial
import Glibc
import SerialDriver
import SystemPackage

/// An open TCP connection, non-blocking.
struct Connection: ~Copyable {
  private let file: OwnedDescriptor

  private init(_ file: consuming OwnedDescriptor) {
    self.file = file
  }

  /// The descriptor, to wait for; it stays the connection's.
  var descriptor: CInt { file.rawValue }

  /// Appends what there is to `bytes`, as far as it has room.
  ///
  /// - Returns: the number of bytes, 0 at the end, nil where a read would block.
  func read(into bytes: inout OutputSpan<UInt8>) throws(Errno) -> Int? {
    try file.read(into: &bytes)
  }

  /// Queues a front part of `bytes`; unlike write(2) it raises no SIGPIPE.
  ///
  /// - Returns: the number of bytes taken, 0 where the queue is full.
  func send(_ bytes: Span<UInt8>) throws(Errno) -> Int {
    let descriptor = descriptor
    do throws(Errno) {
      return unsafe try bytes.withUnsafeBufferPointer { buffer throws(Errno) in
        try systemCall {
          unsafe Glibc.send(
            descriptor, buffer.baseAddress, buffer.count, CInt(MSG_NOSIGNAL))
        }
      }
    } catch .wouldBlock {
      return 0
    }
  }

  /// Bytes that the other end's system has not acknowledged.
  var unacknowledgedByteCount: Int {
    var count: CInt = 0
    // SIOCOUTQ is TIOCOUTQ under another name (tcp(7)).
    return unsafe cserial_output_queue(descriptor, &count) == 0 ? Int(count) : 0
  }

  /// Tells the other end that nothing more comes; what it sends can still be read.
  func finish() {
    _ = shutdown(descriptor, CInt(SHUT_WR))
  }
}

// MARK: - Connecting

extension Connection {
  /// A socket address of some family, as the kernel takes it.
  struct Address: Sendable {
    fileprivate var family: CInt
    fileprivate var bytes: [UInt8]
  }

  /// The addresses of a host, best first; none where it is unknown.
  static func addresses(of host: String, port: UInt16) -> [Address] {
    var hints = unsafe addrinfo()
    unsafe hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
    var list: UnsafeMutablePointer<addrinfo>?
    guard unsafe getaddrinfo(host, "\(port)", &hints, &list) == 0 else { return [] }
    defer { unsafe freeaddrinfo(list) }
    var addresses: [Address] = []
    var next = unsafe list
    while let entry = unsafe next {
      let bytes = unsafe UnsafeRawBufferPointer(
        start: entry.pointee.ai_addr, count: Int(entry.pointee.ai_addrlen))
      unsafe addresses.append(Address(family: entry.pointee.ai_family, bytes: Array(bytes)))
      unsafe next = entry.pointee.ai_next
    }
    return addresses
  }

  /// Begins to connect; the descriptor is writable when that has ended, well or not.
  init(to address: Address) throws(Errno) {
    let type =
      CInt(SOCK_STREAM.rawValue) | CInt(SOCK_NONBLOCK.rawValue) | CInt(SOCK_CLOEXEC.rawValue)
    let file = OwnedDescriptor(try systemCall { socket(address.family, type, 0) })
    let descriptor = file.rawValue
    var yes: CInt = 1
    // Nagle's algorithm would hold back each frame until the one before is acknowledged.
    try systemCall {
      unsafe setsockopt(
        descriptor, CInt(IPPROTO_TCP), TCP_NODELAY, &yes, socklen_t(MemoryLayout<CInt>.size))
    }
    let result = unsafe address.bytes.withUnsafeBytes { bytes in
      let pointer = unsafe bytes.assumingMemoryBound(to: sockaddr.self).baseAddress
      return unsafe connect(descriptor, pointer, socklen_t(bytes.count))
    }
    if result < 0, errno != EINPROGRESS { throw Errno(rawValue: errno) }
    self.file = file
  }

  /// How connecting has ended.
  func checkConnected() throws(Errno) {
    let descriptor = descriptor
    var error: CInt = 0
    var size = socklen_t(MemoryLayout<CInt>.size)
    try systemCall { unsafe getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &size) }
    if error != 0 { throw Errno(rawValue: error) }
  }
}

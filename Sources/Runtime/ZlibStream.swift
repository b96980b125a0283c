import CZlib

/// Why bytes are not a zlib stream.
package enum ZlibError: Error, Equatable, Sendable {
  /// zlib's number of the error (zlib.h), such as -3 for broken data.
  case code(Int32)
  /// The stream goes on behind its end, or ends before it.
  case truncated, trailingBytes
}

/// Packs bytes into a zlib stream (RFC 1950), or unpacks one, in any portions.
///
/// zlib keeps a pointer back to its stream, which therefore stands still in memory of its own.
@safe
package struct ZlibStream: ~Copyable {
  /// Which way.
  package enum Direction: Sendable {
    case deflate, inflate
  }

  /// Bytes that zlib hands out at a time.
  private static let portionByteCount = 1 << 15

  private let direction: Direction
  private let stream: UnsafeMutablePointer<z_stream>
  /// Whether the stream has come to its end.
  package private(set) var isAtEnd = false

  /// Prepares zlib; compression at its default level, as `compress(3)` and `gzip` do.
  package init(_ direction: Direction) {
    self.direction = direction
    unsafe stream = .allocate(capacity: 1)
    unsafe stream.initialize(to: z_stream())
    let size = unsafe Int32(MemoryLayout<z_stream>.size)
    let code =
      unsafe direction == .deflate
      ? deflateInit_(stream, Z_DEFAULT_COMPRESSION, ZLIB_VERSION, size)
      : inflateInit_(stream, ZLIB_VERSION, size)
    precondition(code == Z_OK, "zlib has the memory that it needs and is of the version it claims")
  }

  deinit {
    if direction == .deflate { unsafe deflateEnd(stream) } else { unsafe inflateEnd(stream) }
    unsafe stream.deallocate()
  }

  /// Takes more input and hands what it yields to `body`, in portions.
  package mutating func process(
    _ input: Span<UInt8>, isLast: Bool = false, _ body: (Span<UInt8>) throws -> Void
  ) throws {
    guard !isAtEnd else {
      if input.isEmpty { return }
      throw ZlibError.trailingBytes
    }
    try unsafe input.withUnsafeBufferPointer { bytes in
      // zlib does not write to its input; its declaration predates const.
      unsafe stream.pointee.next_in = UnsafeMutablePointer(mutating: bytes.baseAddress)
      unsafe stream.pointee.avail_in = UInt32(bytes.count)
      try drain(isLast: isLast, body)
      let isInputLeft = unsafe stream.pointee.avail_in > 0
      if isInputLeft { throw ZlibError.trailingBytes }
    }
  }

  private mutating func drain(isLast: Bool, _ body: (Span<UInt8>) throws -> Void) throws {
    var isFull = true
    while isFull, !isAtEnd {
      var code: Int32 = Z_OK
      let portion = [UInt8](capacity: Self.portionByteCount) { output in
        unsafe output.withUnsafeMutableBufferPointer { buffer, count in
          unsafe stream.pointee.next_out = buffer.baseAddress
          unsafe stream.pointee.avail_out = UInt32(buffer.count)
          unsafe code =
            direction == .deflate
            ? CZlib.deflate(stream, isLast ? Z_FINISH : Z_NO_FLUSH)
            : CZlib.inflate(stream, Z_NO_FLUSH)
          count = unsafe buffer.count - Int(stream.pointee.avail_out)
        }
      }
      // Z_BUF_ERROR: nothing to do without more input; no error between portions.
      guard code == Z_OK || code == Z_STREAM_END || code == Z_BUF_ERROR else {
        throw ZlibError.code(code)
      }
      if !portion.isEmpty { try body(portion.span) }
      isAtEnd = code == Z_STREAM_END
      isFull = portion.count == Self.portionByteCount
    }
  }
}

import Glibc
package import SystemPackage

/// A file descriptor with one owner, closed when the owner goes.
package struct OwnedDescriptor: ~Copyable {
  /// The number; it stays owned.
  package let rawValue: CInt

  /// Takes over an open descriptor.
  package init(_ rawValue: CInt) {
    precondition(rawValue >= 0, "the descriptor is open")
    self.rawValue = rawValue
  }

  deinit {
    // Nobody is left to hear of an error, and Linux frees the number whatever it answers (close(2)).
    _ = close(rawValue)
  }

  /// Appends what there is to `bytes`, as far as it has room.
  ///
  /// - Returns: the number of bytes, 0 at the end of the file, nil where a read would block.
  package func read(into bytes: inout OutputSpan<UInt8>) throws(Errno) -> Int? {
    do throws(Errno) {
      return unsafe try bytes.withUnsafeMutableBufferPointer { buffer, count throws(Errno) in
        let room = unsafe UnsafeMutableRawBufferPointer(
          rebasing: UnsafeMutableRawBufferPointer(buffer)[count...])
        let size = try systemCall { unsafe Glibc.read(rawValue, room.baseAddress, room.count) }
        count += size
        return size
      }
    } catch .wouldBlock {
      return nil
    }
  }

  /// Writes a front part of `bytes`.
  ///
  /// - Returns: the number of bytes taken, 0 where a write would block.
  package func write(_ bytes: Span<UInt8>) throws(Errno) -> Int {
    do throws(Errno) {
      return unsafe try bytes.withUnsafeBufferPointer { buffer throws(Errno) in
        try systemCall { unsafe Glibc.write(rawValue, buffer.baseAddress, buffer.count) }
      }
    } catch .wouldBlock {
      return 0
    }
  }
}

/// Makes a system call that answers -1 where it fails, again while signals interrupt it.
@discardableResult
package func systemCall<Result: SignedInteger>(_ call: () -> Result) throws(Errno) -> Result {
  while true {
    let result = call()
    if result >= 0 { return result }
    let error = Errno(rawValue: errno)
    if error != .interrupted { throw error }
  }
}

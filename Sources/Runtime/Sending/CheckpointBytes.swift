package import Checkpoints

extension Checkpoint {
  /// A copy of bytes of a tensor, laid out as `read` gives them.
  package func bytes(of index: Int, in range: Range<Int>) throws(CheckpointError) -> [UInt8] {
    var result: Result<Void, CheckpointError> = .success(())
    let bytes = unsafe [UInt8](unsafeUninitializedCapacity: range.count) { buffer, count in
      do throws(CheckpointError) {
        try unsafe read(index, range, into: UnsafeMutableRawBufferPointer(buffer))
        count = range.count
      } catch {
        result = .failure(error)
      }
    }
    try result.get()
    return bytes
  }
}

/// How much a file may ask for; checked before anything is allocated.
///
/// The defaults hold the largest checkpoints that are in use and keep the memory that a hostile
/// file can take to some hundred megabytes.
package struct CheckpointLimits: Sendable {
  /// The JSON of a safetensors file; the reference implementation has the same limit.
  package var headerByteCount = 100_000_000
  /// The pickle of a checkpoint: about 400 bytes a tensor.
  package var pickleByteCount = 64 << 20
  /// Instructions of all pickles of a file.
  package var opcodeCount = 8_000_000
  /// Entries of a pickle's memo.
  package var memoCount = 4_000_000
  /// Values on the stack of the pickle machine, marks included.
  package var stackDepth = 1_000_000
  /// Containers that a pickle makes, and their elements: about 30 for each tensor.
  package var valueCount = 6_000_000
  /// Values visited while looking for tensors.
  ///
  /// A list of lists that share their elements is short as a pickle and endless to walk.
  package var visitedValueCount = 4_000_000
  /// Containers around a tensor.
  package var nestingDepth = 100
  package var tensorCount = 131_072
  package var nameByteCount = 1024
  /// Row-major bytes of all tensors together, for every byte of storage in the file.
  ///
  /// An expanded view (stride 0) is larger than its storage.
  package var expansionFactor = 16
  /// Added to the former, so that a small file may hold one expanded mask.
  package var expansionByteCount = 256 << 20
  package var zipEntryCount = 262_144
  /// All deflated entries of an archive after inflation.
  package var inflatedByteCount = 1 << 30

  package init() {}
}

/// The name of a limit, for errors.
package enum CheckpointLimit: Sendable {
  case headerByteCount, pickleByteCount, opcodeCount, memoCount, stackDepth, valueCount
  case visitedValueCount, nestingDepth, tensorCount, nameByteCount, tensorByteCount
  case zipEntryCount, inflatedByteCount, integerByteCount

  /// Throws where `found` is above `limit`.
  func check(_ found: Int, atMost limit: Int) throws(CheckpointError) {
    guard found <= limit else { throw .limitExceeded(self, found: found, limit: limit) }
  }
}

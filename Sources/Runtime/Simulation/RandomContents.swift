package import Checkpoints
internal import LineModel

extension Checkpoint {
  /// Random bytes as an opaque file: nothing packs them any shorter, and the same seed gives the same.
  package init(randomByteCount byteCount: Int, seed: UInt64) throws(CheckpointError) {
    // Not the sequence that the faults are drawn from.
    var generator = SeededGenerator(seed: ~seed)
    var bytes = [UInt8](repeating: 0, count: byteCount)
    for index in bytes.indices { bytes[index] = UInt8(truncatingIfNeeded: generator.next() >> 56) }
    try self.init(opaque: bytes, named: "random")
  }
}

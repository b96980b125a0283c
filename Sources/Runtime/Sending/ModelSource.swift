package import Checkpoints
internal import Streaming
package import Tensors
internal import WeightCodec

/// The tensors of a checkpoint as they are to be sent: the file's own bytes, or edited ones.
///
/// An edited tensor is made anew for each use: memory holds one at a time.
package struct ModelSource {
  package let checkpoint: Checkpoint
  private let cast: DType?
  private let prunedShare: Double

  package init(_ checkpoint: Checkpoint, _ policy: SendPolicy) {
    self.checkpoint = checkpoint
    cast = policy.cast
    prunedShare = policy.prunedShare
  }

  package func descriptor(_ index: Int) -> TensorDescriptor { checkpoint.tensors[index].descriptor }

  /// Calls `body` with all bytes of a tensor.
  package func withElements<R>(of index: Int, _ body: (RawSpan) throws -> R) throws -> R {
    let tensor = descriptor(index)
    if let bytes = try editedBytes(of: index) { return try unsafe body(bytes.span.bytes) }
    var result: Result<R, any Error>?
    try checkpoint.withBytes(of: index, 0..<tensor.byteCount) { bytes in
      result = Result { try body(bytes) }
    }
    guard let result else { preconditionFailure("the body has been called") }
    return try result.get()
  }

  /// The bytes of a tensor that is edited; nil for one that is sent as it is in the file.
  func editedBytes(of index: Int) throws -> [UInt8]? {
    let tensor = descriptor(index)
    guard isEdited(tensor), let edit = ValueEdit(tensor) else { return nil }
    var bytes = try checkpoint.bytes(of: index, in: 0..<tensor.byteCount)
    var span = bytes.mutableSpan
    var memory = unsafe span.mutableBytes
    if let cast { _ = edit.cast(&memory, to: cast) }
    if prunedShare > 0 { edit.prune(&memory, share: prunedShare) }
    return bytes
  }

  /// Calls `body` with a tensor's bytes as a receiver has them that knows so many planes.
  func withElements<R>(
    of index: Int, cutTo planeCount: Int?, _ body: (RawSpan) throws -> R
  ) throws -> R {
    try withElements(of: index) { bytes in
      guard let planeCount, let grid = TensorGrid(descriptor(index)) else { return try body(bytes) }
      let head = TensorHead(bytes, grid)
      var copy = unsafe bytes.withUnsafeBytes { unsafe [UInt8]($0) }
      var span = copy.mutableSpan
      var memory = unsafe span.mutableBytes
      grid.cut(&memory, topLevel: head.topLevel, planeCount: planeCount)
      return try body(memory.bytes)
    }
  }

  /// Biases and norms keep their values.
  func isEdited(_ tensor: TensorDescriptor) -> Bool {
    (cast != nil || prunedShare > 0) && !PlainPolicy.isSmall(tensor)
  }
}

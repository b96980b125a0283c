import Tensors

/// Where the storage of a tensor is.
enum TensorSource {
  case region(ByteRegion)
  case entry(ZipArchive.Entry, of: ZipArchive)

  /// The bytes of the storage, checked as far as the format has checks.
  func bytes() throws(CheckpointError) -> ByteRegion {
    switch self {
    case .region(let region): region
    case .entry(let entry, let archive): try archive.bytes(of: entry)
    }
  }
}

/// What a reader of one format found in a file.
struct CheckpointContents {
  struct StoredTensor {
    let descriptor: TensorDescriptor
    let sharedWith: Int?
    let view: StridedView
    let source: TensorSource
    /// Bytes of the numbers that are stored with the most significant byte first; 1 otherwise.
    var swappedByteCount = 1
  }

  let format: CheckpointFormat
  let tensors: [StoredTensor]
  var metadata: [(key: String, value: String)] = []
  var ignoredValueCount = 0
}

import Tensors

/// Makes one tensor of bytes of a file, named as the file.
enum OpaqueReader {
  static func contents(
    of file: ByteRegion, fileName: String
  ) throws(CheckpointError) -> CheckpointContents {
    guard let shape = TensorShape([file.byteCount]),
      let descriptor = TensorDescriptor(name: TensorName(fileName), dtype: .u8, shape: shape)
    else { throw .limitExceeded(.tensorByteCount, found: file.byteCount, limit: .max) }
    let tensor = CheckpointContents.StoredTensor(
      descriptor: descriptor, sharedWith: nil,
      view: StridedView(contiguous: .u8, shape, byteCount: file.byteCount), source: .region(file))
    return CheckpointContents(format: .opaque, tensors: [tensor])
  }
}

package import SystemPackage
package import Tensors

/// A file of weights, opened: what tensors it has, and their bytes on demand.
///
/// Opening maps the file and reads its directory and header only. The bytes of a tensor are read
/// when they are asked for, in whatever order and pieces; in the zip format a storage is checked
/// against its CRC at the first touch, so that any read can throw. Nothing in a file is ever
/// executed.
///
/// Not for use from two threads at once.
package struct Checkpoint {
  package let format: CheckpointFormat
  /// In the file's order: a state dict's order, or that of the data in a safetensors file.
  package let tensors: [CheckpointTensor]
  /// The `__metadata__` of a safetensors file; empty for other formats.
  package let metadata: [(key: String, value: String)]
  /// Values in a PyTorch checkpoint that are no tensors and are left out: epoch numbers, settings.
  package let ignoredValueCount: Int

  private let file: Memory
  private let storedTensors: [CheckpointContents.StoredTensor]

  /// Opens a regular file and recognises its format by its content.
  package init(
    opening path: FilePath, limits: CheckpointLimits = .init()
  ) throws(CheckpointError) {
    let fileName = path.lastComponent?.string ?? path.string
    try self.init(Memory(mapping: path), fileName: fileName, limits: limits)
  }

  /// Holds bytes that are no file, as those of an opaque one.
  package init(opaque bytes: [UInt8], named name: String) throws(CheckpointError) {
    let copy = try unsafe Memory(byteCount: bytes.count) { target in
      unsafe target.copyBytes(from: bytes)
    }
    self.init(copy, try OpaqueReader.contents(of: ByteRegion(copy), fileName: name))
  }

  init(_ file: Memory, fileName: String, limits: CheckpointLimits = .init()) throws(CheckpointError)
  {
    let contents = try FormatRecognition.contents(
      of: ByteRegion(file), fileName: fileName, limits: limits)
    self.init(file, contents)
  }

  private init(_ file: Memory, _ contents: CheckpointContents) {
    self.file = file
    format = contents.format
    storedTensors = contents.tensors
    tensors = contents.tensors.map {
      CheckpointTensor(descriptor: $0.descriptor, sharedWith: $0.sharedWith)
    }
    metadata = contents.metadata
    ignoredValueCount = contents.ignoredValueCount
  }

  /// Copies bytes of a tensor, laid out row-major and little-endian whatever they are in the file.
  ///
  /// `range` is inside `0..<descriptor.byteCount` and need not be at elements' borders; `target`
  /// has room for exactly that many bytes.
  package func read(
    _ tensorIndex: Int, _ range: Range<Int>, into target: UnsafeMutableRawBufferPointer
  ) throws(CheckpointError) {
    precondition(target.count == range.count, "the target has the size of the range")
    let tensor = storedTensors[tensorIndex]
    let storage = try storage(of: tensor, for: range)
    let width = tensor.swappedByteCount
    let start = range.lowerBound - range.lowerBound % width
    let end = range.upperBound + (width - range.upperBound % width) % width
    guard start..<end == range else {
      // The range cuts a number apart: swap whole ones, and take what is asked for.
      let whole = try unsafe Memory(byteCount: end - start) { (target) throws(CheckpointError) in
        try unsafe read(tensorIndex, start..<end, into: target)
      }
      let part = range.lowerBound - start..<range.upperBound - start
      ByteRegion(whole).withBytes(of: part) { unsafe copy($0, to: target) }
      return
    }
    tensor.view.forEachRun(of: range) { run, position in
      storage.withBytes(of: run) { bytes in
        unsafe copy(bytes, to: UnsafeMutableRawBufferPointer(rebasing: target[position...]))
      }
    }
    guard width > 1 else { return }
    for number in stride(from: 0, to: target.count, by: width) {
      unsafe target[number..<number + width].reverse()
    }
  }

  /// Calls `body` with bytes of a tensor as `read` gives them, without a copy where they lie in the
  /// file just so.
  package func withBytes<R>(
    of tensorIndex: Int, _ range: Range<Int>, _ body: (RawSpan) throws(CheckpointError) -> R
  ) throws(CheckpointError) -> R {
    let tensor = storedTensors[tensorIndex]
    guard tensor.view.isContiguous, tensor.swappedByteCount == 1 else {
      let copy = try unsafe Memory(byteCount: range.count) { (target) throws(CheckpointError) in
        try unsafe read(tensorIndex, range, into: target)
      }
      return try ByteRegion(copy).withBytes(of: 0..<range.count, body)
    }
    let storage = try storage(of: tensor, for: range)
    return try storage.withBytes(of: tensor.view.storageRange(of: range), body)
  }

  private func storage(
    of tensor: CheckpointContents.StoredTensor, for range: Range<Int>
  ) throws(CheckpointError) -> ByteRegion {
    precondition(
      range.lowerBound >= 0 && range.upperBound <= tensor.descriptor.byteCount,
      "the range is inside the tensor")
    try file.checkUnchanged()
    return try tensor.source.bytes()
  }

  private func copy(_ bytes: RawSpan, to target: UnsafeMutableRawBufferPointer) {
    unsafe bytes.withUnsafeBytes { unsafe target.copyMemory(from: $0) }
  }
}

/// A tensor of a checkpoint.
package struct CheckpointTensor: Equatable, Sendable {
  package let descriptor: TensorDescriptor
  /// The index of the earlier tensor with the very same bytes: tied weights, one storage with the
  /// same offset, shape, strides and type.
  package let sharedWith: Int?
}

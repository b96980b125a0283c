import Tensors

/// Joins the tensors that a pickle describes with the storages that the file holds.
///
/// What the two formats of PyTorch have in common; the pickle comes from `TorchZipReader` or
/// `TorchLegacyReader`.
struct TorchReader {
  let format: CheckpointFormat
  var isBigEndian = false
  let limits: CheckpointLimits

  /// `source` finds the data of a storage.
  func contents(
    of pickle: PickleInterpreter.Result,
    source: (StorageReference) throws(CheckpointError) -> TensorSource
  ) throws(CheckpointError) -> CheckpointContents {
    let collector = try TensorCollector(pickle, limits: limits)
    var tensors: [CheckpointContents.StoredTensor] = []
    var sources: [Int: TensorSource] = [:]
    var firstIndices: [RebuiltTensor: Int] = [:]
    var storageByteCount = 0
    var tensorByteCount = 0
    for (index, found) in collector.tensors.enumerated() {
      let reference = pickle.heap.storages[found.tensor.storageIndex]
      let view = found.tensor.view
      let known = sources[found.tensor.storageIndex]
      let source = if let known { known } else { try source(reference) }
      if known == nil {
        sources[found.tensor.storageIndex] = source
        storageByteCount = storageByteCount.addingClamped(reference.byteRange.count)
      }
      guard
        let descriptor = TensorDescriptor(
          name: TensorName(found.name), dtype: view.dtype, shape: view.shape)
      else { throw tooLarge(.max, storageByteCount) }
      let sharedWith = descriptor.byteCount > 0 ? firstIndices[found.tensor] : nil
      if sharedWith == nil {
        firstIndices[found.tensor] = index
        tensorByteCount = tensorByteCount.addingClamped(descriptor.byteCount)
      }
      tensors.append(
        CheckpointContents.StoredTensor(
          descriptor: descriptor, sharedWith: sharedWith, view: view, source: source,
          swappedByteCount: isBigEndian ? view.dtype.numberByteCount : 1))
    }
    guard tensorByteCount <= byteCountLimit(storageByteCount) else {
      throw tooLarge(tensorByteCount, storageByteCount)
    }
    return CheckpointContents(
      format: format, tensors: tensors, ignoredValueCount: collector.ignoredValueCount)
  }

  private func byteCountLimit(_ storageByteCount: Int) -> Int {
    storageByteCount.multipliedClamped(by: limits.expansionFactor)
      .addingClamped(limits.expansionByteCount)
  }

  private func tooLarge(_ found: Int, _ storageByteCount: Int) -> CheckpointError {
    .limitExceeded(.tensorByteCount, found: found, limit: byteCountLimit(storageByteCount))
  }
}

extension DType {
  /// Bytes of one number: half an element where that is a complex number.
  fileprivate var numberByteCount: Int {
    switch self {
    case .c32, .c64, .c128: byteCount / 2
    case .f32, .f64, .f16, .bf16, .f8e4m3fn, .f8e5m2, .f8e4m3fnuz, .f8e5m2fnuz, .f8e8m0fnu,
      .f4e2m1fnx2, .i8, .i16, .i32, .i64, .u8, .u16, .u32, .u64, .bool:
      byteCount
    }
  }
}

extension Int {
  /// The sum of two counts, or `Int.max`.
  fileprivate func addingClamped(_ other: Int) -> Int {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? .max : sum
  }

  fileprivate func multipliedClamped(by other: Int) -> Int {
    let (product, overflow) = multipliedReportingOverflow(by: other)
    return overflow ? .max : product
  }
}

import Tensors

/// Where the elements of a tensor are in its storage: PyTorch's offset, sizes and strides, in
/// bytes.
///
/// Every element is inside the storage that the view was made for. Two views that are equal and of
/// the same storage are the same tensor.
struct StridedView: Hashable {
  let dtype: DType
  let shape: TensorShape
  private let byteOffset: Int
  private let byteStrides: [Int]
  /// The innermost dimensions that lie without gaps, as a number of bytes.
  private let runByteCount: Int
  /// The dimensions outside the run.
  private let outerRank: Int

  /// A tensor that lies in its storage as it goes over the wire, from the beginning on.
  init(contiguous dtype: DType, _ shape: TensorShape, byteCount: Int) {
    self.dtype = dtype
    self.shape = shape
    byteOffset = 0
    byteStrides = []
    runByteCount = byteCount
    outerRank = 0
  }

  /// Offset and strides count elements, as in PyTorch.
  init(
    dtype: DType, shape: TensorShape, strides: [Int], offset: Int, storageByteCount: Int
  ) throws(TensorFault) {
    guard strides.count == shape.rank, offset >= 0, strides.allSatisfy({ $0 >= 0 }) else {
      throw .invalidStrides
    }
    self.dtype = dtype
    self.shape = shape
    guard shape.elementCount > 0 else {
      // An empty tensor reads nothing: whatever its strides say, they are never used.
      byteOffset = 0
      byteStrides = []
      runByteCount = 0
      outerRank = 0
      return
    }
    let limit = storageByteCount / dtype.byteCount
    guard let last = Self.lastElement(shape.extents, strides, offset), last < limit else {
      throw .outsideStorage
    }
    byteOffset = offset * dtype.byteCount
    // The stride of an extent of 1 is never used and may be any number.
    byteStrides = zip(shape.extents, strides).map { $0 == 1 ? 0 : $1 * dtype.byteCount }
    var rank = shape.rank
    var run = dtype.byteCount
    while rank > 0, shape.extents[rank - 1] == 1 || byteStrides[rank - 1] == run {
      run *= shape.extents[rank - 1]
      rank -= 1
    }
    runByteCount = run
    outerRank = rank
  }

  /// Whether the bytes of the tensor are one run of bytes of the storage.
  var isContiguous: Bool { outerRank == 0 }

  /// Where the given bytes of a contiguous tensor are in its storage.
  func storageRange(of range: Range<Int>) -> Range<Int> {
    byteOffset + range.lowerBound..<byteOffset + range.upperBound
  }

  /// Calls `body` for each run of storage that `range` of the row-major bytes is made of, in order:
  /// with its place in the storage, and its place in the range.
  func forEachRun(of range: Range<Int>, _ body: (Range<Int>, Int) -> Void) {
    guard !range.isEmpty else { return }
    let extents = shape.extents
    var position = range.lowerBound
    var index = [Int](repeating: 0, count: outerRank)
    var start = byteOffset
    var rest = position / runByteCount
    for dimension in stride(from: outerRank - 1, through: 0, by: -1) {
      index[dimension] = rest % extents[dimension]
      rest /= extents[dimension]
      start += index[dimension] * byteStrides[dimension]
    }
    while true {
      let skipped = position % runByteCount
      let count = min(runByteCount - skipped, range.upperBound - position)
      body(start + skipped..<start + skipped + count, position - range.lowerBound)
      position += count
      guard position < range.upperBound else { return }
      var dimension = outerRank - 1
      while index[dimension] == extents[dimension] - 1 {
        start -= index[dimension] * byteStrides[dimension]
        index[dimension] = 0
        dimension -= 1
      }
      index[dimension] += 1
      start += byteStrides[dimension]
    }
  }

  /// The index of the element farthest from the beginning, or nil where it does not fit an `Int`.
  private static func lastElement(_ extents: [Int], _ strides: [Int], _ offset: Int) -> Int? {
    var last = offset
    for (extent, stride) in zip(extents, strides) {
      let (step, overflow) = (extent - 1).multipliedReportingOverflow(by: stride)
      let (sum, carry) = last.addingReportingOverflow(step)
      guard !overflow, !carry else { return nil }
      last = sum
    }
    return last
  }
}

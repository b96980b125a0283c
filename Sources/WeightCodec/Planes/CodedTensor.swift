/// A tensor of the stream, by its place among those that have content.
public struct CodedTensor: Equatable, Sendable {
  /// Rows and columns of floats; nil for other types.
  public let grid: TensorGrid?
  /// Bytes of an element, or of a part of a complex one.
  public let elementByteCount: Int
  /// The size of the tensor.
  public let byteCount: Int
  /// Whether both ends hold the elements of an earlier version, which the stream tells the differences
  /// from.
  public let hasBase: Bool

  /// Joins the four.
  public init(grid: TensorGrid?, elementByteCount: Int, byteCount: Int, hasBase: Bool = false) {
    self.grid = grid
    self.elementByteCount = elementByteCount
    self.byteCount = byteCount
    self.hasBase = hasBase
  }

  /// Whether its header tells of an update of low rank.
  package func hasUpdate(_ variant: CodecVariant) -> Bool {
    hasBase && variant == .lines && grid?.hasLines == true
  }

  /// Whether a pass may be of such a tensor at all: where there is a base, mantissas come at once.
  func takes(_ pass: Pass) -> Bool {
    guard hasBase, case .mantissa(let bits) = pass else { return true }
    return bits == grid?.format.mantissaBits
  }
}

extension [CodedTensor] {
  /// Bits that hold the number of a tensor, and one more number for the end of a codeword.
  var selectorBits: Int { Int.bitWidth - count.leadingZeroBitCount }

  /// Rows and columns of the largest matrix.
  var lineLimit: Int {
    var limit = 0
    for tensor in self {
      if let grid = tensor.grid, grid.hasLines { limit = Swift.max(limit, grid.lineCount) }
    }
    return limit
  }
}

public import Tensors

/// A tensor of floats as the coder sees it: rows of equal length.
public struct TensorGrid: Equatable, Sendable {
  // What rows and columns take to be told apart is bounded by this for both together.
  static let lineLimit = 1 << 20

  /// How an element is stored.
  public let format: FloatFormat
  /// The first extent; 1 for a vector.
  public let rowCount: Int
  /// The product of the other extents, doubled where the elements are complex.
  public let columnCount: Int
  /// Elements in a row of a convolution's kernel; 1 for others.
  let kernelWidth: Int

  /// Returns nil for a tensor that is not of floats, or has none.
  public init?(_ tensor: TensorDescriptor) {
    guard let format = FloatFormat(tensor.dtype), tensor.shape.elementCount > 0 else { return nil }
    self.format = format
    // The parts of complex numbers are elements of their own.
    let elementCount = tensor.byteCount / format.byteCount
    rowCount = tensor.shape.rank >= 2 ? tensor.shape.extents[0] : 1
    columnCount = elementCount / rowCount
    let hasKernels = tensor.shape.rank >= 4
    kernelWidth = hasKernels ? tensor.shape.extents[tensor.shape.rank - 1] : 1
  }

  /// A part of a matrix.
  init(_ format: FloatFormat, rowCount: Int, columnCount: Int) {
    self.format = format
    self.rowCount = rowCount
    self.columnCount = columnCount
    kernelWidth = 1
  }

  /// Floats in all.
  public var elementCount: Int { rowCount * columnCount }
  /// Their size in bytes.
  public var byteCount: Int { elementCount * format.byteCount }
  /// Whether rows and columns are told apart: a matrix that is not too long.
  var hasLines: Bool { rowCount > 1 && columnCount > 1 && lineCount <= Self.lineLimit }
  var lineCount: Int { rowCount + columnCount }
}

/// One stretch of work on a tensor, the smallest piece that the schedule moves.
public enum Pass: Hashable, Sendable {
  /// The next plane's first half: which of the weights that are still zero reach its threshold, and
  /// their signs.
  case significance
  /// Its second half: the next bit of each weight that is older.
  case refinement
  /// Everything that is not significant yet, and mantissa bits up to so many; all of them make the tensor
  /// exact.
  case mantissa(bits: Int)
  /// The bytes of a tensor that is not of floats, as they are or as differences from element to element.
  case bytes(asDifferences: Bool)
}

/// How far a tensor has come.
public struct TensorProgress: Equatable, Sendable {
  /// Planes that have begun; the last of them still lacks its refinement while `isRefined` is false.
  public private(set) var planeCount = 0
  /// Whether the last plane has been refined, or needs not be.
  public private(set) var isRefined = true
  /// Mantissa bits that each weight has at least; nil before the first mantissa pass.
  public private(set) var mantissaBits: Int?
  /// Whether all bytes have been told.
  public private(set) var isExact = false
  /// The level of the largest magnitude; nil before the first pass, and where all are zero.
  public private(set) var topLevel: Int?
  /// Whether `topLevel` is known.
  public private(set) var hasHeader = false

  /// Nothing is known.
  public init() {}

  /// Whether a pass may be the next one.
  func allows(_ pass: Pass, _ grid: TensorGrid?) -> Bool {
    guard !isExact else { return false }
    guard let grid else {
      if case .bytes = pass { return true }
      return false
    }
    switch pass {
    case .significance:
      guard mantissaBits == nil, isRefined else { return false }
      return !hasHeader || topLevel.map { planeCount <= $0 } ?? false
    case .refinement: return mantissaBits == nil && !isRefined
    case .mantissa(let bits):
      return isRefined && bits <= grid.format.mantissaBits && bits > mantissaBits ?? -1
    case .bytes: return false
    }
  }

  func allows(_ pass: Pass, _ tensor: CodedTensor) -> Bool {
    tensor.takes(pass) && allows(pass, tensor.grid)
  }

  /// Whether there is something for a tensor's first pass to tell, the header known.
  func hasPlane(for pass: Pass) -> Bool {
    guard pass == .significance, let topLevel else { return true }
    return planeCount <= topLevel
  }

  /// The header has come; the first planes are those of the base.
  public mutating func begin(topLevel: Int?, commonPlaneCount: Int = 0) {
    self.topLevel = topLevel
    planeCount = commonPlaneCount
    hasHeader = true
  }

  /// A pass is complete.
  public mutating func note(_ pass: Pass, _ grid: TensorGrid?) {
    switch pass {
    case .significance:
      planeCount += 1
      // Of the first plane's weights nothing is older.
      isRefined = planeCount == 1
    case .refinement: isRefined = true
    case .mantissa(let bits):
      mantissaBits = bits
      isExact = bits == grid?.format.mantissaBits
    case .bytes: isExact = true
    }
  }
}

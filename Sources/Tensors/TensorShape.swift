/// The extents of a tensor, outermost dimension first; row-major, as PyTorch's contiguous layout.
///
/// A 0-dimensional tensor has no extents and one element; any extent of 0 makes the tensor empty.
public struct TensorShape: Hashable, Sendable {
  /// PyTorch's own limit on the number of dimensions.
  public static let rankLimit = 64

  /// The extents, none negative.
  public let extents: [Int]
  /// The product of the extents.
  public let elementCount: Int

  /// Returns nil where an extent is negative, the rank is above `rankLimit`, or the number of
  /// elements does not fit an `Int`.
  public init?(_ extents: [Int]) {
    guard extents.count <= Self.rankLimit else { return nil }
    var count = 1
    for extent in extents {
      guard extent >= 0 else { return nil }
      let (product, overflow) = count.multipliedReportingOverflow(by: extent)
      // An empty tensor may have any other extents: their product is never formed again.
      guard !overflow else { return nil }
      count = product
    }
    self.extents = extents
    elementCount = count
  }

  /// The number of dimensions.
  public var rank: Int { extents.count }
}

/// What an encoder must know of a tensor before its first pass.
public struct TensorHead: Equatable, Sendable {
  /// The level of the largest finite magnitude; nil where all are zero.
  public var topLevel: Int?
  /// Whether there are NaNs or infinities.
  public var hasExceptions: Bool

  /// Joins the two.
  public init(topLevel: Int?, hasExceptions: Bool) {
    self.topLevel = topLevel
    self.hasExceptions = hasExceptions
  }

  /// Goes through a tensor once.
  public init(_ memory: RawSpan, _ grid: TensorGrid) {
    let elements = FloatElements(format: grid.format)
    var largest: UInt64 = 0
    var hasExceptions = false
    for index in 0..<grid.elementCount {
      let magnitude = elements.bits(memory, at: index) & grid.format.magnitudeMask
      if magnitude >= grid.format.infinity {
        hasExceptions = true
      } else {
        largest = max(largest, magnitude)
      }
    }
    topLevel = largest == 0 ? nil : grid.format.level(of: largest)
    self.hasExceptions = hasExceptions
  }
}

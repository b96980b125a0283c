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
    switch grid.format.byteCount {
    case 2: self.init(memory, grid, FloatCode<UInt16>(grid.format))
    case 4: self.init(memory, grid, FloatCode<UInt32>(grid.format))
    default: self.init(memory, grid, FloatCode<UInt64>(grid.format))
    }
  }

  private init<Bits>(_ memory: RawSpan, _ grid: TensorGrid, _ code: FloatCode<Bits>) {
    var largest: Bits = 0
    var hasExceptions = false
    for index in 0..<grid.elementCount {
      let magnitude = code.load(memory, at: index) & code.magnitudeMask
      if magnitude >= code.infinity {
        hasExceptions = true
      } else {
        largest = max(largest, magnitude)
      }
    }
    self.init(
      topLevel: largest == 0 ? nil : code.level(of: largest), hasExceptions: hasExceptions)
  }
}

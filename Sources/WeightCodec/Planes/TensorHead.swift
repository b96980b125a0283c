/// What an encoder must know of a tensor before its first pass.
public struct TensorHead: Equatable, Sendable {
  /// The level of the largest finite magnitude; nil where all are zero.
  public var topLevel: Int?
  /// Whether there are NaNs or infinities.
  public var hasExceptions: Bool
  /// Planes that are those of the base; 0 for a tensor without one.
  public private(set) var commonPlaneCount = 0

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

  /// Goes once through a tensor and its base, of the same grid.
  public init(_ memory: RawSpan, from base: RawSpan, _ grid: TensorGrid) {
    self.init(memory, grid)
    switch grid.format.byteCount {
    case 2: compare(memory, base, grid, FloatCode<UInt16>(grid.format))
    case 4: compare(memory, base, grid, FloatCode<UInt32>(grid.format))
    default: compare(memory, base, grid, FloatCode<UInt64>(grid.format))
    }
  }

  private mutating func compare<Bits>(
    _ memory: RawSpan, _ base: RawSpan, _ grid: TensorGrid, _ code: FloatCode<Bits>
  ) {
    precondition(grid.byteCount <= memory.byteCount && grid.byteCount <= base.byteCount)
    var largest: Bits = 0
    for index in 0..<grid.elementCount {
      largest = max(largest, unsafe code.loadBase(base, uncheckedAt: index) & code.magnitudeMask)
    }
    let baseLevel = largest == 0 ? nil : code.level(of: largest)
    guard let top = [topLevel, baseLevel].compactMap({ $0 }).max() else { return }
    topLevel = top
    commonPlaneCount = top + 1
    for index in 0..<grid.elementCount {
      let bits = unsafe code.load(memory, uncheckedAt: index)
      guard bits & code.magnitudeMask < code.infinity else { continue }
      let baseBits = unsafe code.loadBase(base, uncheckedAt: index)
      if let count = code.commonPlanes(bits, baseBits, topLevel: top) {
        commonPlaneCount = min(commonPlaneCount, count)
      }
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

public import Tensors

/// Changes of a tensor's values before they are coded: rounding to a narrower type, zeros for the
/// smallest, the middle of what a number of planes tells.
public struct ValueEdit: Sendable {
  private let grid: TensorGrid
  private let dtype: DType

  /// Edits tensors of this kind.
  ///
  /// Returns nil for one that is not of floats, and for complex ones.
  public init?(_ tensor: TensorDescriptor) {
    guard tensor.dtype.isQuantizable, let grid = TensorGrid(tensor) else { return nil }
    self.grid = grid
    dtype = tensor.dtype
  }

  /// Rounds all values to a float type of 16 bits, to nearest, ties to even; what is not finite stays.
  ///
  /// Returns false and changes nothing where a value would become infinite.
  public func cast(_ memory: inout MutableRawSpan, to target: DType) -> Bool {
    switch grid.format.byteCount {
    case 2: cast(&memory, to: target, FloatCode<UInt16>(grid.format))
    case 4: cast(&memory, to: target, FloatCode<UInt32>(grid.format))
    default: cast(&memory, to: target, FloatCode<UInt64>(grid.format))
    }
  }

  private func cast<Bits>(
    _ memory: inout MutableRawSpan, to target: DType, _ code: FloatCode<Bits>
  ) -> Bool {
    for isTrial in [true, false] {
      for index in 0..<grid.elementCount {
        let bits = code.load(memory.bytes, at: index)
        guard bits & code.magnitudeMask < code.infinity else { continue }
        let value = FloatBits.value(UInt64(bits), dtype)
        let rounded = FloatBits.value(FloatBits.bits(value, target), target)
        if isTrial {
          guard rounded.isFinite else { return false }
        } else {
          code.store(
            Bits(truncatingIfNeeded: FloatBits.bits(rounded, dtype)), to: &memory, at: index)
        }
      }
    }
    return true
  }

  /// Makes a share of the values zero, the smallest; to within the values that agree with the last of
  /// them in the upper bits of their magnitude.
  public func prune(_ memory: inout MutableRawSpan, share: Double) {
    switch grid.format.byteCount {
    case 2: prune(&memory, share, FloatCode<UInt16>(grid.format))
    case 4: prune(&memory, share, FloatCode<UInt32>(grid.format))
    default: prune(&memory, share, FloatCode<UInt64>(grid.format))
    }
  }

  private func prune<Bits>(
    _ memory: inout MutableRawSpan, _ share: Double, _ code: FloatCode<Bits>
  ) {
    // Magnitudes by their upper 16 bits.
    let shift = Bits(max(Bits.bitWidth - 17, 0))
    var counts = [Int](repeating: 0, count: 1 << 16)
    for index in 0..<grid.elementCount {
      counts[Int((code.load(memory.bytes, at: index) & code.magnitudeMask) >> shift)] += 1
    }
    var left = Int(Double(grid.elementCount) * share)
    var limit = 0
    while limit < counts.count, counts[limit] <= left {
      left -= counts[limit]
      limit += 1
    }
    for index in 0..<grid.elementCount {
      let magnitude = code.load(memory.bytes, at: index) & code.magnitudeMask
      if magnitude >> shift < limit { code.store(0, to: &memory, at: index) }
    }
  }
}

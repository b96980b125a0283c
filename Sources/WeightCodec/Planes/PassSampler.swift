/// Codes samples of tensors to see by how much rows and columns make their passes shorter.
///
/// The models that tensors share learn from sample to sample, as they do in the stream.
public struct PassSampler {
  // Planes of a sample that are coded; those beyond cost what their entropy says.
  private static let planeCount = 12

  private let variant: CodecVariant
  private let elementCount: Int
  private var passes: PassEncoder

  /// Samples so many elements of each tensor.
  public init(_ variant: CodecVariant, elementCount: Int) {
    self.variant = variant
    self.elementCount = elementCount
    passes = PassEncoder(variant, lineLimit: elementCount + 1, [])
  }

  /// What the passes of a tensor take, in parts of what their entropy says.
  public mutating func scales(_ memory: RawSpan, _ survey: TensorSurvey) -> PassScales {
    guard variant == .lines, survey.grid.hasLines, let top = survey.head.topLevel else {
      return PassScales()
    }
    switch survey.grid.format.byteCount {
    case 2: return scales(memory, survey, top, FloatCode<UInt16>(survey.grid.format))
    case 4: return scales(memory, survey, top, FloatCode<UInt32>(survey.grid.format))
    default: return scales(memory, survey, top, FloatCode<UInt64>(survey.grid.format))
    }
  }

  private mutating func scales<Bits>(
    _ memory: RawSpan, _ survey: TensorSurvey, _ top: Int, _ code: FloatCode<Bits>
  ) -> PassScales {
    var (bytes, grid) = sample(memory, survey.grid, code)
    var span = bytes.mutableSpan
    let part = unsafe span.mutableBytes
    let sizes = PassSizes(TensorSurvey(part.bytes, grid, survey.head))
    var scales = PassScales()
    var progress = TensorProgress()
    progress.begin(topLevel: top)
    for plane in 0..<min(Self.planeCount, top + 1) {
      for pass in plane == 0 ? [Pass.significance] : [.significance, .refinement] {
        let expected = sizes.bitCount(of: pass, after: progress)
        let before = passes.coder.bitPosition
        if pass == .significance {
          passes.encodeSignificance(part.bytes, grid, code, topLevel: top, plane: plane)
        } else {
          passes.encodeRefinement(
            part.bytes, grid, code, topLevel: top, plane: plane, isSurveyed: true)
        }
        let taken = passes.coder.bitPosition - before
        progress.note(pass, grid)
        // Of next to nothing a sample tells nothing.
        scales.note(pass, plane: plane, scale: expected > 64 ? taken / expected : 1)
      }
    }
    passes.coder.output = []
    return scales
  }

  /// Rows and columns at even distances.
  private func sample<Bits>(
    _ memory: RawSpan, _ grid: TensorGrid, _ code: FloatCode<Bits>
  ) -> ([UInt8], TensorGrid) {
    let size = MemoryLayout<Bits>.size
    var columnCount = grid.columnCount
    var rowCount = grid.rowCount
    if grid.elementCount > elementCount {
      columnCount = min(columnCount, max(128, elementCount / rowCount))
      rowCount = min(rowCount, max(elementCount / columnCount, 1))
    }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(rowCount * columnCount * size)
    for row in 0..<rowCount {
      let start = row * grid.rowCount / rowCount * grid.columnCount
      for column in 0..<columnCount {
        let bits = code.load(memory, at: start + column * grid.columnCount / columnCount)
        for place in 0..<size { bytes.append(UInt8(truncatingIfNeeded: bits >> Bits(8 * place))) }
      }
    }
    return (bytes, TensorGrid(grid.format, rowCount: rowCount, columnCount: columnCount))
  }
}

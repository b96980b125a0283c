/// Encodes tensors piece by piece into a stream, in any order that the passes of each allow: twin of
/// `CodedStreamDecoder` (Protocol.md §6.3).
///
/// The stream is one codeword, or several where it is to be readable to its last byte in between. A
/// unit is the number of its tensor, the kind of its pass, with the tensor's first unit a header,
/// and the pass itself: a unit costs some bits besides, and no byte.
public struct CodedStreamEncoder {
  private let tensors: [CodedTensor]
  private let variant: CodecVariant
  private var passes: PassEncoder
  private var progress: [TensorProgress]
  private var bytes = ByteModels()
  // The tensor of the last unit, if that was a significance pass.
  private var surveyed: Int?

  /// Begins a stream about these tensors.
  public init(_ tensors: [CodedTensor], _ variant: CodecVariant) {
    self.tensors = tensors
    self.variant = variant
    passes = PassEncoder(variant, lineLimit: tensors.lineLimit, tensors)
    progress = Array(repeating: TensorProgress(), count: tensors.count)
  }

  /// How far a tensor has come.
  public func progress(of index: Int) -> TensorProgress { progress[index] }

  /// Encodes the next unit of a tensor, whose elements are `memory`.
  ///
  /// Of one that has a base, with the base's elements, which stay the same from unit to unit. With an
  /// update, which goes along with the first unit, these are what it has made of those that the receiver
  /// has at first.
  ///
  /// - Precondition: the tensor's progress allows the pass.
  public mutating func encode(
    _ pass: Pass, of index: Int, _ memory: RawSpan, from base: RawSpan? = nil, _ head: TensorHead,
    _ update: LowRankUpdate? = nil
  ) {
    let tensor = tensors[index]
    precondition(progress[index].allows(pass, tensor), "passes come in their order")
    precondition(tensor.hasBase == (base != nil), "who has a base is told its elements")
    passes.coder.encode(bits: UInt64(index), count: tensors.selectorBits)
    if let grid = tensor.grid {
      encodeKind(pass)
      if !progress[index].hasHeader {
        precondition(update == nil || tensor.hasUpdate(variant), "what may be updated is a matrix")
        if tensor.hasUpdate(variant) { encodeUpdate(update, grid) }
      }
      switch grid.format.byteCount {
      case 2: encode(pass, of: index, memory, base, grid, FloatCode<UInt16>(grid.format), head)
      case 4: encode(pass, of: index, memory, base, grid, FloatCode<UInt32>(grid.format), head)
      default: encode(pass, of: index, memory, base, grid, FloatCode<UInt64>(grid.format), head)
      }
    } else if case .bytes(let asDifferences) = pass {
      passes.coder.encode(bits: asDifferences ? 1 : 0, count: 1)
      bytes.encode(
        memory, from: base, elementByteCount: tensor.elementByteCount,
        asDifferences: asDifferences, &passes.coder)
    }
    surveyed = pass == .significance ? index : nil
    progress[index].note(pass, tensor.grid)
  }

  /// Ends the codeword: the decoder can read all units so far from the bytes so far.
  public mutating func endCodeword() {
    passes.coder.encode(bits: UInt64(tensors.count), count: tensors.selectorBits)
    passes.coder.finish()
  }

  /// Bits of the open codeword so far, less those whose bytes were taken; for measuring a unit.
  public var bitPosition: Double { passes.coder.bitPosition }

  /// The bytes that are complete; at the end of a codeword all of them.
  public mutating func takeBytes() -> [UInt8] {
    defer { passes.coder.output = [] }
    return passes.coder.output
  }

  private mutating func encodeKind(_ pass: Pass) {
    if case .mantissa(let bits) = pass {
      passes.coder.encode(true, &passes.models.headers.isMantissa)
      passes.coder.encode(bits: UInt64(bits), count: MantissaStep.zeroCountBits)
    } else {
      passes.coder.encode(false, &passes.models.headers.isMantissa)
    }
  }

  private mutating func encode<Bits>(
    _ pass: Pass, of index: Int, _ memory: RawSpan, _ base: RawSpan?, _ grid: TensorGrid,
    _ code: FloatCode<Bits>, _ head: TensorHead
  ) {
    if !progress[index].hasHeader {
      encodeHeader(head, grid.format, hasBase: base != nil)
      if head.hasExceptions { encodeExceptions(memory, grid, code) }
      progress[index].begin(topLevel: head.topLevel, commonPlaneCount: head.commonPlaneCount)
      precondition(progress[index].hasPlane(for: pass), "some planes differ from the base's")
    }
    if let base { return encode(pass, of: index, memory, from: base, grid, code) }
    let progress = progress[index]
    switch pass {
    case .significance:
      guard let top = progress.topLevel else { return }
      passes.encodeSignificance(memory, grid, code, topLevel: top, plane: progress.planeCount)
    case .refinement:
      guard let top = progress.topLevel else { return }
      passes.encodeRefinement(
        memory, grid, code, topLevel: top, plane: progress.planeCount - 1,
        isSurveyed: surveyed == index)
    case .mantissa(let bits): passes.encodeMantissas(memory, grid, code, progress, bits: bits)
    case .bytes: preconditionFailure("floats are no bytes")
    }
  }

  private mutating func encode<Bits>(
    _ pass: Pass, of index: Int, _ memory: RawSpan, from base: RawSpan, _ grid: TensorGrid,
    _ code: FloatCode<Bits>
  ) {
    let progress = progress[index]
    switch (pass, progress.topLevel) {
    case (.significance, let top?):
      passes.encodeSignificance(
        memory, from: base, index, grid, code, topLevel: top, plane: progress.planeCount)
    case (.refinement, let top?):
      passes.encodeRefinement(
        memory, from: base, index, grid, code, topLevel: top, plane: progress.planeCount - 1)
    case (.mantissa, _): passes.encodeMantissas(memory, from: base, grid, code, progress)
    case (.significance, nil), (.refinement, nil): break
    case (.bytes, _): preconditionFailure("floats are no bytes")
    }
  }

  /// The level of the largest magnitude, the planes that are the base's, and whether there are
  /// exceptions.
  private mutating func encodeHeader(_ head: TensorHead, _ format: FloatFormat, hasBase: Bool) {
    let none = (UInt64(1) << UInt64(format.levelBits)) - 1
    passes.coder.encode(bits: head.topLevel.map { UInt64($0) } ?? none, count: format.levelBits)
    if hasBase, head.topLevel != nil {
      passes.coder.encode(bits: UInt64(head.commonPlaneCount), count: format.levelBits)
    }
    passes.coder.encode(head.hasExceptions, &passes.models.headers.hasExceptions)
  }

  /// The rank, and the numbers of columns and rows.
  private mutating func encodeUpdate(_ update: LowRankUpdate?, _ grid: TensorGrid) {
    passes.coder.encode(bits: UInt64(update?.rank ?? 0), count: TensorUpdating.rankBits)
    guard let update else { return }
    passes.coder.encode(bits: UInt64(update.numberBits), count: TensorUpdating.widthBits)
    passes.coder.encode(
      bits: UInt64(update.unitLevel + LowRankUpdate.unitBias),
      count: LowRankUpdate.unitBits(grid.format))
    for number in update.columns + update.rows {
      passes.coder.encode(
        bits: UInt64(truncatingIfNeeded: number), count: update.numberBits)
    }
  }

  /// What is not finite, bits and all.
  private mutating func encodeExceptions<Bits>(
    _ memory: RawSpan, _ grid: TensorGrid, _ code: FloatCode<Bits>
  ) {
    var previous = code.infinity
    var gap = 0
    var isFirst = true
    for index in 0..<grid.elementCount {
      let bits = code.load(memory, at: index)
      guard bits & code.magnitudeMask >= code.infinity else {
        gap += 1
        continue
      }
      if !isFirst { passes.coder.encode(true, &passes.models.headers.hasMore) }
      isFirst = false
      encodeGap(gap)
      passes.coder.encode(bits == previous, &passes.models.headers.isRepeated)
      if bits != previous { passes.coder.encode(bits: UInt64(bits), count: Bits.bitWidth) }
      (previous, gap) = (bits, 0)
    }
    passes.coder.encode(false, &passes.models.headers.hasMore)
  }

  /// Finite elements before an exception: none, or their number in the manner of Elias' gamma code.
  private mutating func encodeGap(_ gap: Int) {
    passes.coder.encode(gap == 0, &passes.models.headers.isNext)
    guard gap > 0 else { return }
    let length = Int.bitWidth - 1 - gap.leadingZeroBitCount
    passes.coder.encode(bits: UInt64(length), count: 6)
    passes.coder.encode(bits: UInt64(gap), count: length)
  }
}

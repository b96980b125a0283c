/// Decodes a stream into memory, in place, from any portions: twin of `CodedStreamEncoder`.
///
/// At any moment the memory holds the best that is known of each element: zero, or the middle of what
/// it may be; of a tensor that has a base, the nearest to that. Allocates nothing after `init` but the
/// numbers of an update of low rank: no more than the elements of its matrix.
public struct CodedStreamDecoder: ~Copyable {
  /// What came of a call.
  public enum Outcome: Equatable, Sendable {
    /// All bytes have been taken, and more are needed.
    case needsBytes
    /// Enough has been done for one call; there is more to do.
    case isBusy
    /// The codeword has been read to its end.
    case hasEnded
  }

  private enum Step: Equatable {
    case unit
    case update
    case header
    case base
    case exceptions
    case start
    case pass
    case ended
  }

  // Bytes that the beginning of a unit takes at most.
  private static let unitByteCount = 16
  // Zero bytes that an encoder may leave out at the end of a codeword: those of its last number.
  private static let borrowLimit = 4

  private let tensors: [CodedTensor]
  private let variant: CodecVariant
  // Of each tensor in the memory, and behind the last.
  private let offsets: [Int]
  private var passes: PassDecoder
  private var bytes = BytePassDecoder()
  private var progress: [TensorProgress]
  private var step = Step.unit
  private var hasBegun = false
  // The tensor of the last unit, if that was a significance pass.
  private var surveyed: Int?
  // The open unit.
  private var index = 0
  private var pass = Pass.significance
  private var cursor = Cursor()
  private var mantissas: MantissaStep?
  private var hasExceptions = false
  private var updating = TensorUpdating()
  private var exceptions = ExceptionDecoder(tensor: 0)

  /// Begins to read a stream about tensors that begin at these offsets of the memory.
  public init(_ tensors: [CodedTensor], at offsets: [Int], _ variant: CodecVariant) {
    precondition(tensors.count == offsets.count, "each tensor has a place")
    self.tensors = tensors
    self.variant = variant
    self.offsets = offsets
    passes = PassDecoder(variant, lineLimit: tensors.lineLimit, tensors)
    progress = Array(repeating: TensorProgress(), count: tensors.count)
  }

  /// How far a tensor has come.
  public func progress(of index: Int) -> TensorProgress { progress[index] }

  /// Takes bytes of the codeword from `position` on, and goes through about `workLimit` elements at most.
  ///
  /// With `isLast` these are the last of the codeword, which is then read to its end.
  public mutating func decode(
    _ bytes: Span<UInt8>, at position: inout Int, isLast: Bool, workLimit: Int,
    into memory: inout MutableRawSpan
  ) throws(CodedStreamError) -> Outcome {
    passes.work = workLimit
    while true {
      passes.isStarving = false
      passes.coder.fill(from: bytes, at: &position)
      passes.isComplete = isLast && position == bytes.count
      if step == .ended { return try endOfCodeword(isLast) }
      guard begin() else { return .needsBytes }
      try advance(&memory)
      if passes.coder.borrowedByteCount > Self.borrowLimit { throw .tooShort }
      if passes.work < 0 { return .isBusy }
      if passes.isStarving, position == bytes.count { return .needsBytes }
    }
  }

  private mutating func begin() -> Bool {
    if !hasBegun {
      if passes.isComplete { passes.coder.beginWithoutMore() }
      hasBegun = passes.coder.begin()
    }
    return hasBegun
  }

  private mutating func endOfCodeword(_ isLast: Bool) throws(CodedStreamError) -> Outcome {
    guard passes.coder.digits.count == 0 else { throw .tooLong }
    guard isLast else { return .needsBytes }
    guard passes.isComplete else { throw .tooLong }
    passes.coder.reset()
    hasBegun = false
    step = .unit
    return .hasEnded
  }

  /// Goes on with the open step as far as the input allows, and to the next where it is done.
  private mutating func advance(_ memory: inout MutableRawSpan) throws(CodedStreamError) {
    guard step != .ended else { return }
    guard step != .unit else { return try beginUnit() }
    let tensor = tensors[index]
    var part = memory._mutatingExtracting(offsets[index]..<offsets[index] + tensor.byteCount)
    guard let grid = tensor.grid else { return decodeBytes(tensor, &part) }
    switch grid.format.byteCount {
    case 2: try advance(&part, grid, FloatCode<UInt16>(grid.format))
    case 4: try advance(&part, grid, FloatCode<UInt32>(grid.format))
    default: try advance(&part, grid, FloatCode<UInt64>(grid.format))
    }
  }

  private mutating func advance<Bits>(
    _ memory: inout MutableRawSpan, _ grid: TensorGrid, _ code: FloatCode<Bits>
  ) throws(CodedStreamError) {
    switch step {
    case .unit, .ended: break
    case .update:
      if updating.decode(&memory, grid, &passes) { step = .header }
    case .header: try decodeHeader(grid.format)
    case .base: try prepareBase(&memory, grid, code)
    case .exceptions:
      if try exceptions.decode(&memory, grid, code, &passes) { step = .start }
    case .start:
      beginPass(memory.bytes, grid, code)
      step = .pass
    case .pass: try decodePass(&memory, grid, code)
    }
  }

  // MARK: - Units

  private mutating func beginUnit() throws(CodedStreamError) {
    guard passes.has(byteCount: Self.unitByteCount) else { return }
    let number = Int(passes.coder.decode(bitCount: tensors.selectorBits))
    guard number < tensors.count else {
      guard number == tensors.count else { throw .badTensor(number) }
      step = .ended
      return
    }
    index = number
    cursor = Cursor()
    pass = try decodePassKind()
    step = .start
    if let grid = tensors[index].grid, !progress[index].hasHeader {
      step = .header
      if tensors[index].hasUpdate(variant),
        try updating.begin(tensor: index, grid, &passes)
      {
        step = .update
      }
      if step == .header { try decodeHeader(grid.format) }
    }
  }

  private mutating func endUnit() {
    surveyed = pass == .significance ? index : nil
    progress[index].note(pass, tensors[index].grid)
    step = .unit
  }

  private mutating func decodePassKind() throws(CodedStreamError) -> Pass {
    let pass: Pass
    if tensors[index].grid == nil {
      pass = .bytes(asDifferences: passes.coder.decode(bitCount: 1) == 1)
    } else if passes.coder.decode(&passes.models.headers.isMantissa) {
      pass = .mantissa(bits: Int(passes.coder.decode(bitCount: MantissaStep.zeroCountBits)))
    } else {
      pass = progress[index].isRefined ? .significance : .refinement
    }
    guard progress[index].allows(pass, tensors[index]) else {
      throw .badPass(tensor: index)
    }
    return pass
  }

  private mutating func decodeHeader(_ format: FloatFormat) throws(CodedStreamError) {
    // Behind an update, which has read all that was at hand.
    guard passes.has(byteCount: Self.unitByteCount) else { return }
    let level = Int(passes.coder.decode(bitCount: format.levelBits))
    let isNone = level == (1 << format.levelBits) - 1
    guard isNone || level < format.levelCount else { throw .badLevel(level) }
    var commonPlaneCount = 0
    if tensors[index].hasBase, !isNone {
      commonPlaneCount = Int(passes.coder.decode(bitCount: format.levelBits))
      guard commonPlaneCount <= level + 1 else { throw .badPlane(commonPlaneCount) }
    }
    progress[index].begin(
      topLevel: isNone ? nil : level, commonPlaneCount: commonPlaneCount)
    guard progress[index].hasPlane(for: pass) else { throw .badPass(tensor: index) }
    exceptions = ExceptionDecoder(tensor: index)
    hasExceptions = passes.coder.decode(&passes.models.headers.hasExceptions)
    step = tensors[index].hasBase ? .base : hasExceptions ? .exceptions : .start
  }

  private mutating func prepareBase<Bits>(
    _ memory: inout MutableRawSpan, _ grid: TensorGrid, _ code: FloatCode<Bits>
  ) throws(CodedStreamError) {
    let level = passes.prepareBase(&memory, grid, code)
    guard level ?? -1 <= progress[index].topLevel ?? -1 else { throw .badLevel(level ?? -1) }
    step = hasExceptions ? .exceptions : .start
  }

  // MARK: - Passes

  private mutating func beginPass<Bits>(
    _ memory: RawSpan, _ grid: TensorGrid, _ code: FloatCode<Bits>
  ) {
    let progress = progress[index]
    if case .mantissa(let bits) = pass {
      passes.models.mantissas = PassModels.OfMantissas()
      mantissas = MantissaStep(grid.format, progress, bits: bits)
      return
    }
    guard let top = progress.topLevel else { return }
    if tensors[index].hasBase { return passes.beginPlane(index, grid) }
    let plane = pass == .refinement ? progress.planeCount - 1 : progress.planeCount
    passes.beginPlane(
      memory, grid,
      Knowledge(code, topLevel: top, refined: plane, significant: progress.planeCount),
      isSurveyed: pass == .refinement && surveyed == index)
  }

  private mutating func decodePass<Bits>(
    _ memory: inout MutableRawSpan, _ grid: TensorGrid, _ code: FloatCode<Bits>
  ) throws(CodedStreamError) {
    let planeCount = progress[index].planeCount
    let hasBase = tensors[index].hasBase
    switch (pass, progress[index].topLevel) {
    case (.mantissa, _):
      guard var step = mantissas else { return }
      if hasBase {
        try passes.decodeBaseMantissas(&memory, grid, code, &step, &cursor)
      } else {
        try passes.decodeMantissas(&memory, grid, code, &step, &cursor)
      }
      mantissas = step
    case (.significance, let top?) where hasBase:
      passes.decodeBaseSignificance(
        &memory, grid, code, topLevel: top, plane: planeCount, &cursor)
    case (.refinement, let top?) where hasBase:
      passes.decodeBaseRefinement(
        &memory, grid, code, topLevel: top, plane: planeCount - 1, &cursor)
    case (.significance, let top?):
      passes.decodeSignificance(&memory, grid, code, topLevel: top, plane: planeCount, &cursor)
    case (.refinement, let top?):
      passes.decodeRefinement(&memory, grid, code, topLevel: top, plane: planeCount - 1, &cursor)
    // Where all is zero there is nothing to tell.
    case (.significance, nil), (.refinement, nil), (.bytes, _): return endUnit()
    }
    if cursor.index == grid.elementCount { endUnit() }
  }

  private mutating func decodeBytes(_ tensor: CodedTensor, _ memory: inout MutableRawSpan) {
    if step == .start { bytes.begin() }
    step = .pass
    let asDifferences = pass == .bytes(asDifferences: true)
    guard bytes.decode(&memory, tensor, asDifferences: asDifferences, &cursor, &passes)
    else { return }
    endUnit()
  }
}

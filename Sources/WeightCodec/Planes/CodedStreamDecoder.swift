/// Why a coded stream cannot be what an encoder wrote.
public enum CodedStreamError: Error, Equatable, Sendable {
  /// No tensor has this number.
  case badTensor(Int)
  /// A pass that cannot be the next one of its tensor.
  case badPass(tensor: Int)
  case badLevel(Int)
  case badZeroCount(Int)
  /// An exception behind the tensor's last element, or one that is a number.
  case badException(Int)
  /// The codeword ends in the middle of a unit.
  case tooShort
  /// Bytes follow the codeword's end.
  case tooLong
}

/// Decodes a stream into memory, in place, from any portions: twin of `CodedStreamEncoder`.
///
/// At any moment the memory holds the best that is known of each element: zero, or the middle of what
/// it may be. Allocates nothing after `init`.
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

  private enum Step {
    case unit
    case exception
    case plane(Pass)
    case mantissas
    case bytes
    case ended
  }

  // Bytes that the beginning of a unit and an exception take at most.
  private static let unitByteCount = 16
  private static let exceptionByteCount = 32
  // Zero bytes that an encoder may leave out at the end of a codeword: those of its last number.
  private static let borrowLimit = 4

  private let tensors: [CodedTensor]
  // Of each tensor in the memory, and behind the last.
  private let offsets: [Int]
  private var passes: PassDecoder
  private var bytes = ByteModels()
  private var progress: [TensorProgress]
  private var step = Step.unit
  private var hasBegun = false
  // The open unit.
  private var index = 0
  private var pass = Pass.significance
  private var cursor = Cursor()
  private var mantissas: MantissaStep?
  private var asDifferences = false
  private var exception: UInt64 = 0

  /// Begins to read a stream about tensors that begin at these offsets of the memory.
  public init(_ tensors: [CodedTensor], at offsets: [Int], _ variant: CodecVariant) {
    precondition(tensors.count == offsets.count, "each tensor has a place")
    self.tensors = tensors
    self.offsets = offsets
    passes = PassDecoder(variant, lineLimit: tensors.lineLimit)
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
      if case .ended = step { return try endOfCodeword(isLast) }
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
    guard passes.coder.input.count == 0 else { throw .tooLong }
    guard isLast else { return .needsBytes }
    guard passes.isComplete else { throw .tooLong }
    passes.coder.reset()
    hasBegun = false
    step = .unit
    return .hasEnded
  }

  /// Goes on with the open step as far as the input allows, and to the next where it is done.
  private mutating func advance(_ memory: inout MutableRawSpan) throws(CodedStreamError) {
    switch step {
    case .ended: break
    case .unit:
      guard passes.has(byteCount: Self.unitByteCount) else { return }
      try beginUnit(memory.bytes)
    case .exception:
      var part = memory._mutatingExtracting(range)
      try decodeExceptions(&part)
      if case .exception = step { return }
      beginPass(part.bytes)
    case .plane, .mantissas, .bytes:
      var part = memory._mutatingExtracting(range)
      guard try decodePass(&part) else { return }
      progress[index].note(pass, tensors[index].grid)
      step = .unit
    }
  }

  private var range: Range<Int> { offsets[index]..<offsets[index] + tensors[index].byteCount }

  // MARK: - Units

  private mutating func beginUnit(_ memory: RawSpan) throws(CodedStreamError) {
    let number = Int(passes.coder.decode(bitCount: tensors.selectorBits))
    guard number < tensors.count else {
      guard number == tensors.count else { throw .badTensor(number) }
      step = .ended
      return
    }
    index = number
    cursor = Cursor()
    pass = try decodePassKind()
    guard let grid = tensors[index].grid, !progress[index].hasHeader else {
      return beginPass(memory.extracting(range))
    }
    try decodeHeader(grid.format)
    if case .exception = step { return }
    beginPass(memory.extracting(range))
  }

  private mutating func decodePassKind() throws(CodedStreamError) -> Pass {
    var pass = Pass.bytes(asDifferences: false)
    if tensors[index].grid == nil {
      asDifferences = passes.coder.decode(bitCount: 1) == 1
    } else if passes.coder.decode(&passes.models.headers.isMantissa) {
      pass = .mantissa(bits: Int(passes.coder.decode(bitCount: MantissaStep.zeroCountBits)))
    } else {
      pass = progress[index].isRefined ? .significance : .refinement
    }
    guard progress[index].allows(pass, tensors[index].grid) else {
      throw .badPass(tensor: index)
    }
    return pass
  }

  private mutating func decodeHeader(_ format: FloatFormat) throws(CodedStreamError) {
    let level = Int(passes.coder.decode(bitCount: format.levelBits))
    if level < format.levelCount {
      progress[index].topLevel = level
    } else if level != (1 << format.levelBits) - 1 {
      throw .badLevel(level)
    }
    progress[index].hasHeader = true
    exception = format.infinity
    step = passes.coder.decode(&passes.models.headers.hasExceptions) ? .exception : .unit
  }

  private mutating func decodeExceptions(
    _ memory: inout MutableRawSpan
  ) throws(CodedStreamError) {
    guard let grid = tensors[index].grid else { return }
    let elements = FloatElements(format: grid.format)
    while passes.has(byteCount: Self.exceptionByteCount) {
      let gap = decodeGap()
      guard gap < grid.elementCount - cursor.index else { throw .badException(index) }
      cursor.advance(by: gap)
      if !passes.coder.decode(&passes.models.headers.isRepeated) {
        exception = passes.coder.decode(bitCount: 8 * grid.format.byteCount)
        guard exception & grid.format.magnitudeMask >= grid.format.infinity else {
          throw .badException(index)
        }
      }
      elements.store(exception, to: &memory, at: cursor.index)
      cursor.advance(by: 1)
      guard passes.coder.decode(&passes.models.headers.hasMore) else {
        step = .unit
        cursor = Cursor()
        return
      }
    }
  }

  private mutating func decodeGap() -> Int {
    if passes.coder.decode(&passes.models.headers.isNext) { return 0 }
    let length = Int(passes.coder.decode(bitCount: 6))
    let rest = passes.coder.decode(bitCount: min(length, 62))
    return 1 << min(length, 62) | Int(rest)
  }

  // MARK: - Passes

  private mutating func beginPass(_ memory: RawSpan) {
    let progress = progress[index]
    guard let grid = tensors[index].grid else {
      step = .bytes
      return
    }
    switch pass {
    case .significance, .refinement:
      step = .plane(pass)
      guard let top = progress.topLevel else { return }
      let isRefinement = pass == .refinement
      let plane = isRefinement ? progress.planeCount - 1 : progress.planeCount
      passes.beginPlane(
        memory, grid, topLevel: top, plane: plane, significant: progress.planeCount)
    case .mantissa(let bits):
      step = .mantissas
      passes.models.mantissas = PassModels.OfMantissas()
      mantissas = MantissaStep(grid.format, progress, bits: bits)
    case .bytes: step = .bytes
    }
  }

  /// Whether the pass is through.
  private mutating func decodePass(
    _ memory: inout MutableRawSpan
  ) throws(CodedStreamError) -> Bool {
    guard let grid = tensors[index].grid else { return decodeBytes(&memory) }
    if case .mantissas = step, var step = mantissas {
      try passes.decodeMantissas(&memory, grid, &step, &cursor)
      mantissas = step
      return cursor.index == grid.elementCount
    }
    // Where all is zero there is nothing to tell.
    guard let top = progress[index].topLevel else { return true }
    let planeCount = progress[index].planeCount
    if pass == .significance {
      passes.decodeSignificance(&memory, grid, topLevel: top, plane: planeCount, &cursor)
    } else {
      passes.decodeRefinement(&memory, grid, topLevel: top, plane: planeCount - 1, &cursor)
    }
    return cursor.index == grid.elementCount
  }

  private mutating func decodeBytes(_ memory: inout MutableRawSpan) -> Bool {
    let (count, size) = (tensors[index].byteCount, tensors[index].elementByteCount)
    while cursor.index < count {
      guard passes.mayGoOn(byteCount: PassDecoder.byteByteCount) else { return false }
      let place = cursor.index
      let before = asDifferences && place >= size ? memory.bytes.byte(at: place - size) : 0
      let byte = bytes.decode(lane: place % size, before: before, &passes.coder)
      memory.storeBytes(of: byte, toByteOffset: place, as: UInt8.self)
      cursor.advance(by: 1)
    }
    return true
  }
}

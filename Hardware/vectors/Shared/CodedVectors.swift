import Board
import Tensors
import WeightCodec

/// One of the coded streams of a file while it is read.
struct CodedVectors: ~Copyable {
  /// In which portions codewords come, and for how many elements at most the decoder is called.
  struct Pace {
    let portionByteCount: Int
    let workLimit: Int
  }

  private let pace: Pace
  /// What the last codeword took, by the board's timer.
  private(set) var tickCount = 0

  private var tensors: [CodedTensor] = []
  private var offsets: [Int] = []
  private var elements: [UInt8] = []
  private var bases: [UInt8] = []
  private var memory: [UInt8] = []
  private var variant = CodecVariant.flat
  private var decoder: CodedStreamDecoder?

  init(_ pace: Pace) { self.pace = pace }

  /// Takes a line; nil where it says nothing that could be wrong.
  mutating func agrees(_ line: VectorText.Line) -> Bool? {
    if line.begins(with: "stream") { return begin(line) }
    if line.begins(with: "tensor") { return add(line) }
    if line.begins(with: "base") { return addBase(line.bytes(1)) }
    // Units and updates are for encoders.
    if line.begins(with: "unit") || line.begins(with: "update") { return nil }
    if line.begins(with: "codeword") { return decode(line.bytes(1)) }
    let range = range(of: line.number(1, Int.self))
    let expected = line.begins(with: "exact") ? Array(elements[range]) : line.bytes(2)
    return Array(memory[range]) == expected
  }

  private mutating func begin(_ line: VectorText.Line) -> Bool? {
    guard let variant = CodecVariant(rawValue: line.number(1, UInt8.self)) else { return false }
    self.variant = variant
    (tensors, offsets, elements, bases) = ([], [], [], [])
    decoder = nil
    return nil
  }

  private mutating func add(_ line: VectorText.Line) -> Bool? {
    guard let dtype = DType(rawValue: line.number(1, UInt8.self)),
      let shape = TensorShape(line.numbers(2).map { Int($0) }),
      let tensor = TensorDescriptor(name: TensorName(utf8: []), dtype: dtype, shape: shape)
    else { return false }
    let grid = TensorGrid(tensor)
    tensors.append(
      CodedTensor(
        grid: grid, elementByteCount: grid?.format.byteCount ?? dtype.byteCount,
        byteCount: tensor.byteCount))
    offsets.append(elements.count)
    elements += line.bytes(3)
    bases += Array(repeating: 0, count: tensor.byteCount)
    return nil
  }

  /// Of the tensor before.
  private mutating func addBase(_ base: [UInt8]) -> Bool? {
    let index = tensors.count - 1
    let tensor = tensors[index]
    guard base.count == tensor.byteCount else { return false }
    tensors[index] = CodedTensor(
      grid: tensor.grid, elementByteCount: tensor.elementByteCount, byteCount: tensor.byteCount,
      hasBase: true)
    bases.replaceSubrange(range(of: index), with: base)
    return nil
  }

  private func range(of index: Int) -> Range<Int> {
    offsets[index]..<offsets[index] + tensors[index].byteCount
  }

  private mutating func decode(_ codeword: [UInt8]) -> Bool {
    if decoder == nil {
      decoder = CodedStreamDecoder(tensors, at: offsets, variant)
      memory = bases
    }
    do throws(CodedStreamError) {
      let start = board_ticks()
      defer { tickCount = Int(board_ticks() &- start) }
      return try Self.decode(codeword, pace, with: &decoder, into: &memory)
    } catch {
      return false
    }
  }

  /// Reads a codeword to its end; whether it has one.
  private static func decode(
    _ codeword: [UInt8], _ pace: Pace, with decoder: inout CodedStreamDecoder?,
    into memory: inout [UInt8]
  ) throws(CodedStreamError) -> Bool {
    var (position, end) = (0, 0)
    while true {
      var span = memory.mutableSpan
      var raw = unsafe span.mutableBytes
      let outcome = try decoder?.decode(
        codeword.span.extracting(0..<end), at: &position, isLast: end == codeword.count,
        workLimit: pace.workLimit, into: &raw)
      switch outcome {
      case .hasEnded: return position == codeword.count
      case .isBusy: break
      case .needsBytes where end < codeword.count:
        end = min(end + pace.portionByteCount, codeword.count)
      case .needsBytes, nil: return false
      }
    }
  }
}

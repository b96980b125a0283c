import Tensors
import WeightCodec

/// One of the golden coded streams while it is read.
///
/// The codewords come in portions smaller than the decoder's queue, and little is done in one call, as
/// on a line.
struct CodedVectors: ~Copyable {
  private static let portionByteCount = 50
  private static let workLimit = 100

  private var tensors: [CodedTensor] = []
  private var offsets: [Int] = []
  private var elements: [UInt8] = []
  private var memory: [UInt8] = []
  private var variant = CodecVariant.flat
  private var decoder: CodedStreamDecoder?

  /// Takes a line; nil where it says nothing that could be wrong.
  mutating func agrees(_ line: VectorText.Line) -> Bool? {
    if line.begins(with: "stream") { return begin(line) }
    if line.begins(with: "tensor") { return add(line) }
    // Units are for encoders.
    if line.begins(with: "unit") { return nil }
    if line.begins(with: "codeword") { return decode(line.bytes(1)) }
    let range = range(of: line.number(1, Int.self))
    let expected = line.begins(with: "exact") ? Array(elements[range]) : line.bytes(2)
    return Array(memory[range]) == expected
  }

  private mutating func begin(_ line: VectorText.Line) -> Bool? {
    guard let variant = CodecVariant(rawValue: line.number(1, UInt8.self)) else { return false }
    self.variant = variant
    (tensors, offsets, elements) = ([], [], [])
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
    return nil
  }

  private func range(of index: Int) -> Range<Int> {
    offsets[index]..<offsets[index] + tensors[index].byteCount
  }

  private mutating func decode(_ codeword: [UInt8]) -> Bool {
    if decoder == nil {
      decoder = CodedStreamDecoder(tensors, at: offsets, variant)
      memory = Array(repeating: 0, count: elements.count)
    }
    do throws(CodedStreamError) {
      return try Self.decode(codeword, with: &decoder, into: &memory)
    } catch {
      return false
    }
  }

  /// Reads a codeword to its end; whether it has one.
  private static func decode(
    _ codeword: [UInt8], with decoder: inout CodedStreamDecoder?, into memory: inout [UInt8]
  ) throws(CodedStreamError) -> Bool {
    var (position, end) = (0, 0)
    while true {
      var span = memory.mutableSpan
      var raw = unsafe span.mutableBytes
      let outcome = try decoder?.decode(
        codeword.span.extracting(0..<end), at: &position, isLast: end == codeword.count,
        workLimit: workLimit, into: &raw)
      switch outcome {
      case .hasEnded: return position == codeword.count
      case .isBusy: break
      case .needsBytes where end < codeword.count:
        end = min(end + portionByteCount, codeword.count)
      case .needsBytes, nil: return false
      }
    }
  }
}

import LineModel
import Tensors
import Testing
import WeightCodec

/// Tensors in one block of memory, as the coded stream takes them.
struct CodedModel {
  var tensors: [CodedTensor] = []
  var descriptors: [TensorDescriptor] = []
  var offsets: [Int] = []
  var bytes: [UInt8] = []
  /// What a receiver has at first: the elements of bases, and zeros.
  var bases: [UInt8] = []
  /// What is added to bases in a stream of codec lines.
  var updates: [Int: LowRankUpdate] = [:]

  /// Adds a tensor of which `values` are the elements' bits, and those of its base.
  mutating func add(
    _ dtype: DType, _ extents: [Int], _ values: [UInt64], from base: [UInt64]? = nil
  ) throws {
    let shape = try #require(TensorShape(extents))
    let tensor = try #require(
      TensorDescriptor(name: TensorName("t\(tensors.count)"), dtype: dtype, shape: shape))
    let grid = TensorGrid(tensor)
    let size = grid?.format.byteCount ?? dtype.byteCount
    #expect(values.count * size == tensor.byteCount)
    tensors.append(
      CodedTensor(
        grid: grid, elementByteCount: size, byteCount: tensor.byteCount, hasBase: base != nil))
    descriptors.append(tensor)
    offsets.append(bytes.count)
    bytes += values.flatMap { littleEndian($0, byteCount: size) }
    let zeros = [UInt64](repeating: 0, count: values.count)
    bases += (base ?? zeros).flatMap { littleEndian($0, byteCount: size) }
    #expect(bases.count == bytes.count)
  }

  /// Gives the last tensor a base.
  mutating func setLastBase(_ elements: [UInt8]) {
    let index = tensors.count - 1
    let tensor = tensors[index]
    tensors[index] = CodedTensor(
      grid: tensor.grid, elementByteCount: tensor.elementByteCount, byteCount: tensor.byteCount,
      hasBase: true)
    bases.replaceSubrange(range(of: index), with: elements)
  }

  /// Where a tensor lies.
  func range(of index: Int) -> Range<Int> {
    offsets[index]..<offsets[index] + tensors[index].byteCount
  }

  /// What the encoder has to know of a tensor.
  func head(of index: Int) -> TensorHead {
    guard let grid = tensors[index].grid else {
      return TensorHead(topLevel: nil, hasExceptions: false)
    }
    let range = range(of: index)
    let memory = unsafe bytes.span.bytes.extracting(range)
    guard tensors[index].hasBase else { return TensorHead(memory, grid) }
    let bases = updatedBases
    return unsafe TensorHead(memory, from: bases.span.bytes.extracting(range), grid)
  }

  /// The stream of these units, a codeword each where `cuts` says so behind a unit and at the end.
  func encode(
    _ units: [(index: Int, pass: Pass)], _ variant: CodecVariant, cuts: Set<Int> = []
  ) -> [[UInt8]] {
    var encoder = CodedStreamEncoder(tensors, variant)
    var codewords: [[UInt8]] = []
    var heads: [Int: TensorHead] = [:]
    for (number, unit) in units.enumerated() {
      let head = heads[unit.index] ?? head(of: unit.index)
      heads[unit.index] = head
      encode(unit.pass, of: unit.index, head, with: &encoder)
      guard cuts.contains(number) || number == units.count - 1 else { continue }
      encoder.endCodeword()
      codewords.append(encoder.takeBytes())
    }
    return codewords
  }

  /// Bases with what is added to them.
  private var updatedBases: [UInt8] {
    var updated = bases
    for (index, update) in updates {
      guard let grid = tensors[index].grid else { continue }
      var span = updated.mutableSpan
      var raw = unsafe span.mutableBytes
      var part = raw._mutatingExtracting(range(of: index))
      update.apply(to: &part, grid)
    }
    return updated
  }

  /// Encodes one unit.
  func encode(
    _ pass: Pass, of index: Int, _ head: TensorHead, with encoder: inout CodedStreamEncoder
  ) {
    let range = range(of: index)
    let memory = unsafe bytes.span.bytes.extracting(range)
    if tensors[index].hasBase {
      let bases = updatedBases
      unsafe encoder.encode(
        pass, of: index, memory, from: bases.span.bytes.extracting(range), head, updates[index])
    } else {
      encoder.encode(pass, of: index, memory, head)
    }
  }

  /// What a receiver has after these codewords, which come in portions of a drawn size.
  func decode(
    _ codewords: [[UInt8]], _ variant: CodecVariant, _ generator: inout SeededGenerator
  ) throws -> [UInt8] {
    var memory = bases
    var decoder = CodedStreamDecoder(tensors, at: offsets, variant)
    for codeword in codewords {
      var start = 0
      var outcome = CodedStreamDecoder.Outcome.needsBytes
      while outcome != .hasEnded {
        let end = min(start + Int.random(in: 0...300, using: &generator), codeword.count)
        var position = start
        var span = memory.mutableSpan
        var raw = unsafe span.mutableBytes
        outcome = try decoder.decode(
          codeword.span.extracting(0..<end), at: &position, isLast: end == codeword.count,
          workLimit: Int.random(in: 1...5000, using: &generator), into: &raw)
        start = position
      }
    }
    return memory
  }

  /// What a receiver has after a codeword, or the first bytes of one, in portions of one size.
  func decode(
    _ codeword: some Collection<UInt8>, _ variant: CodecVariant, portionByteCount: Int = .max,
    isLast: Bool = true, workLimit: Int = 1 << 20
  ) throws(CodedStreamError) -> (memory: [UInt8], hasEnded: Bool) {
    let codeword = Array(codeword)
    var memory = bases
    var decoder = CodedStreamDecoder(tensors, at: offsets, variant)
    var position = 0
    var end = 0
    while true {
      end = end + min(portionByteCount, codeword.count - end)
      let isAtEnd = end == codeword.count
      var span = memory.mutableSpan
      var raw = unsafe span.mutableBytes
      let outcome = try decoder.decode(
        codeword.span.extracting(0..<end), at: &position, isLast: isLast && isAtEnd,
        workLimit: workLimit, into: &raw)
      if outcome == .hasEnded || outcome == .needsBytes && isAtEnd {
        return (memory, outcome == .hasEnded)
      }
    }
  }

  /// The values of a tensor of floats that lies so in memory.
  func values(of index: Int, in memory: [UInt8]) -> [Double] {
    WeightCodecTests.values(Array(memory[range(of: index)]), descriptors[index].dtype)
  }

  /// Adds a tensor with the values nearest to these.
  mutating func add(_ dtype: DType, _ extents: [Int], near values: [Double]) throws {
    try add(dtype, extents, values.map { FloatBits.bits($0, dtype) })
  }

  /// All passes of a tensor that has a base: planes as far as some number, then all that is left.
  func basePasses(of index: Int, planes: Int) throws -> [(index: Int, pass: Pass)] {
    let (head, format) = (head(of: index), try #require(tensors[index].grid).format)
    var units: [(index: Int, pass: Pass)] = []
    let count = head.topLevel.map { min(planes, $0 + 1) } ?? 0
    for plane in min(head.commonPlaneCount, count)..<count {
      units.append((index, .significance))
      if plane > 0 { units.append((index, .refinement)) }
    }
    return units + [(index, .mantissa(bits: format.mantissaBits))]
  }

  /// All passes of a tensor: so many planes, then mantissas in steps.
  static func passes(
    of index: Int, planes: Int, mantissas: [Int]
  ) -> [(index: Int, pass: Pass)] {
    var units: [(index: Int, pass: Pass)] = []
    for plane in 0..<planes {
      units.append((index, .significance))
      if plane > 0 { units.append((index, .refinement)) }
    }
    return units + mantissas.map { (index, .mantissa(bits: $0)) }
  }
}

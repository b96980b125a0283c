import LineModel
import Tensors
import TestVectors
import Testing
import WeightCodec

/// The golden coded streams: the encoder makes these codewords, the decoder of them this memory.
struct CodedVectorTests {
  /// A codeword: its units, its bytes, and what is known when it has been read.
  private struct Codeword {
    var units: [(index: Int, pass: Pass)] = []
    var bytes: [UInt8] = []
    var memories: [(index: Int, bytes: [UInt8], line: String)] = []
  }

  private struct Stream {
    let variant: CodecVariant
    let line: String
    var model = CodedModel()
    /// Passes of planes so far, of each tensor; plane 0 counts as one, where it is the base's, too.
    var planePassCounts: [Int] = []
    var codewords: [Codeword] = []

    func bytes(of index: Int, in memory: [UInt8]) -> [UInt8] {
      let offset = model.offsets[index]
      return Array(memory[offset..<offset + model.tensors[index].byteCount])
    }
  }

  @Test func encoderMakesTheseCodewords() throws {
    for stream in try streams() {
      var units: [(index: Int, pass: Pass)] = []
      var cuts: Set<Int> = []
      for codeword in stream.codewords {
        units += codeword.units
        cuts.insert(units.count - 1)
      }
      let made = stream.model.encode(units, stream.variant, cuts: cuts)
      #expect(made == stream.codewords.map(\.bytes), "\(stream.line)")
    }
  }

  @Test func decoderLeavesThisMemory() throws {
    var generator = SeededGenerator(seed: 63)
    for stream in try streams() {
      for count in 1...stream.codewords.count {
        let codewords = stream.codewords.prefix(count)
        let memory = try stream.model.decode(
          codewords.map(\.bytes), stream.variant, &generator)
        for expected in codewords.last?.memories ?? [] {
          #expect(
            stream.bytes(of: expected.index, in: memory) == expected.bytes, "\(expected.line)")
        }
      }
    }
  }

  private func streams() throws -> [Stream] {
    var streams: [Stream] = []
    var units: [(index: Int, pass: Pass)] = []
    for line in try VectorFile("coded").lines {
      if line.word(0) == "stream" {
        let variant = try #require(CodecVariant(rawValue: try line.number(1)))
        streams.append(Stream(variant: variant, line: "\(line)"))
        continue
      }
      let last = streams.count - 1
      switch line.word(0) {
      case "tensor":
        try add(line, to: &streams[last].model)
        streams[last].planePassCounts.append(0)
      case "base":
        streams[last].model.setLastBase(try line.bytes(1))
        let index = streams[last].planePassCounts.count - 1
        let hasCommonPlanes = streams[last].model.head(of: index).commonPlaneCount > 0
        streams[last].planePassCounts[index] = hasCommonPlanes ? 1 : 0
      case "update":
        let index = streams[last].planePassCounts.count - 1
        streams[last].model.updates[index] = try update(
          line, try #require(streams[last].model.tensors[index].grid))
      case "unit": units.append(try unit(line, of: &streams[last]))
      case "codeword":
        streams[last].codewords.append(Codeword(units: units, bytes: try line.bytes(1)))
        units = []
      default:
        let index: Int = try line.number(1)
        let model = streams[last].model
        let bytes =
          line.word(0) == "memory"
          ? try line.bytes(2) : streams[last].bytes(of: index, in: model.bytes)
        let codeword = streams[last].codewords.count - 1
        streams[last].codewords[codeword].memories.append((index, bytes, "\(line)"))
      }
    }
    return streams
  }

  private func add(_ line: VectorFile.Line, to model: inout CodedModel) throws {
    let dtype = try #require(DType(rawValue: try line.number(1)))
    let size = FloatFormat(dtype)?.byteCount ?? dtype.byteCount
    let elements = try line.bytes(3)
    let values = stride(from: 0, to: elements.count, by: size).map { start in
      elements[start..<start + size].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    }
    try model.add(dtype, try line.numbers(2), values)
  }

  private func update(_ line: VectorFile.Line, _ grid: TensorGrid) throws -> LowRankUpdate {
    let numberBits: Int = try line.number(1)
    func numbers(_ column: Int) throws -> [Int32] {
      try line.numbers(column).map { number in
        Int32(number) - (number >> (numberBits - 1) > 0 ? Int32(1) << Int32(numberBits) : 0)
      }
    }
    let (unit, columns): (Int, [Int32]) = (try line.number(2), try numbers(3))
    return LowRankUpdate(
      rank: columns.count / grid.columnCount, numberBits: numberBits, unitLevel: unit - 64,
      columns: columns, rows: try numbers(4))
  }

  private func unit(
    _ line: VectorFile.Line, of stream: inout Stream
  ) throws -> (index: Int, pass: Pass) {
    let index: Int = try line.number(1)
    guard let parameter = try line.number(2, Int.self) else {
      // S0 S1 R1 S2 R2 …
      let count = stream.planePassCounts[index]
      stream.planePassCounts[index] += 1
      return (index, count > 0 && count % 2 == 0 ? .refinement : .significance)
    }
    let isFloat = stream.model.tensors[index].grid != nil
    return (index, isFloat ? .mantissa(bits: parameter) : .bytes(asDifferences: parameter == 1))
  }
}

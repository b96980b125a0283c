import Checkpoints
import SystemPackage
import Tensors
import WeightCodec

/// The floats of a checkpoint in memory, and the units in which they go.
///
/// Two codewords: seven planes of each matrix, plane by plane, the same data as the integers of the
/// codecs that `Scripts/bench-codec` compares with; then all that is missing to every bit.
struct BenchModel {
  /// One stretch of work on a tensor.
  struct Unit {
    let pass: Pass
    let index: Int
  }

  /// How much of the model is coded.
  enum Extent: String, CaseIterable {
    case planes = "seven planes"
    case exact = "exact"
  }

  private static let planeCount = 7
  // As for `Scripts/bench_tensors.py`: smaller ones are never sent in planes.
  private static let matrixElementCount = 512

  private(set) var memory: [UInt8] = []
  private(set) var descriptors: [TensorDescriptor] = []
  private(set) var codewords: [[Unit]] = []
  private var grids: [TensorGrid] = []
  private var offsets: [Int] = []
  private var heads: [TensorHead] = []

  init(_ path: FilePath) throws {
    let checkpoint = try Checkpoint(opening: path)
    for (index, tensor) in checkpoint.tensors.enumerated() where tensor.sharedWith == nil {
      guard let grid = TensorGrid(tensor.descriptor) else { continue }
      descriptors.append(tensor.descriptor)
      grids.append(grid)
      offsets.append(memory.count)
      try checkpoint.withBytes(of: index, 0..<grid.byteCount) { bytes in
        unsafe bytes.withUnsafeBytes { unsafe memory.append(contentsOf: $0) }
        heads.append(TensorHead(bytes, grid))
      }
    }
    codewords = [planes(), exactMantissas()]
  }

  // MARK: - Units

  private var matrices: [Int] {
    descriptors.indices.filter {
      let shape = descriptors[$0].shape
      return shape.rank >= 2 && shape.elementCount >= Self.matrixElementCount
    }
  }

  private func planes() -> [Unit] {
    var units: [Unit] = []
    for plane in 0..<Self.planeCount {
      // A matrix of zeros has the first plane only, and nothing has planes below its smallest subnormal.
      for index in matrices where plane <= heads[index].topLevel ?? 0 {
        units.append(Unit(pass: .significance, index: index))
        if plane > 0 { units.append(Unit(pass: .refinement, index: index)) }
      }
    }
    return units
  }

  private func exactMantissas() -> [Unit] {
    grids.indices.map { Unit(pass: .mantissa(bits: grids[$0].format.mantissaBits), index: $0) }
  }

  /// Weights that are told of.
  func weightCount(_ extent: Extent) -> Int {
    let indices = extent == .planes ? matrices : Array(grids.indices)
    return indices.reduce(0) { $0 + grids[$1].elementCount }
  }

  // MARK: - Coding

  /// The bytes of each codeword.
  func encoded(_ variant: CodecVariant, _ extent: Extent) -> [[UInt8]] {
    encoded(memory, variant, extent)
  }

  private func encoded(
    _ memory: [UInt8], _ variant: CodecVariant, _ extent: Extent
  ) -> [[UInt8]] {
    var encoder = CodedStreamEncoder(tensors, variant)
    return codewords.prefix(extent == .planes ? 1 : codewords.count).map { units in
      var codeword: [UInt8] = []
      for unit in units {
        let bytes = unsafe memory.span.bytes.extracting(place(of: unit.index))
        encoder.encode(unit.pass, of: unit.index, bytes, heads[unit.index])
        codeword += encoder.takeBytes()
      }
      encoder.endCodeword()
      return codeword + encoder.takeBytes()
    }
  }

  func decoded(_ codewords: [[UInt8]], _ variant: CodecVariant) throws -> [UInt8] {
    var decoded = [UInt8](repeating: 0, count: memory.count)
    var decoder = CodedStreamDecoder(tensors, at: offsets, variant)
    var span = decoded.mutableSpan
    var raw = unsafe span.mutableBytes
    for codeword in codewords {
      var position = 0
      var outcome = CodedStreamDecoder.Outcome.isBusy
      while outcome != .hasEnded {
        outcome = try decoder.decode(
          codeword.span, at: &position, isLast: true, workLimit: 1 << 30, into: &raw)
      }
    }
    return decoded
  }

  /// Whether a decoder's memory is what was encoded: the model, or weights that have the same planes.
  func isSame(
    _ decoded: [UInt8], as codewords: [[UInt8]], _ variant: CodecVariant, _ extent: Extent
  ) -> Bool {
    switch extent {
    case .planes: encoded(decoded, variant, extent) == codewords
    case .exact: decoded == memory
    }
  }

  private var tensors: [CodedTensor] {
    grids.map {
      CodedTensor(grid: $0, elementByteCount: $0.format.byteCount, byteCount: $0.byteCount)
    }
  }

  /// Where a tensor is in the memory.
  func place(of index: Int) -> Range<Int> {
    offsets[index]..<offsets[index] + grids[index].byteCount
  }
}

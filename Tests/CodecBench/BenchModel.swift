import Checkpoints
import Crypto
import SystemPackage
import Tensors
import WeightCodec

/// The floats of a checkpoint in memory, and an order of passes in which they go.
struct BenchModel {
  private(set) var memory: [UInt8] = []
  private var tensors: [CodedTensor] = []
  private var grids: [TensorGrid] = []
  private var offsets: [Int] = []
  private var heads: [TensorHead] = []

  init(_ path: FilePath) throws {
    let checkpoint = try Checkpoint(opening: path)
    for (index, tensor) in checkpoint.tensors.enumerated() where tensor.sharedWith == nil {
      guard let grid = TensorGrid(tensor.descriptor) else { continue }
      let byteCount = tensor.descriptor.byteCount
      tensors.append(
        CodedTensor(
          grid: grid, elementByteCount: grid.format.byteCount, byteCount: byteCount))
      grids.append(grid)
      offsets.append(memory.count)
      try checkpoint.withBytes(of: index, 0..<byteCount) { bytes in
        unsafe bytes.withUnsafeBytes { unsafe memory.append(contentsOf: $0) }
        heads.append(TensorHead(bytes, grid))
      }
    }
  }

  var valueCount: Int { grids.reduce(0) { $0 + $1.elementCount } }

  /// What a planner has to know of all tensors.
  func survey() {
    for index in grids.indices {
      _ = unsafe TensorSurvey(memory.span.bytes.extracting(place(of: index)), grids[index])
    }
  }

  /// Vectors and small matrices to three bits of mantissa, planes of the others in turn, and all that is
  /// missing then.
  func encoded(_ variant: CodecVariant, planeCount: Int) -> [UInt8] {
    var encoder = CodedStreamEncoder(tensors, variant)
    var stream: [UInt8] = []
    func encode(_ pass: Pass, _ index: Int) {
      let bytes = unsafe memory.span.bytes.extracting(place(of: index))
      encoder.encode(pass, of: index, bytes, heads[index])
      stream += encoder.takeBytes()
    }
    let isSmall = grids.map { $0.rowCount <= 1 || $0.elementCount < 512 }
    for index in grids.indices where isSmall[index] { encode(.mantissa(bits: 3), index) }
    for plane in 0..<planeCount {
      for index in grids.indices where !isSmall[index] {
        // Where a tensor has no more planes, or none at all but the first.
        let progress = encoder.progress(of: index)
        guard !progress.hasHeader || plane <= progress.topLevel ?? -1 else { continue }
        encode(.significance, index)
        if plane > 0 { encode(.refinement, index) }
      }
    }
    for index in grids.indices { encode(.mantissa(bits: grids[index].format.mantissaBits), index) }
    encoder.endCodeword()
    return stream + encoder.takeBytes()
  }

  func decoded(_ stream: [UInt8], _ variant: CodecVariant) throws -> [UInt8] {
    var decoded = [UInt8](repeating: 0, count: memory.count)
    var decoder = CodedStreamDecoder(tensors, at: offsets, variant)
    var position = 0
    var span = decoded.mutableSpan
    var raw = unsafe span.mutableBytes
    var outcome = CodedStreamDecoder.Outcome.isBusy
    while outcome != .hasEnded {
      outcome = try decoder.decode(
        stream.span, at: &position, isLast: true, workLimit: 1 << 30, into: &raw)
    }
    return decoded
  }

  static func digest(_ stream: [UInt8]) -> String {
    SHA256.hash(data: stream).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }

  private func place(of index: Int) -> Range<Int> {
    offsets[index]..<offsets[index] + tensors[index].byteCount
  }
}

import Checkpoints
import SystemPackage
import Tensors
import WeightCodec

/// Encodes and decodes a model whole, and prints how fast.
@main
enum CodecBench {
  static func main() throws {
    let arguments = CommandLine.arguments
    let checkpoint = try Checkpoint(opening: FilePath(arguments[1]))
    let planes = arguments.count > 2 ? Int(arguments[2]) ?? 10 : 10
    let variant: CodecVariant = arguments.count > 3 && arguments[3] == "flat" ? .flat : .lines
    var tensors: [CodedTensor] = []
    var offsets: [Int] = []
    var memory: [UInt8] = []
    var heads: [TensorHead] = []
    for (index, tensor) in checkpoint.tensors.enumerated() where tensor.sharedWith == nil {
      let descriptor = tensor.descriptor
      let grid = TensorGrid(descriptor)
      guard let grid else { continue }
      tensors.append(
        CodedTensor(
          grid: grid, elementByteCount: grid.format.byteCount, byteCount: descriptor.byteCount))
      offsets.append(memory.count)
      let head = try checkpoint.withBytes(of: index, 0..<descriptor.byteCount) { bytes in
        unsafe bytes.withUnsafeBytes { unsafe memory.append(contentsOf: $0) }
        return TensorHead(bytes, grid)
      }
      heads.append(head)
    }
    var encoder = CodedStreamEncoder(tensors, variant)
    let clock = ContinuousClock()
    var stream: [UInt8] = []
    var small = 0
    var planeBytes = 0
    let encoding = clock.measure {
      func run(_ pass: Pass, _ index: Int) {
        let range = offsets[index]..<offsets[index] + tensors[index].byteCount
        unsafe encoder.encode(pass, of: index, memory.span.bytes.extracting(range), heads[index])
        stream += encoder.takeBytes()
      }
      let isSmall = tensors.map {
        ($0.grid?.rowCount ?? 0) <= 1 || ($0.grid?.elementCount ?? 0) < 512
      }
      for index in tensors.indices where isSmall[index] { run(.mantissa(bits: 3), index) }
      small = stream.count
      for plane in 0..<planes {
        for index in tensors.indices where !isSmall[index] {
          run(.significance, index)
          if plane > 0 { run(.refinement, index) }
        }
      }
      planeBytes = stream.count
      for index in tensors.indices {
        run(.mantissa(bits: tensors[index].grid?.format.mantissaBits ?? 0), index)
      }
      encoder.endCodeword()
      stream += encoder.takeBytes()
    }
    var decoded = [UInt8](repeating: 0, count: memory.count)
    var decoder = CodedStreamDecoder(tensors, at: offsets, variant)
    let decoding = try clock.measure {
      var position = 0
      var span = decoded.mutableSpan
      var raw = unsafe span.mutableBytes
      while try decoder.decode(
        stream.span, at: &position, isLast: true, workLimit: 1 << 30, into: &raw) != .hasEnded
      {}
    }
    let values = tensors.reduce(0) { $0 + ($1.grid?.elementCount ?? 0) }
    print(
      "raw \(memory.count) coded \(stream.count) \(Double(stream.count) / Double(memory.count)) small \(small) planes \(planeBytes) exact \(decoded == memory)"
    )
    print("encode \(encoding) decode \(decoding) values \(values)")
  }
}

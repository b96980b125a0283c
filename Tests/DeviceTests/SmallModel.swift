import Checkpoints
import Glibc
import LineModel
import SystemPackage
import Tensors
import Testing

@testable import Runtime

/// A model of a few hundred weights, in a file.
struct SmallModel {
  let checkpoint: Checkpoint
  private let file: TemporaryFile
  /// Where it is as long as this lives.
  var path: FilePath { file.path }

  /// How the weights of a version differ from those of the one before.
  struct Change {
    /// By random numbers of this size.
    var spread = 0.01
    /// And one of them is this large.
    var largest: Double?
  }

  /// A large tensor whose weights have a scale, a bias, a counter; an infinite scale makes one weight
  /// infinite.
  init(_ dtype: DType, scale: Double = 1, seed: UInt64 = 1, _ change: Change? = nil) throws {
    try self.init(
      [("large", dtype, [30, 20]), ("bias", .f32, [30]), ("counter", .i64, [])], scale: scale,
      seed: seed, change)
  }

  init(
    _ tensors: [(String, DType, [Int])], scale: Double = 1, seed: UInt64 = 1,
    _ change: Change? = nil
  ) throws {
    var generator = SeededGenerator(seed: seed)
    var changes = SeededGenerator(seed: seed + 1000)
    var descriptors: [TensorDescriptor] = []
    var contents: [[UInt8]] = []
    for (name, dtype, extents) in tensors {
      let shape = try #require(TensorShape(extents))
      descriptors.append(
        try #require(TensorDescriptor(name: TensorName(name), dtype: dtype, shape: shape)))
      let count = shape.elementCount
      contents.append(
        (0..<count).flatMap { index in
          let sum = (0..<4).reduce(0) { sum, _ in sum + Double.random(in: -1...1, using: &generator)
          }
          let isInfinite = scale == .infinity && index == count / 2
          var value = sum * (scale == .infinity ? 1 : scale)
          if let change {
            value += Double.random(in: -1...1, using: &changes) * change.spread
            if index == count / 3, let largest = change.largest { value = largest }
          }
          return Self.bytes(isInfinite ? scale : value, dtype)
        })
    }
    file = try Self.write(descriptors, contents)
    checkpoint = try Checkpoint(opening: file.path)
  }

  private static func bytes(_ value: Double, _ dtype: DType) -> [UInt8] {
    let bits: UInt64
    switch dtype {
    case .f64: bits = value.bitPattern
    case .f16: bits = UInt64(Float16(value).bitPattern)
    case .bf16: bits = UInt64(Float(value).bitPattern >> 16)
    case .f32: bits = UInt64(Float(value).bitPattern)
    default: bits = value.isFinite ? UInt64(min(abs(value), 1) * 100) : 7
    }
    return (0..<dtype.byteCount).map { UInt8(truncatingIfNeeded: bits >> UInt64(8 * $0)) }
  }

  private static func write(
    _ descriptors: [TensorDescriptor], _ contents: [[UInt8]]
  ) throws -> TemporaryFile {
    let layout = try SafetensorsLayout(tensors: descriptors)
    var bytes = layout.header + [UInt8](repeating: 0, count: layout.byteCount - layout.header.count)
    for (start, content) in zip(layout.dataOffsets, contents) {
      bytes.replaceSubrange(start..<start + content.count, with: content)
    }
    var template = Array("/tmp/wtserial-test-XXXXXX".utf8CString)
    let descriptor = unsafe FileDescriptor(rawValue: mkstemp(&template))
    let file = TemporaryFile(path: FilePath(platformString: template))
    try descriptor.closeAfter { _ = try descriptor.writeAll(bytes) }
    return file
  }
}

/// A file that goes with what has made it.
private final class TemporaryFile {
  let path: FilePath

  init(path: FilePath) { self.path = path }

  deinit { _ = unsafe unlink(path.string) }
}

/// The image of a model by its definition: magnitudes in units of the plane that is the last one.
struct DeviceImage {
  private(set) var bytes: [UInt8] = []

  init(_ checkpoint: Checkpoint, planeCount: Int = 7) throws {
    for index in checkpoint.tensors.indices {
      let tensor = checkpoint.tensors[index].descriptor
      while bytes.count % 4 != 0 { bytes.append(0) }
      let content = try checkpoint.bytes(of: index, in: 0..<tensor.byteCount)
      bytes += Self.isPlaned(tensor) ? Self.planes(content, count: planeCount) : content
    }
  }

  static func isPlaned(_ tensor: TensorDescriptor) -> Bool {
    let isFloat = [.f32, .f64, .f16, .bf16].contains(tensor.dtype)
    return isFloat && tensor.shape.elementCount >= 512 && tensor.shape.rank > 1
  }

  private static func planes(_ content: [UInt8], count: Int) -> [UInt8] {
    let values = stride(from: 0, to: content.count, by: 4).map { place in
      Float(bitPattern: (0..<4).reduce(0) { $0 | UInt32(content[place + $1]) << UInt32(8 * $1) })
    }
    let top = values.map { abs($0) }.max() ?? 0
    guard top > 0 else { return values.map { _ in 0 } }
    let unit = Float(sign: .plus, exponent: top.exponent - 6, significand: 1)
    return values.map { value in
      let magnitude = UInt8(abs(value) / unit) & (0x7F << UInt8(7 - count))
      return magnitude == 0 ? 0 : magnitude | (value < 0 ? 0x80 : 0)
    }
  }
}

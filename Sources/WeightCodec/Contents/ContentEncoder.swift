public import Tensors

/// Writes a tensor in a representation: twin of `ContentDecoder`.
///
/// Two passes over the tensor's bytes, each in any portions: `survey` learns what the parameters are,
/// `encode` appends parameters and codes. An exact tensor needs no survey.
public struct ContentEncoder {
  private let tensor: TensorDescriptor
  /// What was asked for, or `.exact` where the values do not allow it.
  public private(set) var representation: Representation
  private var elements: ElementReader
  private var ranges: [ValueRange] = []
  private var symmetric: [SymmetricQuantizer] = []
  private var affine: AffineQuantizer?
  private var packer = CodePacker()
  private let elementsPerChannel: Int
  private var elementIndex = 0

  /// - Precondition: the representation is valid for the tensor.
  public init(_ tensor: TensorDescriptor, _ representation: Representation) {
    precondition(representation.isValid(for: tensor), "the representation fits the tensor")
    self.tensor = tensor
    self.representation = representation
    elements = ElementReader(tensor.dtype)
    let channels = Representation.channelCount(of: tensor.shape)
    elementsPerChannel = max(channels > 0 ? tensor.shape.elementCount / channels : 0, 1)
    switch representation {
    case .exact: break
    case .cast: ranges = [ValueRange()]
    case .affine: ranges = [ValueRange()]
    case .channel: ranges = Array(repeating: ValueRange(), count: channels)
    }
  }

  /// Whether `survey` has to see the tensor before `encode` does.
  public var needsSurvey: Bool { !ranges.isEmpty }

  /// First pass: the next bytes of the tensor.
  public mutating func survey(_ bytes: Span<UInt8>) {
    guard needsSurvey else { return }
    for index in bytes.indices {
      guard let value = elements.take(bytes[index]) else { continue }
      let channel = ranges.count == 1 ? 0 : elementIndex / elementsPerChannel
      ranges[channel].observe(value)
      elementIndex += 1
    }
  }

  /// Ends the first pass and appends the parameters to `output`.
  ///
  /// A tensor with a NaN or an infinity, or whose scales no `Float` holds, is written exactly: no
  /// code stands for such values, and none is lost in silence.
  public mutating func finishSurvey(into output: inout [UInt8]) {
    elements = ElementReader(tensor.dtype)
    elementIndex = 0
    guard let whole = Self.quantizers(for: representation, ranges) else {
      representation = .exact
      return
    }
    (affine, symmetric) = whole
    if let affine {
      output.append(littleEndian: affine.minimum.bitPattern, byteCount: 8)
      output.append(littleEndian: affine.maximum.bitPattern, byteCount: 8)
    }
    for quantizer in symmetric {
      output.append(littleEndian: UInt64(quantizer.scale.bitPattern), byteCount: 4)
    }
  }

  private static func quantizers(
    for representation: Representation, _ ranges: [ValueRange]
  ) -> (AffineQuantizer?, [SymmetricQuantizer])? {
    for range in ranges where !range.isFinite { return nil }
    switch representation {
    case .exact: return (nil, [])
    case .cast(let dtype):
      let greatest = FloatBits.bits(ranges[0].magnitude, dtype)
      return FloatBits.value(greatest, dtype).isFinite ? (nil, []) : nil
    case .affine(let bits):
      let range = ranges[0]
      guard range.minimum <= range.maximum else { return nil }
      return (AffineQuantizer(minimum: range.minimum, maximum: range.maximum, bits: bits), [])
    case .channel(let bits):
      var found: [SymmetricQuantizer] = []
      for range in ranges {
        guard let quantizer = SymmetricQuantizer(magnitude: range.magnitude, bits: bits) else {
          return nil
        }
        found.append(quantizer)
      }
      return (nil, found)
    }
  }

  /// Second pass: appends what the next bytes of the tensor become.
  public mutating func encode(_ bytes: Span<UInt8>, into output: inout [UInt8]) {
    switch representation {
    case .exact: output.append(copying: bytes)
    case .affine(let bits):
      guard let affine else { return }
      forEachValue(in: bytes) { packer, value, _ in
        packer.append(affine.code(of: value), bits: bits, into: &output)
      }
    case .channel(let bits):
      let quantizers = symmetric
      let mask = UInt8(truncatingIfNeeded: 1 << bits - 1)
      forEachValue(in: bytes) { packer, value, channel in
        let code = UInt8(bitPattern: quantizers[channel].code(of: value))
        packer.append(code & mask, bits: bits, into: &output)
      }
    case .cast(let dtype):
      forEachValue(in: bytes) { _, value, _ in
        output.append(littleEndian: FloatBits.bits(value, dtype), byteCount: dtype.byteCount)
      }
    }
  }

  /// Ends the second pass.
  public mutating func finish(into output: inout [UInt8]) { packer.finish(into: &output) }

  private mutating func forEachValue(
    in bytes: Span<UInt8>, _ body: (inout CodePacker, Double, _ channel: Int) -> Void
  ) {
    for index in bytes.indices {
      guard let value = elements.take(bytes[index]) else { continue }
      body(&packer, value, symmetric.count > 1 ? elementIndex / elementsPerChannel : 0)
      elementIndex += 1
    }
  }
}

/// Joins bytes to elements of a float type.
struct ElementReader {
  private let dtype: DType
  private let byteCount: Int
  private var bits: UInt64 = 0
  // 0 <= filled < byteCount
  private var filled = 0

  init(_ dtype: DType) {
    self.dtype = dtype
    byteCount = dtype.byteCount
  }

  /// The value that ends with this byte, if one does.
  mutating func take(_ byte: UInt8) -> Double? {
    bits |= UInt64(byte) << UInt64(8 * filled)
    filled += 1
    guard filled == byteCount else { return nil }
    defer {
      bits = 0
      filled = 0
    }
    return FloatBits.value(bits, dtype)
  }
}

/// Appends codes of a few bits without gaps, the first in the lowest bits.
///
/// Twin of `CodeUnpacker`.
struct CodePacker {
  private var bits: UInt32 = 0
  private var count = 0

  mutating func append(_ code: UInt8, bits width: Int, into output: inout [UInt8]) {
    bits |= UInt32(code) << UInt32(count)
    count += width
    if count >= 8 {
      output.append(UInt8(truncatingIfNeeded: bits))
      bits >>= 8
      count -= 8
    }
  }

  mutating func finish(into output: inout [UInt8]) {
    if count > 0 { output.append(UInt8(truncatingIfNeeded: bits)) }
    self = CodePacker()
  }
}

extension [UInt8] {
  mutating func append(copying bytes: Span<UInt8>) {
    unsafe bytes.withUnsafeBufferPointer { unsafe append(contentsOf: $0) }
  }

  mutating func append(littleEndian number: UInt64, byteCount: Int) {
    for index in 0..<byteCount { append(UInt8(truncatingIfNeeded: number >> UInt64(8 * index))) }
  }
}

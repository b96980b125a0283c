public import Tensors

/// Why content is not that of its tensor.
public enum ContentError: Error, Equatable, Sendable {
  /// It goes on behind the tensor's last element.
  case tooLong
  /// It ends before.
  case tooShort
  /// A minimum, maximum or scale that no encoder writes.
  case badParameters
}

/// Reads a tensor from a representation, in any portions: twin of `ContentEncoder`.
///
/// The elements come out in the tensor's own dtype, row-major.
public struct ContentDecoder {
  private let tensor: TensorDescriptor
  private let representation: Representation
  private let elementsPerChannel: Int
  private var parameters: [UInt8] = []
  private var parameterBytesLeft: Int
  private var affine: AffineQuantizer?
  private var symmetric: [SymmetricQuantizer] = []
  private var unpacker = CodeUnpacker()
  private var casts = ElementReader(.f16)
  private var elementIndex = 0
  // 0 <= remaining
  private var remaining: Int

  /// - Precondition: the representation is valid for the tensor.
  public init(_ tensor: TensorDescriptor, _ representation: Representation) {
    self.tensor = tensor
    self.representation = representation
    remaining = representation.byteCount(for: tensor)
    parameterBytesLeft = representation.parameterByteCount(for: tensor)
    let channels = Representation.channelCount(of: tensor.shape)
    elementsPerChannel = max(channels > 0 ? tensor.shape.elementCount / channels : 0, 1)
    if case .cast(let dtype) = representation { casts = ElementReader(dtype) }
  }

  /// Appends the elements that the next bytes of content complete.
  public mutating func decode(
    _ bytes: Span<UInt8>, into output: inout [UInt8]
  ) throws(ContentError) {
    guard bytes.count <= remaining else { throw .tooLong }
    remaining -= bytes.count
    if case .exact = representation {
      output.append(copying: bytes)
      return
    }
    for index in bytes.indices {
      if parameterBytesLeft > 0 {
        parameters.append(bytes[index])
        parameterBytesLeft -= 1
        if parameterBytesLeft == 0 { try parseParameters() }
      } else {
        take(bytes[index], into: &output)
      }
    }
  }

  /// Checks that nothing is missing.
  public func finish() throws(ContentError) {
    guard remaining == 0 else { throw .tooShort }
  }

  private mutating func take(_ byte: UInt8, into output: inout [UInt8]) {
    switch representation {
    case .exact: break  // Copied whole.
    case .cast:
      guard let value = casts.take(byte) else { return }
      append(value, into: &output)
    case .affine(let bits):
      guard let affine else { return }
      unpacker.append(byte)
      while elementIndex < tensor.shape.elementCount, let code = unpacker.next(bits: bits) {
        append(affine.value(of: code), into: &output)
      }
    case .channel(let bits):
      unpacker.append(byte)
      while elementIndex < tensor.shape.elementCount, let code = unpacker.next(bits: bits) {
        let shift = UInt8(8 - bits)
        let signed = Int8(bitPattern: code << shift) >> Int8(shift)
        let channel = symmetric.count > 1 ? elementIndex / elementsPerChannel : 0
        append(symmetric[channel].value(of: signed), into: &output)
      }
    }
  }

  private mutating func append(_ value: Double, into output: inout [UInt8]) {
    elementIndex += 1
    output.append(
      littleEndian: FloatBits.bits(value, tensor.dtype), byteCount: tensor.dtype.byteCount)
  }

  private mutating func parseParameters() throws(ContentError) {
    switch representation {
    case .exact, .cast: break
    case .affine(let bits):
      let minimum = Double(bitPattern: number(at: 0, byteCount: 8))
      let maximum = Double(bitPattern: number(at: 8, byteCount: 8))
      guard minimum.isFinite, maximum.isFinite, minimum <= maximum else { throw .badParameters }
      affine = AffineQuantizer(minimum: minimum, maximum: maximum, bits: bits)
    case .channel(let bits):
      for offset in stride(from: 0, to: parameters.count, by: 4) {
        let scale = Float(bitPattern: UInt32(number(at: offset, byteCount: 4)))
        guard scale.isFinite, scale >= 0 else { throw .badParameters }
        symmetric.append(SymmetricQuantizer(scale: scale, bits: bits))
      }
    }
    parameters = []
  }

  private func number(at offset: Int, byteCount: Int) -> UInt64 {
    var number: UInt64 = 0
    for index in (0..<byteCount).reversed() {
      number = number << 8 | UInt64(parameters[offset + index])
    }
    return number
  }
}

/// Takes codes of a few bits out of bytes.
///
/// Twin of `CodePacker`.
struct CodeUnpacker {
  private var bits: UInt32 = 0
  private var count = 0

  mutating func append(_ byte: UInt8) {
    bits |= UInt32(byte) << UInt32(count)
    count += 8
  }

  mutating func next(bits width: Int) -> UInt8? {
    guard count >= width else { return nil }
    let code = UInt8(truncatingIfNeeded: bits & (1 << UInt32(width) - 1))
    bits >>= UInt32(width)
    count -= width
    return code
  }
}

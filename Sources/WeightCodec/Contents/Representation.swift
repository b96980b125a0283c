public import Tensors

/// How the values of a tensor are written as bytes before compression: its content.
///
///     exact       the elements as they are
///     affine      minimum f64, maximum f64, then a code of `bits` for each element
///     channel     a scale f32 for each output channel, then a code of `bits` for each element
///     cast        the elements as another float type
///
/// Numbers are little-endian; codes are packed, the first in the lowest bits (Protocol.md §6.2).
public enum Representation: Hashable, Sendable {
  case exact
  /// min/max quantization of the whole tensor: code = round((x − min) / (max − min) · (2^bits − 1)).
  case affine(bits: Int)
  /// Symmetric quantization of each output channel (the first extent; one channel below rank 2):
  /// code = round(x / scale), scale = max |x| / (2^(bits−1) − 1); signed, as TensorFlow Lite for
  /// Microcontrollers and CMSIS-NN use it. The lowest code is never used.
  case channel(bits: Int)
  /// Rounding to a float type of 16 bits.
  case cast(DType)

  /// Code lengths that the quantizers take.
  public static let bitsRange = 2...8

  /// The channels of a tensor for `.channel`.
  public static func channelCount(of shape: TensorShape) -> Int {
    shape.rank >= 2 ? shape.extents[0] : 1
  }

  /// Whether a tensor may be written so; an exact one may be any.
  ///
  /// An empty tensor has no values to quantize, and no content whose parameters could be sent.
  public func isValid(for tensor: TensorDescriptor) -> Bool {
    switch self {
    case .exact: true
    case .affine(let bits), .channel(let bits):
      tensor.dtype.isQuantizable && Self.bitsRange.contains(bits)
        && Self.quantizableByteCounts.contains(tensor.byteCount)
    case .cast(let dtype): tensor.dtype.isQuantizable && (dtype == .f16 || dtype == .bf16)
    }
  }

  // The parameters of a channel may take twice the bytes of its tensor, and codes half of them: a
  // quarter of what an `Int` holds leaves room for both, and for the 16 bytes of an affine one.
  private static let quantizableByteCounts = 1...Int.max / 4

  /// The bytes before the codes.
  public func parameterByteCount(for tensor: TensorDescriptor) -> Int {
    switch self {
    case .exact, .cast: 0
    case .affine: 16
    case .channel: 4 * Self.channelCount(of: tensor.shape)
    }
  }

  /// The size of a tensor's content.
  ///
  /// - Precondition: `isValid(for:)`.
  public func byteCount(for tensor: TensorDescriptor) -> Int {
    precondition(isValid(for: tensor), "the representation fits the tensor")
    let count = tensor.shape.elementCount
    return switch self {
    case .exact: tensor.byteCount
    case .affine(let bits), .channel(let bits):
      parameterByteCount(for: tensor) + CodePacking.byteCount(codeCount: count, bits: bits)
    case .cast(let dtype): count * dtype.byteCount
    }
  }
}

/// The places of packed codes.
public enum CodePacking {
  /// The bytes of `codeCount` codes without gaps; a last one is filled with zero bits.
  public static func byteCount(codeCount: Int, bits: Int) -> Int {
    // A tensor of n elements has at least n bytes, so n · 8 / 8 cannot overflow in these steps.
    codeCount / 8 * bits + (codeCount % 8 * bits + 7) / 8
  }
}

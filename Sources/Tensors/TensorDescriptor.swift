/// A tensor's name, as UTF-8: the portable layers compare and copy names and never read them.
public struct TensorName: Hashable, Sendable {
  /// The bytes of the name.
  public let utf8: [UInt8]

  /// Takes the bytes as they are; whether they are valid UTF-8 is not checked.
  public init(utf8: [UInt8]) {
    self.utf8 = utf8
  }
}

#if !$Embedded
extension TensorName: ExpressibleByStringLiteral, CustomStringConvertible {
  /// A name as a literal.
  public init(stringLiteral value: String) {
    self.init(utf8: Array(value.utf8))
  }

  /// The name of a tensor as the checkpoint spells it.
  public init(_ name: String) {
    self.init(utf8: Array(name.utf8))
  }

  /// The name, where it is UTF-8.
  public var description: String { String(decoding: utf8, as: UTF8.self) }
}
#endif

/// What a tensor is called and how its elements are to be read.
public struct TensorDescriptor: Hashable, Sendable {
  /// The path of the tensor in its checkpoint, such as `layer1.0.conv.weight`.
  public let name: TensorName
  /// The type of each element.
  public let dtype: DType
  /// The extents, outermost first.
  public let shape: TensorShape
  /// The size of all elements together; little-endian, row-major, without gaps.
  public let byteCount: Int

  /// Returns nil where the size in bytes does not fit an `Int`.
  public init?(name: TensorName, dtype: DType, shape: TensorShape) {
    let (byteCount, overflow) = shape.elementCount.multipliedReportingOverflow(by: dtype.byteCount)
    guard !overflow else { return nil }
    self.name = name
    self.dtype = dtype
    self.shape = shape
    self.byteCount = byteCount
  }
}

/// Where a tensor lies in an image, for those who compute with it.
public struct TensorPlace: Sendable {
  /// The offset of its first element in the image.
  public let offset: Int
  /// How many elements it has.
  public let elementCount: Int
  /// Whether each is a byte of planes; else the elements are as they were sent.
  public let isPlaned: Bool
}

extension ModelTable {
  /// The place of the tensor with this number in the manifest.
  ///
  /// - Precondition: the table has it.
  public func place(of index: Int) -> TensorPlace {
    guard let entry = entry(index, amongContents: false) else {
      preconditionFailure("a tensor of the model")
    }
    return TensorPlace(
      offset: entry.offset, elementCount: entry.elementCount, isPlaned: entry.isPlaned)
  }
}

/// What the bytes of a tensor in planes stand for, as integers with one scale.
public struct PlaneScale: Sendable {
  // In halves of the seventh plane: below the last plane that is known.
  private let middle: Int32
  /// The level of one unit (Protocol.md §6.3): a float32 is the integer times 2^(level − 149).
  public let level: Int

  /// As far as a tensor has come.
  public init(_ state: TensorState) {
    middle = 0x80 >> Int32(truncatingIfNeeded: state.planeCount)
    level = Int(state.topLevel) &- PlaneByte.planeLimit
  }

  /// A weight, from −255 to 255.
  @inline(__always)
  public func weight(_ byte: UInt8) -> Int32 {
    let magnitude = Int32(truncatingIfNeeded: byte & PlaneByte.magnitude)
    if magnitude == 0 { return 0 }
    let value = magnitude &<< 1 | middle
    return byte & PlaneByte.sign != 0 ? 0 &- value : value
  }
}

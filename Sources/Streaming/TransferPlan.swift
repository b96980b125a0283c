public import Tensors
public import WeightCodec

/// How the sender wants its tensors written.
public struct PlanPolicy: Equatable, Sendable {
  /// Tensors with fewer elements than this are small: they go first, and exactly.
  ///
  /// Biases, norms and running statistics cost next to nothing, and without them a network is at
  /// chance.
  public static let smallElementCount = 512

  /// What large float tensors are written as.
  public var representation: Representation
  /// What the contents are packed with.
  public var compression: Compression

  /// Joins the two.
  public init(representation: Representation = .exact, compression: Compression = .deflate) {
    self.representation = representation
    self.compression = compression
  }

  /// What one tensor is written as.
  public func representation(for tensor: TensorDescriptor) -> Representation {
    Self.isSmall(tensor) || !representation.isValid(for: tensor) ? .exact : representation
  }

  static func isSmall(_ tensor: TensorDescriptor) -> Bool {
    tensor.shape.elementCount < smallElementCount || tensor.shape.rank < 2
  }
}

/// What is sent, in order of worth.
///
/// Small float tensors first; then the others by expected gain per byte: a whole tensor repairs all
/// of its relative error, which counts √n for n elements, so gain per byte falls with size. What is
/// not a float (counters, positions) comes last. Within a group, file order breaks ties.
public struct TransferPlan: Equatable, Sendable {
  /// What the model consists of.
  public let manifest: Manifest
  /// The contents in the order in which they go out; each tensor with content once.
  public let units: [Unit]

  /// Plans a whole model.
  public init(_ manifest: Manifest, _ policy: PlanPolicy) {
    self.manifest = manifest
    var order = manifest.entries.indices.filter { manifest.entries[$0].hasContent }
    let ranks = manifest.entries.map { Self.rank(of: $0.tensor, policy) }
    order.sort { left, right in
      let (first, second) = (ranks[left], ranks[right])
      if first.group != second.group { return first.group < second.group }
      if first.cost != second.cost { return first.cost < second.cost }
      return left < right
    }
    units = order.map { index in
      Unit(
        tensorIndex: index,
        representation: policy.representation(for: manifest.entries[index].tensor),
        compression: policy.compression)
    }
  }

  /// The bytes of all contents before compression.
  public var contentByteCount: Int {
    var sum = 0
    for unit in units {
      sum += unit.representation.byteCount(for: manifest.entries[unit.tensorIndex].tensor)
    }
    return sum
  }

  /// The group, and within it the bytes per gain, squared to do without a square root:
  /// (bytes / √n)².
  private static func rank(
    of tensor: TensorDescriptor, _ policy: PlanPolicy
  ) -> (group: Int, cost: Double) {
    guard tensor.dtype.isQuantizable || tensor.dtype.isNarrowFloat else { return (2, 0) }
    if PlanPolicy.isSmall(tensor) { return (0, 0) }
    let bytes = Double(policy.representation(for: tensor).byteCount(for: tensor))
    return (1, bytes * bytes / Double(tensor.shape.elementCount))
  }
}

public import Tensors
public import WeightCodec

/// How a sender writes tensors whole, one after the other: what others do, to compare with and for
/// receivers that know nothing else.
public struct PlainPolicy: Equatable, Sendable {
  /// What large float tensors are written as.
  public var representation: Representation
  /// What the contents are packed with.
  public var compression: Compression
  /// Whether tensors go in the order of the file, and not by worth.
  public var isInFileOrder = false

  /// Joins the two.
  public init(representation: Representation = .exact, compression: Compression = .deflate) {
    self.representation = representation
    self.compression = compression
  }

  /// Whether a tensor keeps its values, whatever becomes of the others: a bias, a norm.
  public static func isSmall(_ tensor: TensorDescriptor) -> Bool { tensor.isSmall }

  /// What one tensor is written as.
  public func representation(for tensor: TensorDescriptor) -> Representation {
    tensor.isSmall || !representation.isValid(for: tensor) ? .exact : representation
  }
}

/// What is expected of a tensor's whole content.
public struct ContentFacts: Equatable, Sendable {
  /// What it takes, represented and packed.
  public let byteCount: Double
  /// The squared error of the values that arrive, in parts of their energy.
  public let relativeError: Double

  /// Joins the two.
  public init(byteCount: Double, relativeError: Double) {
    self.byteCount = byteCount
    self.relativeError = relativeError
  }
}

extension TransferPlan {
  /// Plans whole tensors.
  ///
  /// `facts` tells of tensors by their index; one that is not named counts as exact and not packed.
  ///
  /// Small floats go first, then the others by expected gain per byte: a whole tensor repairs all of its
  /// relative error, which counts √n for n elements, so gain per byte falls with size. What is not a float
  /// (counters, positions) comes last. Within a group, file order breaks ties.
  public init(_ manifest: Manifest, _ policy: PlainPolicy, _ facts: [Int: ContentFacts] = [:]) {
    var order = manifest.arriving
    let ranks = manifest.entries.map { Self.rank(of: $0.tensor, policy) }
    order.sort { left, right in
      let (first, second) = (ranks[left], ranks[right])
      if first.group != second.group { return first.group < second.group }
      if first.cost != second.cost { return first.cost < second.cost }
      return left < right
    }
    if policy.isInFileOrder { order.sort() }
    var steps = order.map { index in
      let tensor = manifest.entries[index].tensor
      let unit = Unit(
        tensorIndex: index, representation: policy.representation(for: tensor),
        compression: policy.compression)
      let byteCount = Double(unit.representation.byteCount(for: tensor))
      let facts = facts[index] ?? ContentFacts(byteCount: byteCount, relativeError: 0)
      return PlanStep(
        .content(unit), byteCount: facts.byteCount + Self.contentByteCount,
        gain: tensor.dtype.isFloat ? 1 / max(facts.byteCount, 1) : 0,
        relativeError: facts.relativeError)
    }
    var quality = PlanQuality(manifest)
    for step in steps { quality.note(step) }
    let complete = Milestone(.complete, signalToNoise: quality.roundedSignalToNoise)
    steps.append(PlanStep(.milestone(complete), byteCount: Self.milestoneByteCount))
    self.init(manifest, steps)
  }

  /// The group, and within it the bytes per gain, squared to do without a square root:
  /// (bytes / √n)².
  private static func rank(
    of tensor: TensorDescriptor, _ policy: PlainPolicy
  ) -> (group: Int, cost: Double) {
    guard tensor.dtype.isFloat else { return (2, 0) }
    if tensor.isSmall { return (0, 0) }
    let bytes = Double(policy.representation(for: tensor).byteCount(for: tensor))
    return (1, bytes * bytes / Double(tensor.shape.elementCount))
  }
}

/// In which order passes go out.
public enum PassOrder: String, CaseIterable, Sendable {
  /// By what they repair for a byte.
  case value
  /// Tensor by tensor, as in the file, each to its end.
  case file
  /// Plane by plane, each of all tensors.
  case planes
  /// By threshold, the largest first, whatever tensor it is of.
  case magnitude
}

/// How a sender plans a model in planes.
public struct ProgressivePolicy: Equatable, Sendable {
  /// In which order passes go out.
  public var order: PassOrder
  /// Planes of large float tensors, where they are to be cut; nil for all, and exactness.
  public var planeLimit: Int?
  /// Whether the coded stream has planes of large float tensors and nothing else: all others go whole.
  public var codesPlanesOnly = false

  /// Joins the two.
  public init(order: PassOrder = .value, planeLimit: Int? = nil) {
    self.order = order
    self.planeLimit = planeLimit
  }
}

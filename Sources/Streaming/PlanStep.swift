public import WeightCodec

/// One step of a plan: what goes out next, and what is expected of it.
public struct PlanStep: Equatable, Sendable {
  /// What goes out.
  public enum Action: Equatable, Sendable {
    /// A pass over a tensor, in the coded stream.
    case pass(Pass, tensorIndex: Int)
    /// A tensor's whole content, as records of its own.
    case content(Unit)
    /// A word to the receiver.
    case milestone(Milestone)
  }

  /// What goes out.
  public let action: Action
  /// The bytes of the stream that it is expected to take, a fraction of one for small passes.
  public let byteCount: Double
  /// What it repairs for a byte; 0 where nothing was weighed.
  ///
  /// Squared error of the tensor, in parts of the tensor's energy and times its weight; of all steps
  /// together that only pay together.
  public let gain: Double
  /// The expected squared error of the tensor behind it, in parts of the tensor's energy.
  public let relativeError: Double

  /// Joins the parts.
  public init(_ action: Action, byteCount: Double, gain: Double = 0, relativeError: Double = 0) {
    self.action = action
    self.byteCount = byteCount
    self.gain = gain
    self.relativeError = relativeError
  }

  /// The tensor that it is about.
  public var tensorIndex: Int? {
    switch action {
    case .pass(_, let index): index
    case .content(let unit): unit.tensorIndex
    case .milestone: nil
    }
  }
}

/// What the planner knows of a tensor.
public struct TensorFacts: Sendable {
  /// How it may go.
  public enum Way: Sendable {
    /// In planes; sizes by entropy are corrected by these factors, which a sample told.
    case planes(TensorSurvey, PassScales)
    /// In planes, as what differs from the base's, to which an update may be added first.
    case difference(DifferenceSurvey, LowRankUpdate?)
    /// Whole, by this action.
    case whole(PlanStep.Action, byteCount: Double)
  }

  /// How it may go.
  public let way: Way
  /// How much its relative error matters; nil to go by its size.
  public let weight: Double?

  /// Joins the two.
  public init(_ way: Way, weight: Double? = nil) {
    self.way = way
    self.weight = weight
  }
}

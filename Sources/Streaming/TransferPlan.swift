internal import Tensors
public import WeightCodec

/// What is sent, in order.
public struct TransferPlan: Equatable, Sendable {
  /// What the model consists of.
  public var manifest: Manifest
  /// What goes out, step by step; milestones with it.
  public let steps: [PlanStep]

  /// The bytes of the stream that are expected: records and all, but nothing of the link.
  public let byteCount: Double
  /// Those before the first step.
  public let manifestByteCount: Int

  /// The squared error in parts of the energy before the first step, of large tensors that the receiver has an
  /// earlier version of, by index; that of all others is 1.
  public let baseErrors: [Int: Double]

  /// Joins the three.
  init(_ manifest: Manifest, _ steps: [PlanStep], baseErrors: [Int: Double] = [:]) {
    self.baseErrors = baseErrors
    var sum = Double(manifest.encoded().count) + Self.finishByteCount
    for step in steps { sum += step.byteCount }
    self.manifest = manifest.expecting(byteCount: sum)
    self.steps = steps
    byteCount = sum
    manifestByteCount = self.manifest.encoded().count
  }

  // The record that ends the stream.
  private static let finishByteCount = 34.0
  /// Of a milestone: its record, and the end of a codeword.
  static let milestoneByteCount = 7.0
  /// Of a content: the unit's record, the digest's, and the headers of its pieces.
  package static let contentByteCount = 44.0
}

extension Manifest {
  /// The tensors of the coded stream, those with content in their order, and where each is here.
  public var codedTensors: (tensors: [CodedTensor], indices: [Int]) {
    var tensors: [CodedTensor] = []
    var indices: [Int] = []
    let relations = relations
    for index in entries.indices where entries[index].hasContent {
      let tensor = entries[index].tensor
      let grid = TensorGrid(tensor)
      tensors.append(
        CodedTensor(
          grid: grid, elementByteCount: grid?.format.byteCount ?? tensor.dtype.byteCount,
          byteCount: tensor.byteCount, hasBase: relations[index] == .difference))
      indices.append(index)
    }
    return (tensors, indices)
  }
}

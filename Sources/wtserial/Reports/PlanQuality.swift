import Streaming
import Tensors
import WeightCodec

/// How good the model is to be expected after each step: the mean over the weights of large tensors.
struct PlanQuality {
  private let counts: [Int: Double]
  /// Of tensors that something has come for, by index.
  private(set) var errors: [Int: Double] = [:]
  private var total = 0.0
  private var error = 0.0

  init(_ manifest: Manifest) {
    var counts: [Int: Double] = [:]
    for (index, entry) in manifest.entries.enumerated() where Self.counts(entry) {
      counts[index] = Double(entry.tensor.shape.elementCount)
      total += Double(entry.tensor.shape.elementCount)
    }
    self.counts = counts
    error = total
  }

  /// Whether a tensor counts: a large one of floats.
  static func counts(_ entry: Manifest.Entry) -> Bool {
    entry.hasContent && FloatFormat(entry.tensor.dtype) != nil && !PlainPolicy.isSmall(entry.tensor)
  }

  mutating func note(_ step: PlanStep) {
    guard let index = step.tensorIndex, let count = counts[index] else { return }
    error += count * (step.relativeError - (errors[index] ?? 1))
    errors[index] = step.relativeError
  }

  /// In decibels; nil where nothing is left to err, or nothing was there.
  var signalToNoise: Double? {
    guard total > 0, error > total * 1e-14 else { return nil }
    return Self.decibels(error / total)
  }

  /// The ratio for a squared error in parts of the energy; nil for none.
  static func decibels(_ relativeError: Double) -> Double? {
    relativeError > 0 ? -10 * PassSizes.log10(relativeError) : nil
  }
}

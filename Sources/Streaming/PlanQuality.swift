internal import Tensors
internal import WeightCodec

/// How good the model is to be expected after each step of a plan: the mean over the weights of large
/// tensors.
public struct PlanQuality: Sendable {
  private let counts: [Int: Double]
  /// The squared error in parts of the energy, of tensors that something has come for, by index.
  public private(set) var errors: [Int: Double] = [:]
  private var total = 0.0
  private var error = 0.0

  /// Before the first step: nothing is known of the tensors that come but what `baseErrors` tell.
  public init(_ manifest: Manifest, baseErrors: [Int: Double] = [:]) {
    var counts: [Int: Double] = [:]
    for (index, relation) in manifest.relations.enumerated()
    where Self.counts(manifest.entries[index]) {
      let count = Double(manifest.entries[index].tensor.shape.elementCount)
      total += count
      // What is kept is right from the beginning on.
      guard relation != .kept else { continue }
      counts[index] = count
      error += count * (baseErrors[index] ?? 1)
    }
    self.counts = counts
    errors = baseErrors
  }

  /// Whether a tensor counts: a large one of floats.
  public static func counts(_ entry: Manifest.Entry) -> Bool {
    entry.hasContent && FloatFormat(entry.tensor.dtype) != nil && !entry.tensor.isSmall
  }

  /// The next step has come.
  public mutating func note(_ step: PlanStep) {
    guard let index = step.tensorIndex, let count = counts[index] else { return }
    error += count * (step.relativeError - (errors[index] ?? 1))
    errors[index] = step.relativeError
  }

  /// In decibels; nil where nothing is left to err, or nothing was there.
  public var signalToNoise: Double? {
    // Sums of differences end near zero.
    guard total > 0, error > total * 1e-14 else { return nil }
    return Self.decibels(error / total)
  }

  /// As a milestone has it.
  var roundedSignalToNoise: Int? { signalToNoise.map { Int($0.rounded()) } }

  /// The ratio of signal to noise for a squared error in parts of the energy; nil for none.
  public static func decibels(_ relativeError: Double) -> Double? {
    relativeError > 0 ? -10 * PassSizes.log10(relativeError) : nil
  }
}

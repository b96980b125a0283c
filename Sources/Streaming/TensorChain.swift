internal import WeightCodec

/// The passes of one tensor in their order, and what each repairs.
struct TensorChain {
  /// Passes that only pay together.
  struct Link {
    var steps: [PlanStep]
    // Weighted error that they repair for a byte.
    var gain: Double
  }

  // Below this relative error planes end, and what is left of mantissas comes in one go: −60 dB.
  private static let planeError = 1e-6
  // A tensor goes in one pass where that takes so much less, and being early is worth nothing then.
  private static let directShare = 0.5
  // Of a unit: the number of its tensor, its kind and the like.
  private static let unitByteCount = 1.0

  private(set) var steps: [PlanStep] = []
  /// The step that makes the tensor exact; nil where it is cut before.
  private(set) var last: PlanStep?
  /// Steps that begin with the plane of that number; as many as there are planes.
  private(set) var planeStarts: [Int] = []
  /// The squared error before the first step, in parts of the energy: 1, unless there is a base.
  private(set) var initialError = 1.0

  /// Plans a matrix: planes down to `planeLimit` or to what is worth it, then all mantissas.
  init(index: Int, _ survey: TensorSurvey, _ scales: PassScales, planeLimit: Int?) {
    let energy = survey.energy > 0 ? survey.energy : 1
    let sizes = PassSizes(survey)
    var progress = TensorProgress()
    progress.begin(topLevel: survey.head.topLevel)
    func step(_ pass: Pass, plane: Int, error: Double) -> PlanStep {
      let bits = sizes.bitCount(of: pass, after: progress) * scales.scale(of: pass, plane: plane)
      progress.note(pass, survey.grid)
      return PlanStep(
        .pass(pass, tensorIndex: index), byteCount: bits / 8 + Self.unitByteCount,
        relativeError: error / energy)
    }
    var error = survey.energy
    // Where all is zero the first pass says so, and what is no number.
    let planeCount = survey.head.topLevel.map { $0 + 1 } ?? 1
    // Planes beyond would tell of the largest weights what is known: that these bits are zero.
    let usefulCount = survey.grid.format.mantissaBits + 1 - Int(survey.meanZeroBits.rounded())
    for plane in 0..<min(planeLimit ?? max(usefulCount, 1), planeCount) {
      guard planeLimit != nil || error > Self.planeError * energy else { break }
      planeStarts.append(steps.count)
      error = survey.squaredError(refined: plane, significant: plane + 1)
      steps.append(step(.significance, plane: plane, error: error))
      guard plane > 0 else { continue }
      error = survey.squaredError(refined: plane + 1, significant: plane + 1)
      steps.append(step(.refinement, plane: plane, error: error))
    }
    let whole = Pass.mantissa(bits: survey.grid.format.mantissaBits)
    if planeLimit == nil { last = step(whole, plane: planeStarts.count, error: 0) }
    let byteCount = steps.reduce(last?.byteCount ?? 0) { $0 + $1.byteCount }
    progress = TensorProgress()
    progress.begin(topLevel: survey.head.topLevel)
    let direct = step(whole, plane: 0, error: 0)
    guard direct.byteCount < Self.directShare * byteCount else { return }
    (steps, planeStarts, last) = ([direct], [0], nil)
  }

  /// Plans what differs from a base: the planes after which the rest comes cheapest, and that, if
  /// planes are not all that is kept.
  init(index: Int, _ survey: DifferenceSurvey, _ update: LowRankUpdate?, isCut: Bool) {
    // It goes along with the first pass.
    var firstByteCount = Double(update?.bitCount ?? 0) / 8
    let energy = survey.energy > 0 ? survey.energy : 1
    let count = survey.bestPlaneCount
    // The first planes are those of the base: there from the start, or, where planes are kept and made
    // anew from it, with the first pass.
    let commonCount = survey.head.commonPlaneCount
    let commonEnd = isCut && commonCount > 0 ? 1 : 0
    planeStarts = (0..<commonCount).map { min($0, commonEnd) }
    if !isCut { initialError = survey.baseError / energy }
    for pass in survey.steps[..<survey.stepCount(planes: count)] {
      if pass.pass == .significance { planeStarts.append(max(steps.count, commonEnd)) }
      steps.append(
        PlanStep(
          .pass(pass.pass, tensorIndex: index),
          byteCount: firstByteCount + pass.bitCount / 8 + Self.unitByteCount,
          relativeError: pass.squaredError / energy))
      firstByteCount = 0
    }
    guard !isCut else { return }
    last = PlanStep(
      .pass(.mantissa(bits: survey.grid.format.mantissaBits), tensorIndex: index),
      byteCount: firstByteCount + survey.mantissaBitCount(afterPlanes: count) / 8
        + Self.unitByteCount)
  }

  /// Steps joined until each link repairs less for a byte than the one before: the convex hull of error
  /// over bytes.
  func links(weight: Double) -> [Link] {
    var links: [(steps: [PlanStep], bytes: Double, repaired: Double)] = []
    var error = initialError
    for step in steps {
      links.append(([step], step.byteCount, (error - step.relativeError) * weight))
      error = step.relativeError
      while links.count > 1 {
        let (previous, current) = (links[links.count - 2], links[links.count - 1])
        guard current.repaired * previous.bytes >= previous.repaired * current.bytes else { break }
        links.removeLast(2)
        links.append(
          (
            previous.steps + current.steps, previous.bytes + current.bytes,
            previous.repaired + current.repaired
          ))
      }
    }
    return links.map { link in
      let gain = link.repaired / link.bytes
      return Link(steps: link.steps.map { $0.with(gain: gain) }, gain: gain)
    }
  }
}

extension PlanStep {
  func with(gain: Double) -> PlanStep {
    PlanStep(action, byteCount: byteCount, gain: gain, relativeError: relativeError)
  }
}

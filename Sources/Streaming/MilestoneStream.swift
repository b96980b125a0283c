internal import WeightCodec

/// Steps of a plan in planes as they are appended, and the milestones between them.
struct MilestoneStream {
  // Planes that have a milestone: those of the last one are int8.
  private static let tierLimit = 7

  private(set) var steps: [PlanStep] = []
  private let chains: [Int: TensorChain]
  private let planeLimit: Int?
  private var quality: PlanQuality
  /// How far each chain is, in steps; those missing are at their beginning.
  private var positions: [Int: Int] = [:]
  // Planes that the last milestone told of.
  private var reached = 0

  /// Begins a plan for these large tensors, by their index.
  init(
    _ manifest: Manifest, _ chains: [Int: TensorChain], planeLimit: Int?,
    baseErrors: [Int: Double]
  ) {
    self.chains = chains
    self.planeLimit = planeLimit
    quality = PlanQuality(manifest, baseErrors: baseErrors)
  }

  mutating func append(_ more: [PlanStep]) {
    for step in more { append(step) }
  }

  private mutating func append(_ step: PlanStep) {
    steps.append(step)
    quality.note(step)
  }

  /// Appends a milestone with what is expected there.
  mutating func append(_ tier: Milestone.Tier) {
    // What is complete and not cut is exact.
    let ratio = tier == .complete && planeLimit == nil ? nil : quality.roundedSignalToNoise
    steps.append(
      PlanStep(
        .milestone(Milestone(tier, signalToNoise: ratio)),
        byteCount: TransferPlan.milestoneByteCount))
  }

  /// Appends steps, and a milestone behind each with which the last chain has reached a tier.
  mutating func appendWithTiers(_ body: [PlanStep]) {
    for step in body {
      append(step)
      guard let index = step.tensorIndex, chains[index] != nil else { continue }
      positions[index, default: 0] += 1
      var lowest = Int.max
      for (index, chain) in chains {
        lowest = min(lowest, chain.planeCount(at: positions[index] ?? 0))
      }
      // A model that is cut never gets any further.
      lowest = min(lowest, Self.tierLimit, planeLimit ?? .max)
      guard lowest > reached else { continue }
      reached = lowest
      append(.planes(reached))
    }
  }
}

extension TensorChain {
  /// Planes that are whole after so many steps; past the last one there are any number.
  fileprivate func planeCount(at position: Int) -> Int {
    if position == steps.count { return .max }
    return planeStarts.lastIndex { $0 <= position } ?? 0
  }
}

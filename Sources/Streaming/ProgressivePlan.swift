internal import Tensors
internal import WeightCodec

extension TransferPlan {
  /// Plans a model in planes: small tensors first and coarsely, embedding tables to some bits, then all
  /// passes by what they repair for a byte, then what is left to be exact.
  ///
  /// `facts` tells of each tensor with content, by its index.
  public init(_ manifest: Manifest, _ facts: [Int: TensorFacts], _ policy: ProgressivePolicy) {
    var planner = Planner(manifest, facts, policy)
    self.init(manifest, planner.plan(), baseErrors: planner.baseErrors)
  }
}

/// Puts passes in order.
private struct Planner {
  // Mantissa bits of small tensors at first: the more the better, if they cost little beside the planes
  // that a first model takes.
  private static let smallMantissaBits = [7, 5, 3]
  private static let smallShare = 0.03
  private static let firstPlaneCount = 3
  // Of an embedding table, before anything else: a bag of words is a model already.
  private static let embeddingBits = 1.2
  // Whole tensors up to this size are there from the start: masks and positions.
  private static let headByteCount = 256.0

  private let manifest: Manifest
  private let facts: [Int: TensorFacts]
  private let policy: ProgressivePolicy
  private let indices: [Int]
  private var chains: [Int: TensorChain] = [:]
  // Large tensors without any value other than zero, which a byte or two tell of.
  private var zeros: [Int] = []
  private var smallBits = 3
  // Of tensors that come as differences.
  private(set) var baseErrors: [Int: Double] = [:]

  init(_ manifest: Manifest, _ facts: [Int: TensorFacts], _ policy: ProgressivePolicy) {
    self.manifest = manifest
    self.facts = facts
    self.policy = policy
    indices = manifest.arriving
    for index in indices {
      if case .difference(let survey, let update) = facts[index]?.way {
        chains[index] = TensorChain(
          index: index, survey, update, isCut: policy.planeLimit != nil)
        if policy.planeLimit == nil { baseErrors[index] = chains[index]?.initialError }
      }
      guard let fact = facts[index], case .planes(let survey, let scales) = fact.way,
        !isSmall(index)
      else { continue }
      guard survey.head.topLevel != nil else {
        zeros.append(index)
        continue
      }
      chains[index] = TensorChain(
        index: index, survey, scales, planeLimit: policy.planeLimit)
    }
    smallBits = chooseSmallBits()
  }

  mutating func plan() -> [PlanStep] {
    guard policy.order != .file else { return inFileOrder() }
    let small = indices.filter { isSmall($0) && isPlaned($0) }
    var steps = small.flatMap { smallSteps($0, toEnd: false) }
    steps += zeros.compactMap { zeroStep($0) } + wholeSteps { isHead($1, byteCount: $0) }
    let (body, lastPasses) = splitForDigests(bodySteps())
    var stream = MilestoneStream(
      manifest, chains, planeLimit: policy.planeLimit, baseErrors: baseErrors)
    stream.append(steps)
    if !small.isEmpty || indices.contains(where: { isSmall($0) && isFloat($0) }) {
      stream.append(.small)
    }
    let rest =
      small.flatMap { smallSteps($0, toEnd: true) }
      + wholeSteps { !isHead($1, byteCount: $0) && !isFloat($1) }
    stream.appendWithTiers(body)
    if policy.codesPlanesOnly { stream.append(rest) }
    stream.appendWithTiers(lastPasses)
    let tails = indices.compactMap { chains[$0]?.last }
    // Where planes are cut, the last of them has its milestone.
    if !tails.isEmpty || !rest.isEmpty, !body.isEmpty, policy.planeLimit == nil {
      stream.append(.fine)
    }
    if !policy.codesPlanesOnly { stream.append(rest) }
    stream.append(tails)
    stream.append(.complete)
    return stream.steps
  }

  // MARK: - Groups

  private func isSmall(_ index: Int) -> Bool { manifest.entries[index].tensor.isSmall }

  private func isFloat(_ index: Int) -> Bool { manifest.entries[index].tensor.dtype.isFloat }

  private func isEmbedding(_ index: Int) -> Bool { manifest.entries[index].tensor.isEmbedding }

  private func isPlaned(_ index: Int) -> Bool {
    if case .planes = facts[index]?.way { return true }
    return false
  }

  /// Whether a whole tensor is there from the start: a small one of floats, a mask, positions.
  private func isHead(_ index: Int, byteCount: Double) -> Bool {
    isFloat(index)
      ? isSmall(index) || byteCount <= Self.headByteCount
      : byteCount <= Self.headByteCount && !manifest.entries[index].tensor.isCounter
  }

  private func wholeSteps(_ condition: (Double, Int) -> Bool) -> [PlanStep] {
    indices.compactMap { index in
      guard case .whole(let action, let byteCount) = facts[index]?.way,
        condition(byteCount, index)
      else { return nil }
      return PlanStep(action, byteCount: byteCount)
    }
  }

  /// A small tensor's short floats, or what they lack.
  private func smallSteps(_ index: Int, toEnd: Bool) -> [PlanStep] {
    guard case .planes(let survey, _) = facts[index]?.way else { return [] }
    let sizes = PassSizes(survey)
    var progress = TensorProgress()
    progress.begin(topLevel: survey.head.topLevel)
    let first = Pass.mantissa(bits: min(smallBits, survey.grid.format.mantissaBits))
    let last = Pass.mantissa(bits: survey.grid.format.mantissaBits)
    let energy = survey.energy > 0 ? survey.energy : 1
    guard toEnd else {
      return [
        PlanStep(
          .pass(first, tensorIndex: index),
          byteCount: sizes.bitCount(of: first, after: progress) / 8 + 2,
          relativeError: survey.squaredError(mantissaBits: smallBits, planeCount: 0) / energy)
      ]
    }
    guard first != last else { return [] }
    progress.note(first, survey.grid)
    return [
      PlanStep(
        .pass(last, tensorIndex: index),
        byteCount: sizes.bitCount(of: last, after: progress) / 8 + 1)
    ]
  }

  /// The only pass of a tensor of zeros; without mantissas its first plane, which is empty.
  private func zeroStep(_ index: Int) -> PlanStep? {
    guard case .planes(let survey, _) = facts[index]?.way else { return nil }
    var progress = TensorProgress()
    progress.begin(topLevel: nil)
    let pass: Pass =
      policy.planeLimit == nil
      ? .mantissa(bits: survey.grid.format.mantissaBits) : .significance
    let byteCount = PassSizes(survey).bitCount(of: pass, after: progress) / 8 + 1
    return PlanStep(.pass(pass, tensorIndex: index), byteCount: byteCount)
  }

  private func chooseSmallBits() -> Int {
    var count = 0
    for index in indices where isSmall(index) && isPlaned(index) {
      count += manifest.entries[index].tensor.shape.elementCount
    }
    var first = 0.0
    for chain in chains.values {
      let end =
        chain.planeStarts.count > Self.firstPlaneCount
        ? chain.planeStarts[Self.firstPlaneCount] : chain.steps.count
      for step in chain.steps[..<end] { first += step.byteCount }
    }
    for bits in Self.smallMantissaBits
    where Double(count) * Double(4 + bits) / 8 <= Self.smallShare * first || bits == 3 {
      return bits
    }
    return 3
  }

  // MARK: - Order

  /// The steps of large tensors, up to the last plane.
  private func bodySteps() -> [PlanStep] {
    switch policy.order {
    case .value: return byValue()
    case .file: return []
    case .planes: return sorted { _, plane in Double(plane) }
    case .magnitude:
      return sorted { index, plane in
        guard case .planes(let survey, _) = facts[index]?.way else { return 0 }
        return Double(plane - survey.topExponent)
      }
    }
  }

  /// Whole planes, by a key; tensors of the same key as in the file.
  private func sorted(_ key: (Int, Int) -> Double) -> [PlanStep] {
    var planes: [(key: Double, index: Int, steps: ArraySlice<PlanStep>)] = []
    for index in indices {
      guard let chain = chains[index] else { continue }
      for (plane, start) in chain.planeStarts.enumerated() {
        let end =
          plane + 1 < chain.planeStarts.count ? chain.planeStarts[plane + 1] : chain.steps.count
        planes.append((key(index, plane), index, chain.steps[start..<end]))
      }
    }
    planes.sort { $0.key != $1.key ? $0.key < $1.key : $0.index < $1.index }
    return wholeFloats() + planes.flatMap { $0.steps }
  }

  private func wholeFloats() -> [PlanStep] {
    wholeSteps { !isHead($1, byteCount: $0) && isFloat($1) }
  }

  /// The last pass of each tensor apart, in the manifest's order, where a device receives: it takes the
  /// digests in that order while the passes come, which in the end would take it long.
  private func splitForDigests(_ body: [PlanStep]) -> (body: [PlanStep], lastPasses: [PlanStep]) {
    guard policy.codesPlanesOnly else { return (body, []) }
    var places: [Int: Int] = [:]
    for (place, step) in body.enumerated() {
      if let index = step.tensorIndex, chains[index] != nil { places[index] = place }
    }
    let last = Set(places.values)
    let rest = body.indices.filter { !last.contains($0) }.map { body[$0] }
    return (rest, places.sorted { $0.key < $1.key }.map { body[$0.value] })
  }

  private func byValue() -> [PlanStep] {
    var links: [TensorChain.Link] = []
    var head: [PlanStep] = []
    let hasEmbeddings = chains.keys.contains { isEmbedding($0) }
    for index in indices {
      guard let chain = chains[index] else { continue }
      let count = Double(manifest.entries[index].tensor.shape.elementCount)
      let size = hasEmbeddings ? 1 : count.squareRoot()
      var rest = chain.links(weight: facts[index]?.weight ?? size)
      if isEmbedding(index) {
        var bytes = Self.embeddingBits * count / 8
        while bytes > 0, !rest.isEmpty {
          for step in rest[0].steps { bytes -= step.byteCount }
          head += rest.removeFirst().steps
        }
      }
      links += rest
    }
    for step in wholeFloats() {
      let count = Double(
        step.tensorIndex.map { manifest.entries[$0].tensor.shape.elementCount } ?? 1)
      let gain = (hasEmbeddings ? 1 : count.squareRoot()) / step.byteCount
      links.append(TensorChain.Link(steps: [step.with(gain: gain)], gain: gain))
    }
    // Links of a tensor stay in order: their gains fall, and equal ones keep theirs.
    let order = links.indices.sorted {
      links[$0].gain != links[$1].gain ? links[$0].gain > links[$1].gain : $0 < $1
    }
    return head + order.flatMap { links[$0].steps }
  }

  private func inFileOrder() -> [PlanStep] {
    var steps: [PlanStep] = []
    for index in indices {
      if let chain = chains[index] {
        steps += chain.steps + (chain.last.map { [$0] } ?? [])
      } else if case .whole(let action, let byteCount) = facts[index]?.way {
        steps.append(PlanStep(action, byteCount: byteCount))
      } else if zeros.contains(index) {
        steps += zeroStep(index).map { [$0] } ?? []
      } else {
        steps += smallSteps(index, toEnd: false) + smallSteps(index, toEnd: true)
      }
    }
    var stream = MilestoneStream(
      manifest, chains, planeLimit: policy.planeLimit, baseErrors: baseErrors)
    stream.append(steps)
    stream.append(.complete)
    return stream.steps
  }
}

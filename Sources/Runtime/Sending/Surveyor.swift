internal import Checkpoints
internal import Streaming
internal import Tensors
internal import WeightCodec

/// Learns what the planner has to know.
struct Surveyor {
  // Elements of a tensor that are coded to see what rows and columns tell.
  private static let sampleCount = 1 << 13

  private let source: ModelSource
  private let manifest: Manifest
  private let policy: SendPolicy
  private let info: ReceiverInfo
  private let base: BaseModel?
  private var sampler: PassSampler
  // By index.
  private var relationsByIndex: [TensorRelation]
  private(set) var heads: [Int: TensorHead] = [:]
  private(set) var updates: [Int: LowRankUpdate] = [:]

  init(
    _ source: ModelSource, _ manifest: Manifest, _ policy: SendPolicy, _ info: ReceiverInfo,
    _ base: BaseModel?
  ) throws {
    self.base = base
    relationsByIndex = manifest.relations
    self.source = source
    self.manifest = manifest
    self.policy = policy
    self.info = info
    sampler = PassSampler(manifest.codec ?? .flat, elementCount: Self.sampleCount)
  }

  mutating func facts() throws -> [Int: TensorFacts] {
    var facts: [Int: TensorFacts] = [:]
    for index in manifest.arriving {
      let tensor = manifest.entries[index].tensor
      let weight = policy.weight(
        of: tensor.name.description, elementCount: tensor.shape.elementCount)
      facts[index] = TensorFacts(try way(index, tensor), weight: weight)
    }
    return facts
  }

  /// How tensors with content relate to the base, as was found best; empty where none does.
  var relations: [TensorRelation] {
    let all = manifest.entries.indices.filter { manifest.entries[$0].hasContent }
      .map { relationsByIndex[$0] }
    return all.contains { $0 != .plain } ? all : []
  }

  /// What differs from the base, if that takes less than the tensor itself.
  private mutating func way(
    _ index: Int, _ tensor: TensorDescriptor
  ) throws -> TensorFacts.Way {
    let plain = try plainWay(index, tensor)
    guard relationsByIndex[index] == .difference, let base,
      let place = base.tensor(like: tensor)
    else { return plain }
    let difference = try source.withElements(of: index) { bytes in
      try base.withElements(of: place) { base in
        isForPlanesOnly
          ? keptDifferenceWay(plain, bytes, base)
          : try differenceWay(index, tensor, bytes, base)
      }
    }
    guard let difference,
      difference.byteCount(planeLimit: planeLimit) < plain.byteCount(planeLimit: planeLimit)
    else {
      relationsByIndex[index] = .plain
      return plain
    }
    if case .difference(let survey, let update) = difference {
      heads[index] = survey.head
      updates[index] = update
    }
    return difference
  }

  private func differenceWay(
    _ index: Int, _ tensor: TensorDescriptor, _ bytes: RawSpan, _ base: RawSpan
  ) throws -> TensorFacts.Way? {
    if let grid = TensorGrid(tensor) {
      return differenceWay(bytes, base, grid, manifest.codec ?? .flat)
    }
    let size = tensor.dtype.byteCount
    let trial = WholeTrial(differenceOf: bytes, from: base, elementByteCount: size)
    guard
      case (.coded(let asDifferences), let byteCount) = try trial.best(
        canCode: true, canDeflate: false)
    else { return nil }
    return .whole(
      .pass(.bytes(asDifferences: asDifferences), tensorIndex: index), byteCount: byteCount)
  }

  /// What differs of the planes that a receiver keeps, if it can make the new ones of those that it has.
  ///
  /// It has no places for planes above those of the new tensor, so the base must not be larger; nor small
  /// enough for floats to have no bits in the middle of what planes leave open. And there must be
  /// something to be told.
  private func keptDifferenceWay(
    _ plain: TensorFacts.Way, _ bytes: RawSpan, _ base: RawSpan
  ) -> TensorFacts.Way? {
    guard case .planes(let survey, _) = plain, let planeLimit, let top = survey.head.topLevel,
      let baseTop = TensorHead(base, survey.grid).topLevel, baseTop <= top,
      baseTop >= info.planeLimit ?? planeLimit
    else { return nil }
    let difference = DifferenceSurvey(
      bytes, from: base, survey.grid, manifest.codec ?? .flat,
      keeping: DifferenceSurvey.Keeping(planeLimit: planeLimit, plain: survey))
    return difference.steps.isEmpty ? nil : .difference(difference, nil)
  }

  /// With an update, if one is found that pays.
  private func differenceWay(
    _ bytes: RawSpan, _ base: RawSpan, _ grid: TensorGrid, _ codec: CodecVariant
  ) -> TensorFacts.Way {
    let plain = DifferenceSurvey(bytes, from: base, grid, codec)
    guard codec == .lines, let update = LowRankUpdate(from: base, to: bytes, grid) else {
      return .difference(plain, nil)
    }
    let updated = update.applied(to: base, grid)
    let survey = unsafe DifferenceSurvey(bytes, from: updated.span.bytes, grid, codec)
    let (with, without) = (
      Double(update.bitCount) + survey.bitCount(planes: survey.bestPlaneCount),
      plain.bitCount(planes: plain.bestPlaneCount)
    )
    return with < without ? .difference(survey, update) : .difference(plain, nil)
  }

  private mutating func plainWay(
    _ index: Int, _ tensor: TensorDescriptor
  ) throws -> TensorFacts.Way {
    guard let grid = TensorGrid(tensor), !(isForPlanesOnly && PlainPolicy.isSmall(tensor)) else {
      return try wholeWay(index, tensor, isContent: isForPlanesOnly)
    }
    let (survey, scales) = try source.withElements(of: index) { bytes in
      let survey = TensorSurvey(bytes, grid)
      return (survey, sampler.scales(bytes, survey))
    }
    heads[index] = survey.head
    return .planes(survey, scales)
  }

  private var isForPlanesOnly: Bool {
    if case .planes(let progressive) = policy.codec { return progressive.codesPlanesOnly }
    return false
  }

  private var planeLimit: Int? {
    if case .planes(let progressive) = policy.codec { return progressive.planeLimit }
    return nil
  }

  /// The smallest of what a tensor may be sent as that does not go in planes, or as a content.
  private func wholeWay(
    _ index: Int, _ tensor: TensorDescriptor, isContent: Bool = false
  ) throws -> TensorFacts.Way {
    try source.withElements(of: index) { bytes in
      let trial = WholeTrial(bytes, elementByteCount: tensor.dtype.byteCount)
      let content = { (compression: Compression) in
        PlanStep.Action.content(
          Unit(tensorIndex: index, representation: .exact, compression: compression))
      }
      let (choice, byteCount) = try trial.best(
        canCode: !isContent, canDeflate: info.takes(.deflate))
      switch choice {
      case .coded(let asDifferences):
        return .whole(
          .pass(.bytes(asDifferences: asDifferences), tensorIndex: index), byteCount: byteCount)
      case .deflate: return .whole(content(.deflate), byteCount: byteCount)
      case .none: return .whole(content(.none), byteCount: byteCount)
      }
    }
  }
}

extension TensorFacts.Way {
  /// The bytes that all of the tensor takes, or so many planes of it, about.
  fileprivate func byteCount(planeLimit: Int?) -> Double {
    switch self {
    case .planes(let survey, _):
      if let planeLimit { return PassSizes(survey).bitCount(planes: planeLimit) / 8 }
      let whole = Pass.mantissa(bits: survey.grid.format.mantissaBits)
      var progress = TensorProgress()
      progress.begin(topLevel: survey.head.topLevel)
      return PassSizes(survey).bitCount(of: whole, after: progress) / 8
    case .difference(let survey, let update):
      return (survey.bitCount(planes: survey.bestPlaneCount) + Double(update?.bitCount ?? 0)) / 8
    case .whole(_, let byteCount): return byteCount
    }
  }
}

extension LowRankUpdate {
  /// A base with the update added.
  func applied(to base: RawSpan, _ grid: TensorGrid) -> [UInt8] {
    var copy = unsafe base.withUnsafeBytes { unsafe [UInt8]($0) }
    var span = copy.mutableSpan
    var memory = unsafe span.mutableBytes
    apply(to: &memory, grid)
    return copy
  }
}

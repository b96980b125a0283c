import ArgumentParser
import Checkpoints
import Runtime
import Streaming
import SystemPackage
import Tensors
import WeightCodec

/// What a model becomes before it goes over the line.
struct ContentOptions: ParsableArguments {
  @Option(
    name: .customLong("precision"),
    help: """
      How fine large float tensors arrive: exact, bf16, f16, int8, int6, int4 or int2. (default: \
      exact)
      """)
  var givenPrecision: Precision?
  @Option(
    help: """
      What carries them: planes, coarse first and finer from byte to byte; or deflate or none, tensor \
      after tensor. (default: planes; with --quantizer, deflate)
      """)
  var codec: CodecName?
  @Option(
    name: .customLong("order"),
    help: """
      Which planes go first: value, what repairs most for a byte; file, planes, magnitude. (default: \
      value)
      """)
  var givenOrder: OrderName?
  @Option(
    help: ArgumentHelp(
      "How much each tensor matters, as Scripts/sensitivity.py measures it.", valueName: "file"),
    completion: .file())
  var sensitivity: String?
  @Option(
    help: ArgumentHelp(
      "Let tensors matter so many times as much whose name fits, such as 'head.*=4'; may be repeated.",
      valueName: "pattern=factor"))
  var priority: [PriorityOption] = []
  @Option(
    name: .customLong("prune"),
    help: ArgumentHelp(
      "Make this share of each large tensor zero, its smallest weights.", valueName: "share"))
  var givenShare: Double?
  @Option(help: "Quantize by this scheme instead: affine (min/max) or channel (symmetric).")
  var quantizer: QuantizerName?
  @Option(help: "Bits of a code for --quantizer, 2 to 8. (default: 8)")
  var bits: Int?

  // What was not said; a board says it apart from the command line.
  var precision: Precision { givenPrecision ?? .exact }
  var order: OrderName { givenOrder ?? .value }
  var prune: Double { givenShare ?? 0 }

  func validate() throws {
    if let bits, !Representation.bitsRange.contains(bits) {
      throw ValidationError("--bits takes 2 to 8, not \(bits).")
    }
    if bits != nil && quantizer == nil { throw ValidationError("--bits goes with --quantizer.") }
    if quantizer != nil && precision != .exact {
      throw ValidationError("Give --precision or --quantizer, not both.")
    }
    guard (0..<1).contains(prune) else {
      throw ValidationError("--prune takes a share from 0 to below 1, not \(prune).")
    }
    if quantizer != nil && codec == .planes {
      throw ValidationError(
        "--quantizer makes no planes: leave --codec out, or give deflate or none.")
    }
    if isPlain && (order == .planes || order == .magnitude) {
      throw ValidationError("--order \(order.rawValue) goes with --codec planes.")
    }
    if isPlain && (sensitivity != nil || !priority.isEmpty) {
      throw ValidationError("--sensitivity and --priority go with --codec planes.")
    }
    if order != .value && (sensitivity != nil || !priority.isEmpty) {
      throw ValidationError("--sensitivity and --priority go with --order value.")
    }
  }

  /// Whether tensors go whole: a quantizer's codes are no planes.
  private var isPlain: Bool { carrier != .planes }

  /// What carries large tensors, given or not.
  var carrier: CodecName { codec ?? (quantizer == nil ? .planes : .deflate) }

  /// What they say of a model.
  ///
  /// - Throws: `SensitivityError`, or a `Failure` where they speak of tensors that it does not have.
  func policy(for checkpoint: Checkpoint) throws -> SendPolicy {
    let policy = try policy()
    let names = checkpoint.tensors.map(\.descriptor.name.description)
    for priority in policy.priorities
    where !names.contains(where: { Wildcard.matches($0, priority.pattern) }) {
      throw Failure(
        "no tensor's name fits --priority '\(priority.pattern)'; `wtserial inspect` lists them",
        .usage)
    }
    if let sensitivity, !names.contains(where: { policy.sensitivities[$0] != nil }) {
      throw Failure(
        "\(sensitivity) tells of none of the model's tensors; measure this one with "
          + "Scripts/sensitivity.py", .badModel)
    }
    return policy
  }

  private func policy() throws -> SendPolicy {
    var policy = SendPolicy(isPlain ? .plain(plain) : .planes(progressive))
    policy.cast = isPlain ? nil : precision.cast
    policy.prunedShare = prune
    policy.priorities = priority.map(\.priority)
    if let sensitivity {
      policy.sensitivities = try SensitivityFile(reading: FilePath(sensitivity)).tensors
    }
    return policy
  }

  private var progressive: ProgressivePolicy {
    ProgressivePolicy(order: order.order, planeLimit: precision.planeLimit)
  }

  private var plain: PlainPolicy {
    var representation = precision.representation
    switch quantizer {
    case .affine: representation = .affine(bits: bits ?? 8)
    case .channel: representation = .channel(bits: bits ?? 8)
    case nil: break
    }
    var plain = PlainPolicy(
      representation: representation, compression: carrier == .none ? .none : .deflate)
    plain.isInFileOrder = order == .file
    return plain
  }
}

import ArgumentParser
import Streaming
import Tensors
import WeightCodec

/// What the contents of a model become before they go over the line.
struct ContentOptions: ParsableArguments {
  @Option(help: "How fine large float tensors arrive: exact, bf16, f16, int8, int6, int4 or int2.")
  var precision = Precision.exact
  @Option(help: "Quantize by this scheme instead: affine (min/max) or channel (symmetric).")
  var quantizer: QuantizerName?
  @Option(help: "Bits of a code for --quantizer, 2 to 8.")
  var bits: Int?
  @Option(help: "What the contents are packed with: deflate or none.")
  var codec = CodecName.deflate

  func validate() throws {
    if let bits, !Representation.bitsRange.contains(bits) {
      throw ValidationError("--bits takes 2 to 8, not \(bits).")
    }
    if bits != nil && quantizer == nil { throw ValidationError("--bits goes with --quantizer.") }
    if quantizer != nil && precision != .exact {
      throw ValidationError("Give --precision or --quantizer, not both.")
    }
  }

  /// What they say.
  var policy: PlanPolicy {
    var representation = precision.representation
    switch quantizer {
    case .affine: representation = .affine(bits: bits ?? 8)
    case .channel: representation = .channel(bits: bits ?? 8)
    case nil: break
    }
    return PlanPolicy(
      representation: representation, compression: codec == .deflate ? .deflate : .none)
  }
}

/// The tiers of `--precision`.
enum Precision: String, CaseIterable, ExpressibleByArgument {
  case exact, bf16, f16, int8, int6, int4, int2

  var representation: Representation {
    switch self {
    case .exact: .exact
    case .bf16: .cast(.bf16)
    case .f16: .cast(.f16)
    case .int8: .channel(bits: 8)
    case .int6: .channel(bits: 6)
    case .int4: .channel(bits: 4)
    case .int2: .channel(bits: 2)
    }
  }
}

enum QuantizerName: String, CaseIterable, ExpressibleByArgument {
  case affine, channel
}

enum CodecName: String, CaseIterable, ExpressibleByArgument {
  case deflate, none
}

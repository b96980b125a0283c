import ArgumentParser
import Runtime
import Streaming
import Tensors
import WeightCodec

/// The tiers of `--precision`.
enum Precision: String, CaseIterable, ExpressibleByArgument {
  case exact, bf16, f16, int8, int6, int4, int2

  /// As whole contents.
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

  /// The planes after which the rest is left out: with the sign, integers of one bit more.
  var planeLimit: Int? {
    switch self {
    case .exact, .bf16, .f16: nil
    case .int8: 7
    case .int6: 5
    case .int4: 3
    case .int2: 1
    }
  }

  /// The type that values are rounded to.
  var cast: DType? {
    switch self {
    case .bf16: .bf16
    case .f16: .f16
    case .exact, .int8, .int6, .int4, .int2: nil
    }
  }
}

enum QuantizerName: String, CaseIterable, ExpressibleByArgument {
  case affine, channel
}

enum CodecName: String, CaseIterable, ExpressibleByArgument {
  case planes, deflate, none
}

/// The orders of `--order`.
enum OrderName: String, CaseIterable, ExpressibleByArgument {
  case value, file, planes, magnitude

  var order: PassOrder {
    switch self {
    case .value: .value
    case .file: .file
    case .planes: .planes
    case .magnitude: .magnitude
    }
  }
}

/// `pattern=factor`.
struct PriorityOption: ExpressibleByArgument {
  let priority: SendPolicy.Priority

  init?(argument: String) {
    guard let sign = argument.lastIndex(of: "="), sign > argument.startIndex,
      let factor = Double(argument[argument.index(after: sign)...]), factor.isFinite, factor > 0
    else { return nil }
    priority = SendPolicy.Priority(pattern: String(argument[..<sign]), factor: factor)
  }
}

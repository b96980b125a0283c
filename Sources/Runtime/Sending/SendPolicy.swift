package import Streaming
package import Tensors
package import WeightCodec

/// How a user wants a model sent.
package struct SendPolicy: Equatable, Sendable {
  /// What carries large float tensors.
  package enum Codec: Equatable, Sendable {
    /// Bit planes, in an order, to the end or cut.
    case planes(ProgressivePolicy)
    /// Whole contents, one after the other.
    case plain(PlainPolicy)
  }

  package var codec: Codec
  /// A float type that values of large tensors are rounded to before anything else.
  package var cast: DType?
  /// The share of each large tensor's weights, the smallest, that become zero; 0 for none.
  package var prunedShare = 0.0
  /// How much the relative error of a tensor matters, by name; those not named go by their size.
  package var sensitivities: [String: Double] = [:]
  /// Factors on top, for names that fit a pattern of `*` and `?`; all that fit multiply.
  package var priorities: [Priority] = []

  package struct Priority: Equatable, Sendable {
    package var pattern: String
    package var factor: Double

    package init(pattern: String, factor: Double) {
      self.pattern = pattern
      self.factor = factor
    }
  }

  package init(_ codec: Codec = .planes(ProgressivePolicy())) { self.codec = codec }

  /// The policy for a receiver: with what it reads and undoes.
  ///
  /// A receiver that keeps so many planes gets no more, and nothing else, one that wants large tensors written in a certain
  /// way gets them so, and one that reads no planes gets integers of as many bits, with a scale for each
  /// channel.
  package func adapted(to info: ReceiverInfo) -> (policy: SendPolicy, variant: CodecVariant?) {
    var policy = self
    let variant: CodecVariant? =
      info.reads(.lines) ? .lines : info.reads(.flat) ? .flat : nil
    switch codec {
    case .planes(var progressive):
      if let variant {
        if let limit = info.planeLimit {
          progressive.planeLimit = min(progressive.planeLimit ?? limit, limit)
          progressive.codesPlanesOnly = true
        }
        policy.codec = .planes(progressive)
        return (policy, variant)
      }
      let representation = progressive.planeLimit.map { Representation.channel(bits: $0 + 1) }
      policy.codec = .plain(
        PlainPolicy(
          representation: info.representation ?? representation ?? cast.map { .cast($0) } ?? .exact,
          compression: info.takes(.deflate) ? .deflate : .none))
    case .plain(let plain) where info.planeLimit != nil && variant != nil:
      policy.codec = .planes(
        ProgressivePolicy(
          order: plain.isInFileOrder ? .file : .value,
          planeLimit: plain.representation.planeCount))
      return policy.adapted(to: info)
    case .plain(var plain):
      if !info.takes(plain.compression) { plain.compression = .none }
      if let representation = info.representation { plain.representation = representation }
      policy.codec = .plain(plain)
    }
    return (policy, nil)
  }

  /// The same with other numbers of planes, where a receiver keeps planes: it may have been sent more or fewer
  /// the last time.
  func cuts(for info: ReceiverInfo) -> [SendPolicy] {
    guard let limit = info.planeLimit, case .planes(let wanted) = adapted(to: info).policy.codec
    else { return [] }
    return (1...limit).reversed().filter { $0 != wanted.planeLimit }.map { count in
      var (policy, planes) = (self, wanted)
      planes.planeLimit = count
      policy.codec = .planes(planes)
      return policy
    }
  }

  /// Whether tensors may go as differences from those that a receiver holds: only where all of their bits
  /// arrive, or all that it has places for.
  var takesDifferences: Bool {
    if case .planes(let progressive) = codec {
      return progressive.planeLimit == nil || progressive.codesPlanesOnly
    }
    return false
  }

  /// The weight of a tensor in the schedule; nil to go by its size.
  func weight(of name: String, elementCount: Int) -> Double? {
    var factor = 1.0
    for priority in priorities where Wildcard.matches(name, priority.pattern) {
      factor *= priority.factor
    }
    if let sensitivity = sensitivities[name] { return sensitivity * factor }
    return factor == 1 ? nil : Double(elementCount).squareRoot() * factor
  }
}

extension Representation {
  /// Planes that make integers of as many bits; nil where it has all.
  fileprivate var planeCount: Int? {
    switch self {
    case .affine(let bits), .channel(let bits): bits - 1
    case .exact, .cast: nil
    }
  }
}

/// Patterns of `*`, any characters, and `?`, any one.
package enum Wildcard {
  package static func matches(_ text: String, _ pattern: String) -> Bool {
    let (text, pattern) = (Array(text), Array(pattern))
    var (position, place) = (0, 0)
    // Where the last star was, and how much of the text it has taken.
    var star: (place: Int, position: Int)?
    while position < text.count {
      if place < pattern.count, pattern[place] == "*" {
        star = (place, position)
        place += 1
      } else if place < pattern.count, pattern[place] == "?" || pattern[place] == text[position] {
        position += 1
        place += 1
      } else if let last = star {
        star = (last.place, last.position + 1)
        (position, place) = (last.position + 1, last.place + 1)
      } else {
        return false
      }
    }
    return pattern[place...].allSatisfy { $0 == "*" }
  }
}

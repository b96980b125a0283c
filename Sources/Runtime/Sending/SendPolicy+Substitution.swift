package import Streaming
package import WeightCodec

extension SendPolicy {
  /// What a receiver gets in place of what was asked for.
  package enum Substitution: Equatable, Sendable {
    /// It keeps planes and takes nothing else of large tensors: so many, instead of whole contents.
    case planes(Int, insteadOf: PlainPolicy)
    /// It takes large tensors written in one way.
    case contents(Representation, insteadOf: Codec)
    /// It undoes no compression, so that contents go as they are.
    case notPacked
  }

  /// What is told of `adapted(to:)`; nil where the receiver gets what was asked for, or nothing in
  /// particular was.
  package func substitution(for info: ReceiverInfo) -> Substitution? {
    let adapted = adapted(to: info).policy.codec
    switch (codec, adapted) {
    case (.plain(let wanted), .planes(let planes)):
      return planes.planeLimit.map { .planes($0, insteadOf: wanted) }
    case (.plain(let wanted), .plain(let found)):
      if wanted.representation != found.representation {
        return .contents(found.representation, insteadOf: codec)
      }
      return wanted.compression != found.compression ? .notPacked : nil
    case (.planes(let wanted), .plain(let found)):
      let isAsked = wanted.planeLimit != nil || cast != nil
      return isAsked && info.representation != nil
        ? .contents(found.representation, insteadOf: codec) : nil
    case (.planes, .planes): return nil
    }
  }
}

import Runtime
import Streaming
import Tensors
import WeightCodec

extension SendPolicy.Substitution {
  /// What goes instead of what, and why.
  var sentence: String {
    switch self {
    case .planes(let count, let plain):
      "the receiver takes large tensors in planes only: they go in \(countText(count, "plane")), as "
        + "fine as int\(count + 1), and not \(plain.words)"
    case .contents(let representation, .plain(let plain)):
      "the receiver takes large tensors in one way only: they go \(representation.words), and not "
        + "\(plain.representation.words)"
    case .contents(let representation, .planes(let planes)):
      "the receiver takes large tensors in one way only: they go \(representation.words), and not "
        + (planes.planeLimit.map { "in \(countText($0, "plane"))" } ?? "in planes")
    case .notPacked: "the receiver unpacks nothing: contents go as they are, and not by deflate"
    }
  }
}

extension PlainPolicy {
  fileprivate var words: String {
    representation.words + (compression == .deflate ? ", packed by deflate" : "")
  }
}

extension Representation {
  // Reads on from "they go".
  fileprivate var words: String {
    switch self {
    case .exact: "whole and exact"
    case .affine(let bits): "as affine integers of \(bits) bits"
    case .channel(let bits): "as integers of \(bits) bits with a scale for each channel"
    case .cast(let dtype): "as \(dtype.name)"
    }
  }
}

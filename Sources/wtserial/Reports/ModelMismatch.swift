import Streaming
import Tensors

/// What was offered to a receiver that has refused the model, as far as its words tell what it is about.
///
/// A device names the first tensor of its table that differs, up to 64 bytes of the name, and in what:
/// `conv1.weight: another shape` (Hardware/store.md). What it has itself it does not say.
struct ModelMismatch {
  private static let nameByteCountLimit = 64

  private let words: String
  private let offered: Manifest

  init(_ words: [UInt8], _ offered: Manifest) {
    self.words = String(decoding: words, as: UTF8.self)
    self.offered = offered
  }

  /// Reads on from the device's words; empty where they say nothing of a tensor.
  var sentence: String {
    if words == "another count of tensors" {
      return "\(countText(offered.entries.count, "tensor")) were offered"
    }
    for difference in ["shape", "dtype", "name"] {
      let ending = ": another \(difference)"
      if words.hasSuffix(ending) {
        return sentence(String(words.dropLast(ending.count)), difference)
      }
    }
    return ""
  }

  private func sentence(_ name: String, _ difference: String) -> String {
    let found = offered.entries.indices.filter { fits(offered.entries[$0].tensor, name) }
    guard let index = found.first else { return "what was offered has no tensor of this name" }
    // The beginning of several names says nothing of one.
    guard found.count == 1 else { return "" }
    let tensor = offered.entries[index].tensor
    if difference == "name" {
      return
        "it was offered as tensor \(index + 1) of \(offered.entries.count), and the receiver has "
        + "it elsewhere"
    }
    let extents = tensor.shape.extents.map(String.init).joined(separator: "×")
    let shape = extents.isEmpty ? "a scalar" : extents
    return "\(tensor.dtype.name) \(shape) was offered, and the receiver has another \(difference)"
  }

  private func fits(_ tensor: TensorDescriptor, _ name: String) -> Bool {
    let bytes = tensor.name.utf8
    return bytes.count > Self.nameByteCountLimit && name.utf8.count == Self.nameByteCountLimit
      ? Array(bytes.prefix(Self.nameByteCountLimit)) == Array(name.utf8)
      : Array(bytes) == Array(name.utf8)
  }
}

import Checkpoints
import Runtime
import Streaming
import Tensors

/// What `inspect` says of a file.
struct InspectReport {
  private struct Model: Encodable {
    let event = "model"
    let schema = Event.schemaVersion
    let path: String
    let format: String
    let tensors: [Tensor]
    let metadata: [String: String]
    let ignored_values: Int
    let total_bytes: Int
  }

  private struct Tensor: Encodable {
    let name: String
    let dtype: String
    let shape: [Int]
    let bytes: Int
    let shared_with: String?
    let sha256: String?
  }

  private let model: Model

  init(_ checkpoint: Checkpoint, path: String, digests: [Digest]?) {
    let tensors = checkpoint.tensors
    let rows = tensors.indices.map { index in
      let descriptor = tensors[index].descriptor
      return Tensor(
        name: String(describing: descriptor.name), dtype: descriptor.dtype.name.description,
        shape: descriptor.shape.extents, bytes: descriptor.byteCount,
        shared_with: tensors[index].sharedWith.map {
          String(describing: tensors[$0].descriptor.name)
        }, sha256: digests?[index].hex)
    }
    let total = tensors.reduce(0) { sum, tensor in
      tensor.sharedWith == nil ? sum + tensor.descriptor.byteCount : sum
    }
    model = Model(
      path: path, format: checkpoint.format.sentenceName, tensors: rows,
      metadata: Dictionary(checkpoint.metadata.map { ($0.key, $0.value) }) { first, _ in first },
      ignored_values: checkpoint.ignoredValueCount, total_bytes: total)
  }

  func json() -> String { jsonText(model) }

  /// A row for each tensor, then the totals.
  func table() -> String {
    var lines = [["tensor", "dtype", "shape", "bytes", ""]]
    for tensor in model.tensors {
      let shape = tensor.shape.map(String.init).joined(separator: "×")
      let note =
        tensor.shared_with.map { "shared with \(printableText($0))" } ?? tensor.sha256 ?? ""
      lines.append([
        printableText(tensor.name), tensor.dtype, shape.isEmpty ? "scalar" : shape,
        String(tensor.bytes), note,
      ])
    }
    var text = aligned(lines, rightAligned: [3])
    text +=
      "\n\(model.format): \(countText(model.tensors.count, "tensor")), \(byteText(model.total_bytes))"
    if model.ignored_values > 0 {
      text += "; left out: \(countText(model.ignored_values, "value")) other than tensors"
    }
    return text
  }
}

extension CheckpointFormat {
  /// What people call it.
  var sentenceName: String {
    switch self {
    case .pyTorchZip: "PyTorch checkpoint"
    case .pyTorchLegacy: "PyTorch checkpoint (legacy format)"
    case .safetensors: "safetensors"
    case .opaque: "opaque file"
    }
  }
}

/// A number of things: "1 tensor", "2 tensors".
func countText(_ count: Int, _ noun: String) -> String {
  count == 1 ? "1 \(noun)" : "\(count) \(noun)s"
}

/// A number of bytes for people: 1 kB is 1000 bytes, as on the line.
func byteText(_ count: Int) -> String {
  let units = ["B", "kB", "MB", "GB", "TB"]
  var value = Double(count)
  var unit = 0
  while value >= 999.5, unit < units.count - 1 {
    value /= 1000
    unit += 1
  }
  if unit == 0 { return "\(count) B" }
  let tenths = Int((value * 10).rounded())
  return value >= 100
    ? "\(Int(value.rounded())) \(units[unit])"
    : "\(tenths / 10).\(tenths % 10) \(units[unit])"
}

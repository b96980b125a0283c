/// How a file holds its tensors; found by its content, not by its name.
package enum CheckpointFormat: Sendable, CaseIterable {
  /// What `torch.save` writes: a zip archive.
  case pyTorchZip
  /// What it wrote before PyTorch 1.6.
  case pyTorchLegacy
  case safetensors
  /// Anything else: one tensor of bytes, named as the file.
  case opaque
}

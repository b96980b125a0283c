import Tensors

/// Reads safetensors files; complex types come back as what `SafetensorsDType` stored them from.
enum SafetensorsReader {
  static func contents(
    of file: ByteRegion, limits: CheckpointLimits
  ) throws(CheckpointError) -> CheckpointContents {
    let header = try SafetensorsHeader(parsing: file, limits: limits)
    // Keys occur once: the header's parser has seen to it.
    let notes = Dictionary(
      uniqueKeysWithValues: header.metadata.map { (ExactText($0.key), $0.value) })
    var usedNotes: Set<ExactText> = []
    var tensors: [CheckpointContents.StoredTensor] = []
    for entry in header.entries {
      let noteKey = ExactText(SafetensorsDType.metadataPrefix + entry.name)
      guard let (dtype, shape) = entry.type.tensor(entry: notes[noteKey]) else {
        throw .malformedSafetensors(.unknownDType(entry.name), at: entry.offset)
      }
      guard
        let descriptor = TensorDescriptor(name: TensorName(entry.name), dtype: dtype, shape: shape),
        descriptor.byteCount == entry.dataRange.count,
        let data = file.slice(
          entry.dataRange.count, at: header.dataOffset + entry.dataRange.lowerBound)
      else { throw .malformedSafetensors(.sizeMismatch(entry.name), at: entry.offset) }
      if SafetensorsDType(storing: dtype, shape).needsEntry { usedNotes.insert(noteKey) }
      tensors.append(
        CheckpointContents.StoredTensor(
          descriptor: descriptor, sharedWith: nil,
          view: StridedView(contiguous: dtype, shape, byteCount: descriptor.byteCount),
          source: .region(data)))
    }
    return CheckpointContents(
      format: .safetensors, tensors: tensors,
      metadata: header.metadata.filter { !usedNotes.contains(ExactText($0.key)) })
  }
}

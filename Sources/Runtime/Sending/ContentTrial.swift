internal import Streaming
internal import Tensors
internal import WeightCodec

/// Finds what a whole content takes and how far its values will be off, by trying on some rows.
struct ContentTrial {
  // Enough to tell; of what is longer, rows at even distances.
  private static let byteCountLimit = 1 << 17

  private let tensor: TensorDescriptor
  private let sample: TensorDescriptor
  private let bytes: [UInt8]

  /// Takes all bytes of a tensor, and keeps some rows.
  init(_ bytes: RawSpan, _ tensor: TensorDescriptor) {
    self.tensor = tensor
    let extents = tensor.shape.extents
    let rowCount = extents.first ?? 1
    let rowByteCount = tensor.byteCount / max(rowCount, 1)
    let taken = min(rowCount, max(Self.byteCountLimit / max(rowByteCount, 1), 1))
    let shape = TensorShape([taken] + extents.dropFirst())
    guard taken < rowCount, let shape,
      let sample = TensorDescriptor(name: tensor.name, dtype: tensor.dtype, shape: shape)
    else {
      self.sample = tensor
      self.bytes = unsafe bytes.withUnsafeBytes { unsafe [UInt8]($0) }
      return
    }
    self.sample = sample
    var rows: [UInt8] = []
    rows.reserveCapacity(taken * rowByteCount)
    for row in 0..<taken {
      let start = row * rowCount / taken * rowByteCount
      let part = bytes.extracting(start..<start + rowByteCount)
      unsafe part.withUnsafeBytes { unsafe rows.append(contentsOf: $0) }
    }
    self.bytes = rows
  }

  /// Represents, packs and undoes it.
  func facts(_ unit: Unit) throws -> ContentFacts {
    var encoder = UnitEncoder(unit, sample)
    if encoder.needsSurvey { try encoder.survey(bytes.span) }
    try encoder.encode(bytes.span)
    try encoder.finish()
    var byteCount = 0
    for case .content(let part) in encoder.takePieces() { byteCount += part.count }
    let share = Double(tensor.byteCount) / Double(max(sample.byteCount, 1))
    return ContentFacts(
      byteCount: Double(byteCount) * share,
      relativeError: try relativeError(encoder.unit.representation))
  }

  /// The squared error of the values that arrive, in parts of their energy.
  private func relativeError(_ representation: Representation) throws -> Double {
    guard representation != .exact else { return 0 }
    var (content, decoded): ([UInt8], [UInt8]) = ([], [])
    var encoder = ContentEncoder(sample, representation)
    if encoder.needsSurvey {
      encoder.survey(bytes.span)
      encoder.finishSurvey(into: &content)
    }
    encoder.encode(bytes.span, into: &content)
    encoder.finish(into: &content)
    var decoder = ContentDecoder(sample, representation)
    try decoder.decode(content.span, into: &decoded)
    return error(decoded)
  }

  private func error(_ decoded: [UInt8]) -> Double {
    var (error, energy) = (0.0, 0.0)
    for start in stride(from: 0, to: bytes.count, by: sample.dtype.byteCount) {
      let value = value(bytes, start)
      guard value.isFinite else { continue }
      let difference = value - self.value(decoded, start)
      error += difference * difference
      energy += value * value
    }
    return energy > 0 ? error / energy : 0
  }

  private func value(_ bytes: [UInt8], _ start: Int) -> Double {
    var bits: UInt64 = 0
    for place in 0..<sample.dtype.byteCount {
      bits |= UInt64(bytes[start + place]) << UInt64(8 * place)
    }
    return FloatBits.value(bits, sample.dtype)
  }
}

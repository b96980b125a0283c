import LineModel
import Tensors

@testable import Streaming

/// A tensor of a manifest.
func entry(
  _ name: TensorName, _ dtype: DType = .f32, _ extents: [Int] = [2], sharedWith: Int? = nil
) -> Manifest.Entry? {
  guard let shape = TensorShape(extents),
    let tensor = TensorDescriptor(name: name, dtype: dtype, shape: shape)
  else { return nil }
  return Manifest.Entry(tensor, sharedWith: sharedWith)
}

/// What a stream of records holds, with contents joined to what they were.
struct Heard: Equatable {
  var kind: RecordKind
  var body: [UInt8]
}

/// Cuts a stream into records, in portions of `portionByteCount` bytes.
func records(
  in stream: [UInt8], portionByteCount: Int = .max
) throws(RecordError) -> [Heard] {
  var reader = RecordReader()
  var heard: [Heard] = []
  var start = 0
  while start < stream.count {
    let end = start + min(portionByteCount, stream.count - start)
    try read(stream.span.extracting(start..<end), with: &reader, into: &heard)
    start = end
  }
  guard reader.isBetweenRecords else { throw .truncated }
  return heard
}

private func read(
  _ portion: Span<UInt8>, with reader: inout RecordReader, into heard: inout [Heard]
) throws(RecordError) {
  var position = 0
  while true {
    switch try reader.next(portion, from: &position) {
    case .needsBytes: return
    case .record(let kind, let body): heard.append(Heard(kind: kind, body: body))
    case .content(let kind, let byteCount):
      let bytes = (position..<position + byteCount).map { portion[$0] }
      position += byteCount
      reader.takeContent(byteCount: byteCount)
      if heard.last?.kind == kind {
        heard[heard.count - 1].body += bytes
      } else {
        heard.append(Heard(kind: kind, body: bytes))
      }
    }
  }
}

/// Reads a manifest from its records; nil where they end before it does.
func manifest(in stream: [UInt8]) throws(RecordError) -> Manifest? {
  var reader = ManifestReader()
  for record in try records(in: stream) {
    if let manifest = try reader.take(record.kind, body: record.body) { return manifest }
  }
  return nil
}

extension TransferPlan {
  /// The tensors that go whole, in order.
  var units: [Unit] {
    steps.compactMap { step in
      if case .content(let unit) = step.action { unit } else { nil }
    }
  }

  var milestones: [Milestone] {
    steps.compactMap { step in
      if case .milestone(let milestone) = step.action { milestone } else { nil }
    }
  }
}

/// A manifest with shared names, a shared tensor, a 0-dimensional and an empty one.
func sampleManifest() -> Manifest {
  let entries = [
    entry("encoder.weight", .bf16, [30, 16]), entry("encoder.bias", .f32, [16]),
    entry("decoder.weight", .bf16, [30, 16], sharedWith: 0), entry("step", .i64, []),
    entry("empty", .f64, [0, 7]),
  ]
  return Manifest(kind: .tensors, name: Array("model.pt".utf8), entries: entries.compactMap { $0 })
}

/// Bytes without a pattern.
func sample(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
  var generator = SeededGenerator(seed: seed)
  return (0..<count).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
}

import Streaming
import Tensors

/// A record's kind and what is in it.
func agrees(record line: VectorText.Line) -> Bool? {
  // Part of all others.
  if line.begins(with: "varint") { return nil }
  guard let (kind, body) = record(in: line.lastBytes) else {
    // Only an empty content, or piece of the coded stream, yields nothing at all.
    return line.begins(with: "body") && line.bytes(2).isEmpty
  }
  if line.begins(with: "body") {
    return kind.rawValue == line.number(1, UInt8.self) && body == line.bytes(2)
  }
  do throws(RecordError) {
    switch kind {
    case .info:
      let info = try ReceiverInfo(parsing: body)
      if line.begins(with: "limits") || line.begins(with: "held") { return info.encoded() == body }
      return UInt64(info.byteCountLimit ?? 0) == line.number(3) && info.name == line.bytes(4)
        && info.compressions == line.number(1, UInt8.self)
        && info.codecs == line.number(2, UInt8.self)
    case .unit:
      let unit = try Unit(parsing: body)
      return unit.tensorIndex == line.number(1, Int.self) && unit.encoded() == body
        && unit.compression.rawValue == line.number(4, UInt8.self)
    case .compare: return body == line.bytes(1)
    case .held: return body == line.bytes(2)
    case .milestone: return try Milestone(parsing: body).encoded() == body
    case .metric: return try Metric(parsing: body).encoded() == body
    case .failed:
      let failure = try ReceiverFailure(parsing: body)
      return failure.code.rawValue == line.number(1, UInt8.self) && failure.text == line.bytes(2)
    default: return false
    }
  } catch {
    // Room for more than this processor can count.
    return error == .numberTooLong && Int(exactly: line.number(3) ?? 0) == nil
  }
}

/// Reads a record.
private func record(in stream: [UInt8]) -> (kind: RecordKind, body: [UInt8])? {
  var reader = RecordReader()
  var position = 0
  do throws(RecordError) {
    switch try reader.next(stream.span, from: &position) {
    case .record(let kind, let body): return position == stream.count ? (kind, body) : nil
    case .content(let kind, let byteCount):
      guard position + byteCount == stream.count else { return nil }
      return (kind, Array(stream[position...]))
    case .needsBytes: return nil
    }
  } catch {
    return nil
  }
}

/// One of the golden manifests while it is read.
struct ManifestVectors {
  private var reader = ManifestReader()
  private var stream: [UInt8] = []
  private var manifest: Manifest?
  private var isRefused = false

  /// Takes a line: its record is taken, or refused where this processor cannot count so far.
  mutating func agrees(_ line: VectorText.Line) -> Bool? {
    if line.begins(with: "terms") { return nil }
    if line.begins(with: "offer") { self = ManifestVectors() }
    // The digest, which the manifest begins: of what was read, the same bytes come again.
    if line.begins(with: "digest") { return isRefused ? nil : manifest?.encoded() == stream }
    guard !isRefused, let (kind, body) = record(in: line.lastBytes) else { return nil }
    stream += line.lastBytes
    do throws(RecordError) {
      manifest = try reader.take(kind, body: body)
      if line.begins(with: "basis") { return manifest != nil }
      return manifest?.entries.last.map { agrees($0, line) } ?? true
    } catch {
      isRefused = true
      return line.numbers(4).contains { Int(exactly: $0) == nil }
    }
  }

  private func agrees(_ entry: Manifest.Entry, _ line: VectorText.Line) -> Bool {
    entry.tensor.name.utf8 == line.bytes(1)
      && entry.tensor.dtype.rawValue == line.number(2, UInt8.self)
      && entry.sharedWith.map { UInt64($0) } == line.number(3)
      && entry.tensor.shape.extents.map { UInt64($0) } == line.numbers(4)
  }
}

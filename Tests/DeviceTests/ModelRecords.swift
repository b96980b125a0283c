import Checkpoints
import Tensors
import Testing

@testable import Runtime
@testable import Streaming

/// The records of a model that the real sender does not write yet, or not so: whole contents of small tensors,
/// the large one in the coded stream or kept.
struct ModelRecords {
  private let checkpoint: Checkpoint

  init(_ checkpoint: Checkpoint) { self.checkpoint = checkpoint }

  /// The digest of a model of these elements.
  func digest(of tensors: [[UInt8]]) throws -> [UInt8] {
    var model = ContentDigest()
    model.update(Manifest(checkpoint, named: "").encodedTensors().span)
    for tensor in tensors {
      var digest = ContentDigest()
      digest.update(tensor.span)
      model.update(digest.finish().bytes.span)
    }
    return model.finish().bytes
  }

  /// Manifest and contents; the tensors of `kept` do not come, and are these.
  func stream(
    flags: UInt8, base: [UInt8] = [], keeping kept: [Int: [UInt8]] = [:]
  ) throws -> (manifest: [UInt8], contents: [UInt8]) {
    let name = Array("model".utf8)
    var body: [UInt8] = [0, 1, UInt8(checkpoint.tensors.count), 0, UInt8(name.count)] + name
    body += [UInt8](repeating: 0, count: 8) + [flags] + base
    let manifest =
      RecordTalk.record(1, body) + Manifest(checkpoint, named: "").encodedTensors()
    guard !kept.isEmpty else {
      let stream = try HostileRecordsTests.record(checkpoint)
      // Behind OFFER and TENSOR records, which are shorter than 128 bytes.
      var place = 0
      while stream[place] <= 2 { place += 2 + Int(stream[place + 1]) }
      return (manifest, Array(stream[place...]))
    }
    var contents: [UInt8] = []
    var tensors: [[UInt8]] = []
    for index in checkpoint.tensors.indices {
      let byteCount = checkpoint.tensors[index].descriptor.byteCount
      let bytes = try kept[index] ?? checkpoint.bytes(of: index, in: 0..<byteCount)
      tensors.append(bytes)
      guard kept[index] == nil else { continue }
      var digest = ContentDigest()
      digest.update(bytes.span)
      contents += RecordTalk.record(3, [UInt8(index), 0, 0, 0]) + RecordTalk.record(4, bytes)
      contents += RecordTalk.record(5, digest.finish().bytes)
    }
    return (manifest, contents + RecordTalk.record(6, try digest(of: tensors)))
  }
}

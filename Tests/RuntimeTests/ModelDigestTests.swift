import Streaming
import Tensors
import TestVectors
import Testing

@testable import Runtime

/// The digest of a model, against one that was computed independently.
struct ModelDigestTests {
  private func manifest(of records: [UInt8]) throws -> Manifest {
    var records = records[...]
    var reader = RecordReader()
    var manifests = ManifestReader()
    while true {
      var position = 0
      let step = try reader.next(Array(records).span, from: &position)
      records = records.dropFirst(position)
      guard case .record(let kind, let body) = step else { throw RecordError.truncated }
      if let manifest = try manifests.take(kind, body: body) { return manifest }
    }
  }

  @Test func digestsAreThoseOfTheVectors() throws {
    var records: [UInt8] = []
    var count = 0
    for line in try VectorFile("manifest").lines {
      switch line.word(0) {
      case "offer": records = try line.bytes(6)
      case "tensor": records += try line.bytes(5)
      case "basis": records += try line.bytes(2)
      case "terms": break
      default:
        let manifest = try manifest(of: records)
        var digest = ModelDigest(manifest)
        for (index, entry) in manifest.entries.enumerated() where entry.hasContent {
          var content = ContentDigest()
          content.update(entry.tensor.name.utf8.span)
          digest.note(content.finish(), tensorIndex: index)
        }
        #expect(digest.finish()?.bytes == (try line.bytes(1)), "\(line)")
        count += 1
      }
    }
    #expect(count > 3)
  }

  /// Of tensors that are told by numbers, the records that they would have count.
  @Test func digestsOfNumberedTensorsAreThoseOfTheVectors() throws {
    var entries: [Manifest.Entry] = []
    var count = 0
    for line in try VectorFile("order").lines {
      switch line.word(0) {
      case "tensor":
        let shape = try #require(TensorShape(try line.numbers(3)))
        let dtype = try #require(DType(rawValue: try line.number(2)))
        let name = TensorName(utf8: try line.bytes(1))
        let tensor = TensorDescriptor(name: name, dtype: dtype, shape: shape)
        entries.append(Manifest.Entry(try #require(tensor)))
      case "digest":
        var digest = ModelDigest(Manifest(kind: .tensors, name: [], entries: entries))
        for (index, entry) in entries.enumerated() where entry.hasContent {
          var content = ContentDigest()
          content.update(entry.tensor.name.utf8.span)
          digest.note(content.finish(), tensorIndex: index)
        }
        #expect(digest.finish()?.bytes == (try line.bytes(1)))
        (entries, count) = ([], count + 1)
      default: break
      }
    }
    #expect(count == 2)
  }
}

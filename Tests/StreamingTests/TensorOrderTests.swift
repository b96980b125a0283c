import Tensors
import TestVectors
import Testing

@testable import Streaming

/// Manifests that tell of tensors by their numbers in a model that both ends have.
struct TensorOrderTests {
  /// The tensors of a base, a manifest that builds on it, and its records.
  private struct Vector {
    var base: BaseTensors?
    var manifest: Manifest?
    var stream: [UInt8] = []
  }

  private let digest: Digest

  init() throws { digest = try #require(Digest([UInt8](repeating: 7, count: 32))) }

  private func vectors() throws -> [Vector] {
    var found: [Vector] = []
    var (held, entries): ([Manifest.Entry], [Manifest.Entry]) = ([], [])
    var (terms, name) = (OfferTerms(), [UInt8]())
    var stream: [UInt8] = []
    for line in try VectorFile("order").lines {
      switch line.word(0) {
      case "held", "tensor":
        let dtype = try #require(DType(rawValue: try line.number(2)))
        let tensorName = TensorName(utf8: try line.bytes(1))
        let tensor = try #require(entry(tensorName, dtype, try line.numbers(3)))
        if line.word(0) == "held" { held.append(tensor) } else { entries.append(tensor) }
      case "offer":
        terms.base = Digest(try line.bytes(1))
        name = try line.bytes(2)
        stream = try line.bytes(3)
      case "order":
        terms.order = try line.numbers(1)
        stream += try line.bytes(2)
      default:
        let base = try #require(terms.base)
        found.append(
          Vector(
            base: BaseTensors(base, Manifest(kind: .tensors, name: [], entries: held)),
            manifest: Manifest(kind: .tensors, name: name, entries: entries, terms: terms),
            stream: stream))
        (held, entries, terms) = ([], [], OfferTerms())
      }
    }
    return found
  }

  private func read(_ stream: [UInt8], _ base: BaseTensors?) throws(RecordError) -> Manifest? {
    var reader = ManifestReader(base: base)
    for record in try records(in: stream) {
      if let manifest = try reader.take(record.kind, body: record.body) { return manifest }
    }
    return nil
  }

  @Test func vectorsHoldBothWays() throws {
    let vectors = try vectors()
    #expect(vectors.count == 2)
    for vector in vectors {
      let manifest = try #require(vector.manifest)
      #expect(manifest.encoded() == vector.stream)
      #expect(try read(vector.stream, vector.base) == manifest)
      #expect(vector.base?.order(of: manifest) == manifest.terms.order)
    }
  }

  /// A model of 1500 tensors, in another order than its base.
  @Test func numbersGoOnInTheNextRecord() throws {
    let entries = (0..<1500).compactMap { entry(TensorName(utf8: Array("t\($0)".utf8)), .u8, [1]) }
    let base = BaseTensors(
      digest, Manifest(kind: .tensors, name: [], entries: entries)
    )
    var manifest = Manifest(kind: .tensors, name: [65], entries: entries.reversed())
    manifest.terms.base = base.digest
    manifest.terms.order = try #require(base.order(of: manifest))
    manifest.terms.relations = entries.map { _ in .kept }
    let stream = manifest.encoded()
    #expect(try records(in: stream).map(\.kind) == [.offer, .order, .order, .basis])
    #expect(try read(stream, base) == manifest)
    for count in stream.indices { #expect((try? read(Array(stream[..<count]), base)) == nil) }
  }

  @Test func otherModelsAreToldInFull() throws {
    let entries = [entry("a"), entry("b", .u8, [3])].compactMap { $0 }
    let manifest = Manifest(kind: .tensors, name: [], entries: entries)
    let base = BaseTensors(digest, manifest)
    #expect(base.order(of: manifest) == [0, 1])
    let wrong: [[Manifest.Entry?]] = [
      [entry("a"), entry("c", .u8, [3])], [entry("a"), entry("b", .i8, [3])],
      [entry("b", .u8, [4])], [entry("a"), entry("b", sharedWith: 0)], [],
    ]
    for others in wrong {
      let other = Manifest(kind: .tensors, name: [], entries: others.compactMap { $0 })
      #expect(base.order(of: other) == nil)
    }
    let file = Manifest(kind: .file, name: [], entries: entries)
    #expect(base.order(of: file) == nil)
  }

  @Test func numbersThatAreNoneAreRefused() throws {
    let entries = [entry("a"), entry("b", .u8, [3])].compactMap { $0 }
    let base = BaseTensors(digest, Manifest(kind: .tensors, name: [], entries: entries))
    func order(_ body: [UInt8], _ kind: RecordKind = .order) throws(RecordError) {
      var reader = ManifestReader(base: base)
      let terms = [UInt8](repeating: 0, count: 8) + [17] + digest.bytes
      _ = try reader.take(.offer, body: [0, 0, 2, 0, 0] + terms)
      _ = try reader.take(kind, body: body)
    }
    try order([0])
    try order([1, 0])
    #expect(throws: RecordError.badIndex(2)) { try order([0, 2]) }
    #expect(throws: RecordError.badIndex(0)) { try order([1, 0, 0]) }
    #expect(throws: RecordError.truncated) { try order([]) }
    #expect(throws: RecordError.truncated) { try order([0x80]) }
    #expect(throws: RecordError.unexpected(.tensor)) { try order([0, 0, 1, 65, 1, 0], .tensor) }
  }
}

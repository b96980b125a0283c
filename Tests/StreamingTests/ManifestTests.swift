import LineModel
import Tensors
import TestVectors
import Testing
import WeightCodec

@testable import Streaming

struct ManifestTests {
  @Test func vectorsHoldBothWays() throws {
    for vector in try ManifestVector.all() {
      #expect(vector.manifest.encoded() == vector.stream)
      #expect(try manifest(in: vector.stream) == vector.manifest)
    }
  }

  @Test(arguments: [nil, .flat, .lines] as [CodecVariant?], [0, 1, 300, .max])
  func codecAndExpectationArrive(_ codec: CodecVariant?, _ byteCount: Int) throws {
    let original = Manifest(
      kind: .tensors, codec: codec, expectedByteCount: byteCount, name: [65],
      entries: sampleManifest().entries)
    let found = try #require(try manifest(in: original.encoded()))
    #expect(found == original)
    #expect(found.codec == codec && found.expectedByteCount == byteCount)
  }

  @Test func limitsAreThere() throws {
    let longest = TensorName(utf8: Array(repeating: 110, count: Manifest.nameByteCountLimit))
    let entries = [
      entry(longest, .u8, Array(repeating: 1, count: TensorShape.rankLimit)),
      entry(longest, .u8, [.max - 1]),
    ]
    let original = Manifest(
      kind: .file, name: longest.utf8 + [1], entries: entries.compactMap { $0 })
    #expect(original.name.count == Manifest.nameByteCountLimit)
    #expect(try manifest(in: original.encoded()) == original)
  }

  @Test func sharedAndEmptyTensorsHaveNoContent() {
    let manifest = sampleManifest()
    #expect(manifest.entries.map(\.hasContent) == [true, true, false, true, false])
    #expect(manifest.byteCount == 30 * 16 * 2 + 16 * 4 + 8)
  }

  @Test func everyTruncationIsAnErrorOrIncomplete() throws {
    let stream = sampleManifest().encoded()
    for count in 0..<stream.count {
      #expect((try? manifest(in: Array(stream[..<count]))) == nil)
    }
  }

  /// A changed byte is refused, or says something else that encodes to these very bytes: else the
  /// two ends would digest different ones.
  @Test func everyChangedByteIsRefusedOrMeansSomethingElse() throws {
    let original = sampleManifest()
    let stream = original.encoded()
    for offset in stream.indices {
      for flip in UInt8(1)...255 {
        var changed = stream
        changed[offset] ^= flip
        guard let found = try? manifest(in: changed) else { continue }
        let encoded = found.encoded()
        if found == original || !changed.starts(with: encoded) {
          Issue.record("byte \(offset) ^ \(flip) is taken and encoded otherwise")
        }
      }
    }
  }

  /// Bodies drawn at random from fields that are likely to be near the limits.
  @Test(arguments: 0..<300 as Range<UInt64>)
  func hostileRecordsNeverTrap(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    let numbers = [0, 1, 2, 64, 65, 1024, 1025, 1 << 20, 1 << 21, 1 << 31, 1 << 61, .max]
    func number() -> [UInt8] {
      var bytes: [UInt8] = []
      Varint.append(numbers.randomElement(using: &generator) ?? 0, to: &bytes)
      return bytes
    }
    var stream: [UInt8] = []
    Record.append(.offer, body: [0, 0, 40, 0, 0], to: &stream)
    for _ in 0..<40 {
      var body: [UInt8] = Bool.random(using: &generator) ? [0] : [1] + number()
      body += [0, 1, UInt8.random(in: 0...255, using: &generator)]
      body.append(DType.allCases.randomElement(using: &generator)?.rawValue ?? 0)
      let rank = Int.random(in: 0...3, using: &generator)
      body.append(UInt8(rank))
      for _ in 0..<rank { body += number() }
      if Int.random(in: 0..<4, using: &generator) == 0 {
        body[Int.random(in: body.indices, using: &generator)] ^= 0x80
      }
      Record.append(.tensor, body: body, to: &stream)
    }
    if let found = try? manifest(in: stream) { #expect(found.byteCount >= 0) }
  }

  @Test func sizesThatAddUpToTooMuchAreRefused() throws {
    let half = entry("a", .u8, [.max / 2 + 1])
    let entries = [half, entry("b", .u8, [.max / 2 + 1])].compactMap { $0 }
    let stream = Manifest(kind: .tensors, name: [], entries: entries).encoded()
    #expect(throws: RecordError.badShape) { try manifest(in: stream) }
  }

  @Test func namesCountInFullTowardsTheLimit() throws {
    let name = TensorName(utf8: Array(repeating: 110, count: Manifest.nameByteCountLimit))
    let tensor = try #require(entry(name))
    var reader = ManifestReader()
    var offer: [UInt8] = [0, 0]
    Varint.append(Manifest.tensorCountLimit, to: &offer)
    _ = try reader.take(.offer, body: offer + [0, 0])
    _ = try reader.take(.tensor, body: tensor.encoded(after: []))
    let again = tensor.encoded(after: name.utf8)
    #expect(again.count < 16)
    var taken = 1
    #expect(throws: RecordError.self) {
      while taken < Manifest.tensorCountLimit {
        _ = try reader.take(.tensor, body: again)
        taken += 1
      }
    }
    let full = Manifest.byteCountLimit / Manifest.nameByteCountLimit
    #expect(taken > full / 2 && taken < full)
  }

  @Test func offersThatAreNoneAreRefused() {
    func offer(_ body: [UInt8]) throws(RecordError) {
      var reader = ManifestReader()
      _ = try reader.take(.offer, body: body)
    }
    #expect(throws: RecordError.unknownKind(2)) { try offer([2, 0, 0, 0, 0]) }
    #expect(throws: RecordError.unknownCodec(3)) { try offer([0, 3, 0, 0, 0]) }
    #expect(throws: RecordError.unknownCodec(255)) { try offer([0, 255, 0, 0, 0]) }
    #expect(throws: RecordError.tooManyTensors(1 << 21)) {
      try offer([0, 0, 0x80, 0x80, 0x80, 1, 0, 0])
    }
    #expect(throws: RecordError.truncated) { try offer([0, 0, 0, 0, 0, 0]) }
    // Terms that say nothing, that go on with nothing, and flags that there are not.
    let identity = [UInt8](repeating: 7, count: 8)
    let nobody = [UInt8](repeating: 0, count: 8)
    #expect(throws: RecordError.trailingBytes) { try offer([0, 0, 0, 0, 0] + nobody + [0]) }
    #expect(throws: RecordError.unknownFlags(4)) { try offer([0, 0, 0, 0, 0] + nobody + [4]) }
    #expect(throws: RecordError.unknownFlags(32)) { try offer([0, 0, 0, 0, 0] + identity + [32]) }
    // Numbers of tensors of no base, of one that is not here, and of no tensors.
    let base = [UInt8](repeating: 5, count: 32)
    #expect(throws: RecordError.unknownFlags(16)) { try offer([0, 0, 1, 0, 0] + identity + [16]) }
    #expect(throws: RecordError.badBasis) { try offer([0, 0, 1, 0, 0] + identity + [17] + base) }
    #expect(throws: RecordError.badBasis) { try offer([0, 0, 0, 0, 0] + identity + [17] + base) }
    #expect(throws: RecordError.truncated) { try offer([0, 0, 0, 0, 0] + identity + [1, 0]) }
    #expect(throws: RecordError.trailingBytes) { try offer([0, 0, 0, 0, 0] + identity + [4, 0]) }
    for body: [UInt8] in [[], [0], [0, 1], [0, 1, 0], [0, 1, 0, 0], [0, 0, 0, 0, 1]] {
      #expect(throws: RecordError.truncated) { try offer(body) }
    }
    #expect(throws: RecordError.badName) {
      try offer([0, 0, 0, 0, 0x81, 0x08] + sample(1025))
    }
    // An expectation that no `Int` holds, and one in more bytes than it needs.
    #expect(throws: RecordError.numberTooLong) {
      try offer([0, 0, 0] + [UInt8](repeating: 0xFF, count: 9) + [1, 0])
    }
    #expect(throws: RecordError.numberTooLong) { try offer([0, 0, 0, 0x80, 0, 0]) }
  }

  @Test func tensorsThatAreNoneAreRefused() throws {
    func tensor(_ body: [UInt8], after first: [UInt8]? = [0, 0, 1, 65, 1, 0]) throws(RecordError) {
      var reader = ManifestReader()
      _ = try reader.take(.offer, body: [0, 0, 9, 0, 0])
      if let first { _ = try reader.take(.tensor, body: first) }
      _ = try reader.take(.tensor, body: body)
    }
    try tensor([1, 0, 1, 1, 66, 1, 0])
    #expect(throws: RecordError.unknownFlags(2)) { try tensor([2, 0, 1, 66, 1, 0]) }
    #expect(throws: RecordError.badIndex(1)) { try tensor([1, 1, 1, 1, 66, 1, 0]) }
    // Shared with a tensor of another shape or dtype, or with one that shares itself.
    #expect(throws: RecordError.badIndex(0)) { try tensor([1, 0, 1, 1, 66, 1, 1, 1]) }
    #expect(throws: RecordError.badIndex(0)) { try tensor([1, 0, 1, 1, 66, 2, 0]) }
    #expect(throws: RecordError.badIndex(0)) { try tensor([1, 0, 0, 0, 1, 0], after: nil) }
    #expect(throws: RecordError.badName) { try tensor([0, 2, 1, 66, 1, 0]) }
    // The prefix could be longer.
    #expect(throws: RecordError.badName) { try tensor([0, 0, 1, 65, 1, 0]) }
    #expect(throws: RecordError.badName) {
      try tensor([0, 1, 0x80, 0x08] + sample(1024) + [1, 0])
    }
    #expect(throws: RecordError.unknownDType(0)) { try tensor([0, 0, 1, 66, 0, 0]) }
    #expect(throws: RecordError.badShape) { try tensor([0, 0, 1, 66, 1, 65] + sample(65)) }
    let huge = [UInt8](repeating: 0xFF, count: 8) + [0x7F]
    #expect(throws: RecordError.badShape) { try tensor([0, 0, 1, 66, 24, 2, 2] + huge) }
    #expect(throws: RecordError.badShape) { try tensor([0, 0, 1, 66, 1, 1] + huge) }
    #expect(throws: RecordError.trailingBytes) { try tensor([0, 0, 1, 66, 1, 0, 0]) }
    #expect(throws: RecordError.unexpected(.tensor)) {
      var reader = ManifestReader()
      _ = try reader.take(.tensor, body: [0, 0, 1, 65, 1, 0])
    }
  }

  @Test func sharingIsOnlyWithATensorThatDoesNotShare() throws {
    let entries = [entry("a"), entry("b", sharedWith: 0), entry("c", sharedWith: 1)]
    let stream = Manifest(kind: .tensors, name: [], entries: entries.compactMap { $0 }).encoded()
    #expect(throws: RecordError.badIndex(1)) { try manifest(in: stream) }
  }
}

/// A manifest of `manifest.txt`, and its records.
struct ManifestVector {
  let manifest: Manifest
  let stream: [UInt8]

  static func all() throws -> [ManifestVector] {
    var found: [ManifestVector] = []
    var kind = Manifest.Kind.tensors
    var codec: CodecVariant?
    var expectedByteCount = 0
    var name: [UInt8] = []
    var entries: [Manifest.Entry] = []
    var stream: [UInt8] = []
    var terms = OfferTerms()
    for line in try VectorFile("manifest").lines {
      switch line.word(0) {
      case "terms":
        terms = OfferTerms()
        let identity = try line.bytes(1)
        terms.identity = identity.isEmpty ? nil : StreamIdentity(identity)
        terms.base = Digest(try line.bytes(2))
        terms.goesOn = try line.number(3) == 1
      case "basis":
        for code in try line.numbers(1) {
          terms.relations.append(try #require(TensorRelation(rawValue: UInt8(code))))
        }
        stream += try line.bytes(2)
      case "offer":
        kind = try #require(Manifest.Kind(rawValue: try line.number(1)))
        codec = CodecVariant(rawValue: try line.number(2))
        expectedByteCount = try line.number(4)
        name = try line.bytes(5)
        entries = []
        stream = try line.bytes(6)
      case "tensor":
        let dtype = try #require(DType(rawValue: try line.number(2)))
        let tensorName = TensorName(utf8: try line.bytes(1))
        let sharedWith = try line.number(3, Int.self)
        let tensor = entry(tensorName, dtype, try line.numbers(4), sharedWith: sharedWith)
        entries.append(try #require(tensor))
        stream += try line.bytes(5)
      default:
        let manifest = Manifest(
          kind: kind, codec: codec, expectedByteCount: expectedByteCount, name: name,
          entries: entries, terms: terms)
        terms = OfferTerms()
        found.append(ManifestVector(manifest: manifest, stream: stream))
      }
    }
    return found
  }
}

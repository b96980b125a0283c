internal import Framing
internal import LineModel
package import Streaming
internal import Tensors
internal import WeightCodec

/// A small model drawn from a seed, and everything that a transfer of it says.
package struct SampleModel: Sendable {
  /// What a sender feeds into its machine, in order.
  package enum Piece: Equatable, Sendable {
    case begin(Streaming.Unit)
    case content([UInt8])
    case end(Digest)
    case coded([UInt8])
    case milestone(Milestone)
    case finish(Digest)
  }

  package let plan: TransferPlan
  /// The elements of each tensor of the manifest; none for those that share.
  package private(set) var elements: [[UInt8]]
  /// What a receiver has of each tensor in the end, where that is known beforehand.
  package private(set) var expected: [Int: [UInt8]] = [:]
  package private(set) var pieces: [Piece] = []
  /// The digest of the whole.
  package private(set) var digest = SampleDigest([]).value

  package var manifest: Manifest { plan.manifest }

  /// Draws up to eight tensors of up to some hundred elements.
  ///
  /// Every second seed sends them in planes, unless it is said which way they go.
  package init(drawnFrom seed: UInt64, isCoded: Bool? = nil) {
    var generator = SeededGenerator(seed: seed)
    var entries: [Manifest.Entry] = []
    var elements: [[UInt8]] = []
    for index in 0..<Int.random(in: 0...8, using: &generator) {
      guard let tensor = Self.tensor(index, &generator) else { continue }
      entries.append(Manifest.Entry(tensor))
      elements.append(Self.elements(of: tensor, &generator))
      guard Bool.random(using: &generator), let shape = TensorShape(tensor.shape.extents),
        let twin = TensorDescriptor(
          name: TensorName("twin.\(index)"), dtype: tensor.dtype, shape: shape)
      else { continue }
      entries.append(Manifest.Entry(twin, sharedWith: entries.count - 1))
      elements.append([])
    }
    let policies: [Representation] = [.exact, .affine(bits: 5), .channel(bits: 8), .cast(.f16)]
    let policy = PlainPolicy(
      representation: policies.randomElement(using: &generator) ?? .exact, compression: .none)
    let name = Array("model \(seed)".utf8)
    // Another sequence: what a seed means otherwise does not depend on it.
    var choices = SeededGenerator(seed: seed ^ 0x5DEE_CE66_D1CE_4E5B)
    let isDrawn = Bool.random(using: &choices)
    if isCoded ?? isDrawn {
      let variant = CodecVariant.allCases.randomElement(using: &choices) ?? .flat
      let manifest = Manifest(kind: .tensors, codec: variant, name: name, entries: entries)
      self.elements = elements
      plan = SampleCoding.plan(manifest, &self.elements, &choices)
      encodePlanes(&choices)
    } else {
      plan = TransferPlan(Manifest(kind: .tensors, name: name, entries: entries), policy)
      self.elements = elements
      encode(&generator)
    }
  }

  private mutating func encodePlanes(_ generator: inout SeededGenerator) {
    var coding = SampleCoding(plan, elements)
    for step in plan.steps {
      switch step.action {
      case .pass(let pass, let index): coding.encode(pass, of: index)
      case .content(let unit): pieces += coding.content(of: unit)
      case .milestone(let milestone):
        pieces += coding.endCodeword(&generator) + [.milestone(milestone)]
      }
    }
    expected = coding.expected
    digest = SampleDigest.model(
      manifest, expected.mapValues { SampleDigest($0).value })
    pieces.append(.finish(digest))
  }

  private static func tensor(
    _ index: Int, _ generator: inout SeededGenerator
  ) -> TensorDescriptor? {
    let shapes = [[], [0], [1], [40], [30, 20], [16, 1, 3, 3], [5, 0, 2], [600]]
    let dtypes: [DType] = [.f32, .f32, .bf16, .f16, .f64, .i64, .bool]
    guard let extents = shapes.randomElement(using: &generator),
      let dtype = dtypes.randomElement(using: &generator), let shape = TensorShape(extents)
    else { return nil }
    return TensorDescriptor(name: TensorName("layer.\(index)"), dtype: dtype, shape: shape)
  }

  /// Any bytes are a tensor; those of floats stay finite, so that they can be quantized.
  private static func elements(
    of tensor: TensorDescriptor, _ generator: inout SeededGenerator
  ) -> [UInt8] {
    var bytes: [UInt8] = []
    for _ in 0..<tensor.shape.elementCount {
      if tensor.dtype.isQuantizable {
        let value = Double.random(in: -1...1, using: &generator)
        let bits = FloatBits.bits(value, tensor.dtype)
        for index in 0..<tensor.dtype.byteCount {
          bytes.append(UInt8(truncatingIfNeeded: bits >> UInt64(8 * index)))
        }
      } else {
        for _ in 0..<tensor.dtype.byteCount { bytes.append(UInt8(generator.next() >> 56)) }
      }
    }
    return bytes
  }

  private mutating func encode(_ generator: inout SeededGenerator) {
    var digests: [Int: Digest] = [:]
    for step in plan.steps {
      guard case .content(let unit) = step.action else { continue }
      let content = content(of: unit)
      pieces.append(.begin(unit))
      var start = 0
      while start < content.count {
        let end = min(start + Int.random(in: 1...3000, using: &generator), content.count)
        pieces.append(.content(Array(content[start..<end])))
        start = end
      }
      let digest = SampleDigest(content).value
      digests[unit.tensorIndex] = digest
      if unit.representation == .exact { expected[unit.tensorIndex] = content }
      pieces.append(.end(digest))
    }
    digest = SampleDigest.model(manifest, digests)
    pieces.append(.finish(digest))
  }

  /// What a tensor becomes in its representation.
  package func content(of unit: Streaming.Unit) -> [UInt8] {
    let tensor = manifest.entries[unit.tensorIndex].tensor
    let bytes = elements[unit.tensorIndex]
    var encoder = ContentEncoder(tensor, unit.representation)
    var content: [UInt8] = []
    if encoder.needsSurvey {
      encoder.survey(bytes.span)
      encoder.finishSurvey(into: &content)
    }
    encoder.encode(bytes.span, into: &content)
    encoder.finish(into: &content)
    return content
  }
}

/// Stands for SHA-256, which no portable layer computes: 32 bytes that depend on every byte.
struct SampleDigest {
  private(set) var value: Digest

  init(_ bytes: [UInt8]) {
    var digest: [UInt8] = []
    for salt in 0..<8 as Range<UInt8> {
      var crc = CRC32()
      crc.update(salt)
      crc.update(bytes.span)
      for index in 0..<4 {
        digest.append(UInt8(truncatingIfNeeded: crc.value >> UInt32(8 * index)))
      }
    }
    guard let value = Digest(digest) else { preconditionFailure("a digest has 32 bytes") }
    self.value = value
  }

  static func model(_ manifest: Manifest, _ contents: [Int: Digest]) -> Digest {
    var bytes = manifest.encodedTensors()
    for index in manifest.entries.indices { bytes += contents[index]?.bytes ?? [] }
    return SampleDigest(bytes).value
  }
}

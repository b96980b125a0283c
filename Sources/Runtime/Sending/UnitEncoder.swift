import Streaming
import Tensors
import WeightCodec

/// One tensor on its way: represented, digested, packed.
///
/// A content that fits `smallByteCount` is packed whole and goes out as it is where that is shorter.
struct UnitEncoder {
  static let smallByteCount = 1 << 16

  private(set) var unit: Unit
  private let isSmall: Bool
  private var encoder: ContentEncoder
  private var hash = ContentDigest()
  private var deflate: ZlibBox?
  private var output: [UInt8] = []
  private var plain: [UInt8] = []
  private var hasBegun = false
  private var isComplete = false
  private let tensorByteCount: Int
  // Bytes of the tensor taken so far, of the first or the second pass.
  private(set) var offset = 0

  init(_ unit: Unit, _ tensor: TensorDescriptor) {
    self.unit = unit
    encoder = ContentEncoder(tensor, unit.representation)
    needsSurvey = encoder.needsSurvey
    tensorByteCount = tensor.byteCount
    isSmall = tensor.byteCount <= Self.smallByteCount
    if unit.compression == .deflate { deflate = ZlibBox(.deflate) }
  }

  /// Whether the tensor has to be gone through once before it can be encoded.
  private(set) var needsSurvey: Bool

  /// Takes the next bytes of the first pass; the last ones settle representation and parameters.
  mutating func survey(_ bytes: Span<UInt8>) throws {
    encoder.survey(bytes)
    offset += bytes.count
    guard offset == tensorByteCount else { return }
    offset = 0
    needsSurvey = false
    var parameters: [UInt8] = []
    encoder.finishSurvey(into: &parameters)
    unit = Unit(
      tensorIndex: unit.tensorIndex, representation: encoder.representation,
      compression: unit.compression)
    try pack(parameters)
  }

  /// Takes the next bytes of the tensor.
  mutating func encode(_ bytes: Span<UInt8>) throws {
    var content: [UInt8] = []
    encoder.encode(bytes, into: &content)
    offset += bytes.count
    try pack(content)
  }

  /// Ends the content.
  mutating func finish() throws {
    var content: [UInt8] = []
    encoder.finish(into: &content)
    try pack(content)
    if let deflate { try deflate.process([], isLast: true, into: &output) }
    isComplete = true
    if isSmall, deflate != nil, plain.count <= output.count {
      output = plain
      unit = Unit(
        tensorIndex: unit.tensorIndex, representation: unit.representation, compression: .none)
    }
  }

  /// The digest of the content, once it is complete.
  var digest: Digest { hash.finish() }

  /// What can go out now: records' worth of bytes, behind the unit's beginning.
  mutating func takePieces() -> [ModelStream.Piece] {
    // Until a small content is complete, nobody knows how it is packed.
    if isSmall && !isComplete { return [] }
    var pieces: [ModelStream.Piece] = hasBegun ? [] : [.begin(unit)]
    hasBegun = true
    let limit = Record.contentByteCountLimit
    var start = 0
    while output.count - start >= limit || isComplete && start < output.count {
      let end = min(start + limit, output.count)
      pieces.append(.content(Array(output[start..<end])))
      start = end
    }
    output.removeFirst(start)
    return pieces
  }

  private mutating func pack(_ content: [UInt8]) throws {
    hash.update(content.span)
    guard let deflate else {
      output += content
      return
    }
    if isSmall { plain += content }
    try deflate.process(content, isLast: false, into: &output)
  }
}

/// A zlib stream that a copyable value can hold.
final class ZlibBox {
  private var stream: ZlibStream

  init(_ direction: ZlibStream.Direction) { stream = ZlibStream(direction) }

  var isAtEnd: Bool { stream.isAtEnd }

  func process(_ input: [UInt8], isLast: Bool, into output: inout [UInt8]) throws {
    try stream.process(input.span, isLast: isLast) { portion in
      unsafe portion.withUnsafeBufferPointer { unsafe output.append(contentsOf: $0) }
    }
  }

  func process(_ input: Span<UInt8>, _ body: (Span<UInt8>) throws -> Void) throws {
    try stream.process(input, body)
  }
}

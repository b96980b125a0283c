internal import Streaming
internal import WeightCodec

/// Finds the shortest form of a tensor that is not of floats, by trying on its first part.
struct WholeTrial {
  enum Choice: Equatable {
    case coded(asDifferences: Bool)
    case deflate
    case none
  }

  // Enough to tell forms apart; what is longer is judged by it.
  private static let byteCountLimit = 1 << 18
  // Records and digest of a content, beyond its bytes.
  private static let contentOverhead = TransferPlan.contentByteCount

  private let part: [UInt8]
  private let byteCount: Int
  private let elementByteCount: Int

  init(_ bytes: RawSpan, elementByteCount: Int) {
    byteCount = bytes.byteCount
    self.elementByteCount = elementByteCount
    let limit = Self.byteCountLimit - Self.byteCountLimit % elementByteCount
    part = unsafe bytes.withUnsafeBytes { unsafe [UInt8]($0.prefix(limit)) }
  }

  /// Of a tensor whose base is known: of the differences of its elements, as numbers without a sign.
  init(differenceOf bytes: RawSpan, from base: RawSpan, elementByteCount: Int) {
    byteCount = bytes.byteCount
    self.elementByteCount = elementByteCount
    let limit = Self.byteCountLimit - Self.byteCountLimit % elementByteCount
    var part: [UInt8] = []
    var borrow = 0
    for place in 0..<min(limit, bytes.byteCount) {
      if place % elementByteCount == 0 { borrow = 0 }
      let new = Int(unsafe bytes.unsafeLoad(fromByteOffset: place, as: UInt8.self))
      let old = Int(unsafe base.unsafeLoad(fromByteOffset: place, as: UInt8.self))
      let difference = new - old - borrow
      borrow = difference < 0 ? 1 : 0
      part.append(UInt8(truncatingIfNeeded: difference))
    }
    self.part = part
  }

  /// The form, and the bytes of the stream that it is expected to take.
  func best(canCode: Bool, canDeflate: Bool) throws -> (Choice, byteCount: Double) {
    var found = (Choice.none, byteCount: Double(byteCount) + Self.contentOverhead)
    func consider(_ choice: Choice, _ partByteCount: Int, overhead: Double) {
      let scaled = Double(partByteCount) * Double(byteCount) / Double(part.count) + overhead
      if scaled < found.byteCount { found = (choice, scaled) }
    }
    for asDifferences in canCode ? [false, true] : [] {
      consider(.coded(asDifferences: asDifferences), codedByteCount(asDifferences), overhead: 1)
    }
    if canDeflate {
      var packed: [UInt8] = []
      try ZlibBox(.deflate).process(part, isLast: true, into: &packed)
      consider(.deflate, packed.count, overhead: Self.contentOverhead)
    }
    return found
  }

  private func codedByteCount(_ asDifferences: Bool) -> Int {
    let tensor = CodedTensor(
      grid: nil, elementByteCount: elementByteCount, byteCount: part.count)
    var encoder = CodedStreamEncoder([tensor], .flat)
    unsafe encoder.encode(
      .bytes(asDifferences: asDifferences), of: 0, part.span.bytes,
      TensorHead(topLevel: nil, hasExceptions: false))
    encoder.endCodeword()
    return encoder.takeBytes().count
  }
}

/// The exceptions of a tensor on their way in: elements that are not finite, bits and all.
struct ExceptionDecoder {
  // Bytes that an exception takes at most.
  private static let exceptionByteCount = 32

  private let tensor: Int
  // The element behind the last one, and that one's bits.
  private var index = 0
  private var last: UInt64?

  /// Stands before those of a tensor, by its place in the stream.
  init(tensor: Int) { self.tensor = tensor }

  /// Goes on as far as the input allows; whether there are no more.
  mutating func decode<Bits>(
    _ memory: inout MutableRawSpan, _ grid: TensorGrid, _ code: FloatCode<Bits>,
    _ passes: inout PassDecoder
  ) throws(CodedStreamError) -> Bool {
    while passes.has(byteCount: Self.exceptionByteCount) {
      let gap = Self.decodeGap(&passes)
      guard gap < grid.elementCount - index else { throw .badException(tensor) }
      index += gap
      var bits = Bits(truncatingIfNeeded: last ?? UInt64(code.infinity))
      if !passes.coder.decode(&passes.models.headers.isRepeated) {
        bits = Bits(truncatingIfNeeded: passes.coder.decode(bitCount: Bits.bitWidth))
        guard bits & code.magnitudeMask >= code.infinity else { throw .badException(tensor) }
      }
      last = UInt64(bits)
      code.store(bits, to: &memory, at: index)
      index += 1
      guard passes.coder.decode(&passes.models.headers.hasMore) else { return true }
      guard passes.mayGoOn() else { return false }
    }
    return false
  }

  /// Finite elements before an exception.
  private static func decodeGap(_ passes: inout PassDecoder) -> Int {
    if passes.coder.decode(&passes.models.headers.isNext) { return 0 }
    let length = min(Int(passes.coder.decode(bitCount: 6)), Int.bitWidth - 2)
    return 1 << length | Int(passes.coder.decode(bitCount: length))
  }
}

/// Decodes tensors that are not of floats, byte by byte and in place.
struct BytePassDecoder {
  private var models = ByteModels()
  private var sum = ElementSum()

  /// Stands before a tensor.
  mutating func begin() { sum = ElementSum() }

  /// Goes on as far as the input allows; whether the tensor is complete.
  mutating func decode(
    _ memory: inout MutableRawSpan, _ tensor: CodedTensor, asDifferences: Bool,
    _ cursor: inout Cursor, _ passes: inout PassDecoder
  ) -> Bool {
    let size = tensor.elementByteCount
    while cursor.index < tensor.byteCount {
      guard passes.mayGoOn(byteCount: PassDecoder.byteByteCount) else { return false }
      let lane = cursor.index % size
      let last = asDifferences ? sum.last(lane) : 0
      let byte = models.decode(lane: lane, before: last, &passes.coder)
      let base = tensor.hasBase ? memory.bytes.byte(at: cursor.index) : 0
      memory.storeBytes(
        of: sum.add(byte, to: base, lane: lane), toByteOffset: cursor.index, as: UInt8.self)
      cursor.advance(by: 1)
    }
    return true
  }
}

import LineModel
import Tensors
import WeightCodec

/// A tensor without a name.
func descriptor(_ dtype: DType, _ extents: [Int]) -> TensorDescriptor? {
  TensorShape(extents).flatMap { TensorDescriptor(name: "t", dtype: dtype, shape: $0) }
}

/// Elements of a float type as they stand in memory: the nearest to each value.
func elements(_ values: [Double], _ dtype: DType) -> [UInt8] {
  values.flatMap { littleEndian(FloatBits.bits($0, dtype), byteCount: dtype.byteCount) }
}

/// The values of elements of a float type.
func values(_ elements: [UInt8], _ dtype: DType) -> [Double] {
  stride(from: 0, to: elements.count, by: dtype.byteCount).map { start in
    var bits: UInt64 = 0
    for offset in (0..<dtype.byteCount).reversed() {
      bits = bits << 8 | UInt64(elements[start + offset])
    }
    return FloatBits.value(bits, dtype)
  }
}

func littleEndian(_ number: UInt64, byteCount: Int) -> [UInt8] {
  (0..<byteCount).map { UInt8(truncatingIfNeeded: number >> UInt64(8 * $0)) }
}

/// What a tensor becomes: the representation that its values allow, and its content.
func encode(
  _ elements: [UInt8], _ tensor: TensorDescriptor, _ representation: Representation,
  portionByteCount: Int = .max
) -> (representation: Representation, content: [UInt8]) {
  var encoder = ContentEncoder(tensor, representation)
  var content: [UInt8] = []
  if encoder.needsSurvey {
    forEachPortion(of: elements, portionByteCount) { encoder.survey($0) }
    encoder.finishSurvey(into: &content)
  }
  forEachPortion(of: elements, portionByteCount) { encoder.encode($0, into: &content) }
  encoder.finish(into: &content)
  return (encoder.representation, content)
}

/// The elements that a content stands for.
func decode(
  _ content: [UInt8], _ tensor: TensorDescriptor, _ representation: Representation,
  portionByteCount: Int = .max
) throws(ContentError) -> [UInt8] {
  var decoder = ContentDecoder(tensor, representation)
  var elements: [UInt8] = []
  var start = 0
  while start < content.count {
    let end = start + min(portionByteCount, content.count - start)
    try decoder.decode(content.span.extracting(start..<end), into: &elements)
    start = end
  }
  try decoder.finish()
  return elements
}

private func forEachPortion(
  of bytes: [UInt8], _ portionByteCount: Int, _ body: (Span<UInt8>) -> Void
) {
  var start = 0
  while start < bytes.count {
    let end = start + min(portionByteCount, bytes.count - start)
    body(bytes.span.extracting(start..<end))
    start = end
  }
}

/// Values of a bell curve around zero, as weights are.
func weights(_ count: Int, seed: UInt64, spread: Double = 0.1) -> [Double] {
  var generator = SeededGenerator(seed: seed)
  return (0..<count).map { _ in
    // The sum of uniform draws comes near enough.
    (0..<6).reduce(0.0) { sum, _ in sum + Double.random(in: -1...1, using: &generator) } * spread
  }
}

extension DType {
  static let quantizable: [DType] = [.f32, .f64, .f16, .bf16]

  /// The distance from a value to its neighbours, for the largest of some values.
  func ulp(of magnitude: Double) -> Double {
    switch self {
    case .f64: magnitude.ulp
    case .f32: Double(Float(magnitude).ulp)
    case .f16: max(magnitude.binade * 0x1p-10, 0x1p-24)
    default: max(magnitude.binade * 0x1p-7, 0x1p-133)
    }
  }
}

extension Representation {
  /// All quantizers at all lengths of code.
  static let quantizers: [Representation] =
    bitsRange.map { .affine(bits: $0) } + bitsRange.map { .channel(bits: $0) }
}

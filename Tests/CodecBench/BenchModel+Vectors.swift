import Tensors
import WeightCodec

extension BenchModel {
  /// The lines of Tests/Vectors/coded.txt for the exact stream: of the memory what it is in the end,
  /// which it only becomes if all was right before.
  func vectors(_ variant: CodecVariant) -> [String] {
    var lines = ["stream \(hex(variant.rawValue))"]
    for (index, tensor) in descriptors.enumerated() {
      let extents = tensor.shape.extents.map { hex($0) }.joined(separator: ",")
      let elements = digits(memory[place(of: index)])
      lines.append(
        "tensor \(hex(tensor.dtype.rawValue)) \(extents.isEmpty ? "-" : extents) \(elements)")
    }
    for (units, bytes) in zip(codewords, encoded(variant, .exact)) {
      lines += units.map { "unit \(hex($0.index)) \(parameter(of: $0.pass))" }
      lines.append("codeword \(digits(bytes[...]))")
    }
    return lines + descriptors.indices.map { "exact \(hex($0))" }
  }

  private func parameter(of pass: Pass) -> String {
    switch pass {
    case .significance, .refinement: "-"
    case .mantissa(let bits): hex(bits)
    case .bytes(let asDifferences): asDifferences ? "1" : "0"
    }
  }

  private func hex(_ number: some BinaryInteger) -> String { String(number, radix: 16) }

  private func digits(_ bytes: ArraySlice<UInt8>) -> String {
    let digits = Array("0123456789abcdef".utf8)
    let text = bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
    return String(decoding: text, as: UTF8.self)
  }
}

import Tensors
import TestVectors
import Testing

@testable import WeightCodec

/// The golden contents, both ways.
struct ContentVectorTests {
  @Test func vectorsHoldBothWays() throws {
    for line in try VectorFile("content").lines {
      let dtype = try #require(DType(rawValue: try line.number(0)))
      let tensor = try #require(descriptor(dtype, try line.numbers(1)))
      let asked = try #require(try representation(line, 2))
      let written = try #require(try representation(line, 4))
      let (elements, content) = (try line.bytes(6), try line.bytes(7))
      let found = encode(elements, tensor, asked)
      #expect(found.representation == written, "\(line)")
      #expect(found.content == content, "\(line)")
      let decoded = try decode(content, tensor, written)
      if case (.affine, .f64) = (written, dtype) {
        expectNear(decoded, try line.bytes(8), "\(line)")
      } else {
        #expect(decoded == (try line.bytes(8)), "\(line)")
      }
    }
  }

  /// Within a few units in the last place of the largest: the vectors are exact before rounding.
  private func expectNear(_ found: [UInt8], _ expected: [UInt8], _ line: Comment) {
    let expected = values(expected, .f64)
    let tolerance = (expected.map(\.magnitude).max() ?? 0).ulp * 2
    for (found, expected) in zip(values(found, .f64), expected) {
      #expect(abs(found - expected) <= tolerance, line)
    }
  }

  private func representation(_ line: VectorFile.Line, _ index: Int) throws -> Representation? {
    let parameter: UInt8 = try line.number(index + 1)
    switch try line.number(index) as Int {
    case 0: return .exact
    case 1: return .affine(bits: Int(parameter))
    case 2: return .channel(bits: Int(parameter))
    default: return DType(rawValue: parameter).map { .cast($0) }
    }
  }
}

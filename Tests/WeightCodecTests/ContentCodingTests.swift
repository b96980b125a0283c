import LineModel
import Tensors
import Testing

@testable import WeightCodec

/// Contents in portions, contents of odd shapes, and contents from a peer that means no good.
struct ContentCodingTests {
  private static let shapes = [[], [1], [0], [7], [3, 5], [4, 0], [0, 4], [2, 1, 2, 3]]

  @Test(arguments: DType.allCases)
  func exactKeepsEveryByte(_ dtype: DType) throws {
    for shape in Self.shapes {
      let tensor = try #require(descriptor(dtype, shape))
      let original = (0..<tensor.byteCount).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ 11) }
      let (used, content) = encode(original, tensor, .exact)
      #expect(used == .exact)
      #expect(content == original)
      #expect(try decode(content, tensor, .exact, portionByteCount: 3) == original)
    }
  }

  @Test(arguments: Representation.quantizers + [.cast(.f16), .cast(.bf16)])
  func portionsMakeNoDifference(_ representation: Representation) throws {
    for dtype in DType.quantizable {
      for shape in Self.shapes where !shape.contains(0) {
        let tensor = try #require(descriptor(dtype, shape))
        let original = elements(weights(tensor.shape.elementCount, seed: 3), dtype)
        let whole = encode(original, tensor, representation)
        let decoded = try decode(whole.content, tensor, whole.representation)
        for count in 1...9 {
          let parts = encode(original, tensor, representation, portionByteCount: count)
          #expect(parts == whole)
          let found = try decode(
            whole.content, tensor, whole.representation, portionByteCount: count)
          #expect(found == decoded)
        }
      }
    }
  }

  /// 65504 is the greatest binary16; from 65520 on a value would round to infinity.
  @Test(arguments: [(65_519.0, true), (65_520.0, false), (-1e9, false), (.nan, false)])
  func castThatWouldMakeAValueInfiniteIsExact(_ value: Double, _ isCast: Bool) throws {
    let tensor = try #require(descriptor(.f32, [3]))
    let original = elements([1, value, -2], .f32)
    let (used, content) = encode(original, tensor, .cast(.f16))
    #expect(used == (isCast ? .cast(.f16) : .exact))
    #expect(content.count == (isCast ? 6 : 12))
  }

  @Test func everySplitInTwoDecodesAlike() throws {
    let tensor = try #require(descriptor(.f32, [3, 5]))
    let original = elements(weights(15, seed: 4), .f32)
    for representation in Representation.quantizers {
      let content = encode(original, tensor, representation).content
      let whole = try decode(content, tensor, representation)
      for cut in 0...content.count {
        var decoder = ContentDecoder(tensor, representation)
        var found: [UInt8] = []
        try decoder.decode(content.span.extracting(0..<cut), into: &found)
        try decoder.decode(content.span.extracting(cut..<content.count), into: &found)
        try decoder.finish()
        #expect(found == whole)
      }
    }
  }

  @Test func emptyTensorsHaveOnlyAnExactRepresentation() throws {
    for extents in [[0], [0, 4], [4, 0], [1 << 61, 0]] {
      let tensor = try #require(descriptor(.f32, extents))
      #expect(Representation.exact.byteCount(for: tensor) == 0)
      for representation in Representation.quantizers {
        #expect(!representation.isValid(for: tensor))
      }
    }
  }

  @Test func representationsThatWouldOverflowAreNotValid() throws {
    let lines = try #require(descriptor(.f16, [Int.max / 2, 1]))
    let wide = try #require(descriptor(.f64, [Int.max / 8]))
    for representation in Representation.quantizers {
      #expect(!representation.isValid(for: lines))
      #expect(!representation.isValid(for: wide))
    }
    let large = try #require(descriptor(.f16, [Int.max / 16, 1]))
    for representation in Representation.quantizers {
      #expect(representation.isValid(for: large))
      #expect(representation.byteCount(for: large) > 0)
    }
  }

  @Test func onlyFloatsAreQuantizedAndOnlyTo16BitsCast() throws {
    for dtype in DType.allCases {
      let tensor = try #require(descriptor(dtype, [2, 2]))
      #expect(Representation.exact.isValid(for: tensor))
      for representation in Representation.quantizers + [.cast(.f16), .cast(.bf16)] {
        #expect(representation.isValid(for: tensor) == dtype.isQuantizable)
      }
      for target in DType.allCases where target != .f16 && target != .bf16 {
        #expect(!Representation.cast(target).isValid(for: tensor))
      }
      for bits in [0, 1, 9, 255] {
        #expect(!Representation.affine(bits: bits).isValid(for: tensor))
        #expect(!Representation.channel(bits: bits).isValid(for: tensor))
      }
    }
  }

  @Test func contentOfAnotherSizeIsRefused() throws {
    let tensor = try #require(descriptor(.f32, [3, 5]))
    for representation in Representation.quantizers + [.exact, .cast(.f16)] {
      let content = [UInt8](repeating: 0, count: representation.byteCount(for: tensor))
      #expect(throws: ContentError.tooLong) { try decode(content + [0], tensor, representation) }
      #expect(throws: ContentError.tooShort) {
        try decode(content.dropLast(), tensor, representation)
      }
      #expect(throws: ContentError.tooShort) { try decode([], tensor, representation) }
    }
  }

  @Test func parametersThatNoEncoderWritesAreRefused() throws {
    let tensor = try #require(descriptor(.f32, [2]))
    let ends: [(Double, Double)] = [
      (1, 0), (.nan, 1), (0, .nan), (0, .infinity), (-.infinity, 0), (.nan, .nan),
    ]
    for (minimum, maximum) in ends {
      let content =
        littleEndian(minimum.bitPattern, byteCount: 8)
        + littleEndian(maximum.bitPattern, byteCount: 8) + [0, 0]
      #expect(throws: ContentError.badParameters) {
        try decode(content, tensor, .affine(bits: 8))
      }
    }
    for scale in [Float.nan, .infinity, -1, -.leastNonzeroMagnitude] {
      let content = littleEndian(UInt64(scale.bitPattern), byteCount: 4) + [0, 0]
      #expect(throws: ContentError.badParameters) {
        try decode(content, tensor, .channel(bits: 8))
      }
    }
  }

  /// Any content of the right size is refused or yields a tensor of the right size.
  @Test(arguments: 0..<60 as Range<UInt64>)
  func randomContentsNeverTrap(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    for representation in Representation.quantizers + [.cast(.f16), .cast(.bf16)] {
      for dtype in DType.quantizable {
        let tensor = try #require(descriptor(dtype, [3, 4]))
        let count = representation.byteCount(for: tensor)
        let content = (0..<count).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
        let found = try? decode(content, tensor, representation, portionByteCount: 5)
        if let found { #expect(found.count == tensor.byteCount) }
      }
    }
  }
}

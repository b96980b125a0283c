/// Which models a coder uses: both ends agree on it.
public enum CodecVariant: UInt8, CaseIterable, Sendable {
  /// Four models, begun anew for each pass, and raw signs: for receivers with little memory.
  case flat = 1
  /// Models by the activity of row and column, which all tensors share, each averaged with one of the
  /// pass; signs by those of row, column and neighbours; bytes by their place in the element.
  case lines = 2
}

/// The adaptive models of a stream.
struct PassModels {
  // Mantissa bits behind the leading one whose likelihood is learnt; those beyond are even.
  static let refinementDepth = 3
  // Distances below the last plane that have a model each.
  static let distanceCount = 16
  // A distance of so many is followed by the level itself, so that no element takes many bytes.
  static let distanceLimit = 24

  /// Of the pass at hand: one for all, or by how many of row and column it has made significant.
  struct OfPass {
    var significance = BitModel()
    var yield = InlineArray<24, BitModel>(repeating: BitModel())
    var refinement = InlineArray<3, BitModel>(repeating: BitModel())
  }

  /// Of a mantissa pass.
  struct OfMantissas {
    var isZero = BitModel()
    var zeroSign = BitModel()
    var sign = BitModel()
    var distance = InlineArray<16, BitModel>(repeating: BitModel())
    var sameZeros = BitModel()
    // Of a tensor that has a base: by the three decisions before, and whether it has moved.
    var isSame = InlineArray<16, BitModel>(repeating: BitModel())
  }

  /// Of units, headers and exceptions.
  struct OfHeaders {
    var isMantissa = BitModel()
    var hasExceptions = BitModel()
    var isNext = BitModel()
    var isRepeated = BitModel()
    var hasMore = BitModel()
  }

  /// Shared by all tensors, by the class of activity or sign.
  struct OfLines {
    var significance = InlineArray<16, BitModel>(repeating: BitModel())
    var refinement = InlineArray<48, BitModel>(repeating: BitModel())
    var sign = InlineArray<72, BitModel>(repeating: BitModel())
  }

  var pass = OfPass()
  var base = BaseModels()
  var mantissas = OfMantissas()
  var headers = OfHeaders()
  var lines = OfLines()
}

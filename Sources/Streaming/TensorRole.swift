internal import Tensors

// What a tensor is to a network, as far as its name, type and shape tell.

extension DType {
  /// Whether elements are floats of any width.
  var isFloat: Bool { isQuantizable || isNarrowFloat }
}

extension TensorDescriptor {
  // Vectors longer than this are planned as matrices are: they are no biases.
  private static let vectorLimit = 8192

  /// Biases, norms and running statistics: they cost next to nothing, and without them a network is at
  /// chance.
  var isSmall: Bool {
    shape.elementCount < 512 || shape.rank < 2 && shape.elementCount <= Self.vectorLimit
  }

  /// A single integer counts batches or steps: no network computes with it.
  var isCounter: Bool { shape.elementCount == 1 && !dtype.isFloat }

  /// A table of which an input looks up rows.
  var isEmbedding: Bool {
    guard shape.rank == 2 else { return false }
    return shape.extents[0] >= 8 * shape.extents[1]
      && shape.elementCount >= 1 << 16 && name.contains("emb")
      || name.contains("embed")
  }
}

extension TensorName {
  /// Whether the name holds these ASCII characters.
  fileprivate func contains(_ text: StaticString) -> Bool {
    let count = text.utf8CodeUnitCount
    guard utf8.count >= count else { return false }
    return text.withUTF8Buffer { part in
      (0...utf8.count - count).contains { start in
        (0..<count).allSatisfy { unsafe utf8[start + $0] == part[$0] }
      }
    }
  }
}

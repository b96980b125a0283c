internal import Tensors

/// The tensors of a model that both ends have: those of another one can be told by their numbers among them
/// (Protocol.md §5.3).
public struct BaseTensors: Equatable, Sendable {
  /// What the model is known by.
  public let digest: Digest
  // As a file of this model has them, in its order.
  private let entries: [Manifest.Entry]

  /// Takes the manifest of a model that this end knows by the digest.
  public init(_ digest: Digest, _ manifest: Manifest) {
    self.digest = digest
    entries = manifest.inFileOrder().manifest.entries
  }

  /// The numbers of a manifest's tensors; nil where one is not among these, or one of them shares bytes.
  public func order(of manifest: Manifest) -> [Int]? {
    guard manifest.kind == .tensors, !manifest.entries.isEmpty else { return nil }
    var places: [TensorDescriptor: Int] = [:]
    for (place, entry) in entries.enumerated() { places[entry.tensor] = place }
    var order: [Int] = []
    for entry in manifest.entries {
      guard entry.sharedWith == nil, let place = places[entry.tensor] else { return nil }
      order.append(place)
    }
    return order
  }

  /// The tensor of a number; nil where there is none.
  func entry(_ number: Int) -> Manifest.Entry? {
    entries.indices.contains(number) ? entries[number] : nil
  }

  /// Appends records of such numbers, as many as go into each.
  static func append(_ order: [Int], to stream: inout [UInt8]) {
    var body: [UInt8] = []
    for number in order {
      var bytes: [UInt8] = []
      Varint.append(number, to: &bytes)
      if body.count + bytes.count > Record.bodyByteCountLimit {
        Record.append(.order, body: body, to: &stream)
        body = []
      }
      body += bytes
    }
    if !body.isEmpty { Record.append(.order, body: body, to: &stream) }
  }
}

extension Manifest {
  /// The manifest that a file of the model would have, and of each of its tensors the index here: none shares
  /// bytes, and those with wider numbers come before those with narrower ones, each as it would be without
  /// the others (Protocol.md §5.2).
  public func inFileOrder() -> (manifest: Manifest, order: [Int]) {
    let order = entries.indices.sorted { left, right in
      let (first, second) = (entries[left].tensor.alignment, entries[right].tensor.alignment)
      return first == second ? left < right : first > second
    }
    let sorted = order.map { index in
      let tensor = entries[index].tensor
      // A file that is no checkpoint has another name at each end.
      let renamed =
        kind == .file
        ? TensorDescriptor(name: TensorName(utf8: []), dtype: tensor.dtype, shape: tensor.shape)
        : nil
      return Manifest.Entry(renamed ?? tensor)
    }
    return (Manifest(kind: kind, name: [], entries: sorted), order)
  }
}

extension TensorDescriptor {
  /// Where its bytes may begin in a safetensors file: the wider ones come first there.
  fileprivate var alignment: Int { min(dtype.byteCount, 8) }
}

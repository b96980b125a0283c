import Tensors

/// A storage, or a part of one, as a persistent id describes it.
struct StorageReference: Hashable {
  /// The name under which the file has the data.
  let key: ExactText
  /// Nil for an untyped storage, whose elements are bytes.
  let dtype: DType?
  /// The size of the data under `key`.
  let rootByteCount: Int
  /// Where in those data the storage lies: all of them, but for views in the legacy format.
  let byteRange: Range<Int>

  /// Bytes of an element, in which the legacy format counts.
  var elementByteCount: Int { dtype?.byteCount ?? 1 }
}

/// A tensor as the arguments of its constructor describe it.
struct RebuiltTensor: Hashable {
  let storageIndex: Int
  let view: StridedView
}

/// Everything that a pickle makes besides plain values.
///
/// Objects are only ever added, so that their numbers stay good; `valueCount` is what they cost.
struct PickleHeap {
  private(set) var sequences: [[PickleValue]] = []
  private(set) var dictionaries: [PickleDictionary] = []
  private(set) var storages: [StorageReference] = []
  private(set) var tensors: [RebuiltTensor] = []
  /// Objects and their elements, for the limit on them.
  ///
  /// An object copied counts as often as it may have to be stored: two instructions can copy a
  /// dictionary and change the copy.
  private(set) var valueCount = 0
  private var storageIndices: [StorageReference: Int] = [:]
  private var roots: [ExactText: StorageReference] = [:]

  mutating func addSequence(_ elements: [PickleValue]) -> Int {
    valueCount += 1 + elements.count
    sequences.append(elements)
    return sequences.count - 1
  }

  mutating func append(_ elements: [PickleValue], toSequence index: Int) {
    valueCount += elements.count
    sequences[index].append(contentsOf: elements)
  }

  mutating func addDictionary(_ dictionary: PickleDictionary = PickleDictionary()) -> PickleValue {
    valueCount += 1 + dictionary.entries.count
    dictionaries.append(dictionary)
    return .dictionary(dictionaries.count - 1)
  }

  /// `items` are keys and values by turns.
  mutating func set(_ items: [PickleValue], inDictionary index: Int) {
    valueCount += items.count / 2
    for item in stride(from: 0, to: items.count - 1, by: 2) {
      dictionaries[index].set(items[item], to: items[item + 1])
    }
  }

  mutating func addTensor(_ tensor: RebuiltTensor) -> PickleValue {
    valueCount += 1
    tensors.append(tensor)
    return .tensor(tensors.count - 1)
  }

  /// Equal references get one number, so that tensors can be compared by it.
  mutating func addStorage(_ reference: StorageReference) throws(TensorFault) -> PickleValue {
    if let index = storageIndices[reference] { return .storage(index) }
    if let root = roots[reference.key] {
      // PyTorch refuses to save one storage under two types. Empty ones have no data to disagree
      // on.
      guard root.rootByteCount == reference.rootByteCount,
        root.dtype == reference.dtype || root.rootByteCount == 0
      else { throw .storageRedeclared }
    } else {
      roots[reference.key] = reference
    }
    valueCount += 1
    storageIndices[reference] = storages.count
    storages.append(reference)
    return .storage(storages.count - 1)
  }

  /// The storage that the data under `key` were first described as.
  func root(_ key: ExactText) -> StorageReference? { roots[key] }

  /// The elements of a tuple or a list.
  func elements(of value: PickleValue) -> [PickleValue]? {
    switch value {
    case .tuple(let index), .list(let index): sequences[index]
    case .none, .bool, .integer, .wideInteger, .string, .set, .dictionary, .global, .storage,
      .tensor, .unsupportedTensor, .inert:
      nil
    }
  }

  /// The elements of a tuple of integers, such as a shape.
  func integers(of value: PickleValue) -> [Int]? {
    guard let elements = elements(of: value), elements.count <= TensorShape.rankLimit else {
      return nil
    }
    var integers: [Int] = []
    for element in elements {
      guard case .integer(let integer) = element else { return nil }
      integers.append(integer)
    }
    return integers
  }
}

import Tensors

// What the constructors in a checkpoint mean, read from their arguments. Source of the argument
// lists: `torch/_utils.py`, `torch/_tensor.py`, and `persistent_load` in `torch/serialization.py`.

extension PickleHeap {
  /// The value that calling `global` with `arguments` stands for.
  mutating func construct(
    _ global: AllowedGlobal, _ arguments: [PickleValue], at offset: Int
  ) throws(CheckpointError) -> PickleValue {
    switch global {
    case .orderedDict, .counter, .defaultDict:
      return try dictionary(global, arguments, at: offset)
    case .set:
      guard let items = arguments.first else { return .set(addSequence([])) }
      guard let elements = elements(of: items) else { break }
      return .set(addSequence(elements))
    case .torchSize:
      guard let items = arguments.first, let elements = elements(of: items) else { break }
      return .tuple(addSequence(elements))
    case .rebuildTensor, .rebuildTensorV2, .rebuildTensorV3:
      return try tensor(global, arguments, at: offset)
    case .rebuildFromType:
      return try tensorOfType(arguments, at: offset)
    case .rebuildFromCPUTensor:
      return try convertedTensor(arguments, at: offset)
    case .rebuildParameter, .rebuildParameterWithState, .tensorType:
      guard let tensor = arguments.first else { break }
      switch tensor {
      case .tensor, .unsupportedTensor: return tensor
      case .none, .bool, .integer, .wideInteger, .string, .tuple, .list, .set, .dictionary,
        .global, .storage, .inert:
        break
      }
    case .rebuildUnsupported(let kind):
      return .unsupportedTensor(kind)
    case .inert:
      return .inert
    case .storage, .unsupportedStorage, .dtype, .unsupportedDType:
      break
    }
    throw .malformedPickle(.wrongArguments(global), at: offset)
  }

  /// A storage from `("storage", type, key, location, element count)`; the legacy format adds a
  /// view of that storage, `None` or `(key, offset, element count)`.
  mutating func storage(
    persistentID id: [PickleValue], at offset: Int
  ) throws(CheckpointError) -> PickleValue {
    guard id.count == 5 || id.count == 6, case .string("storage") = id[0],
      case .global(let type) = id[1], let key = storageKey(id[2]),
      case .string(let location) = id[3], case .integer(let elementCount) = id[4]
    else { throw .malformedPickle(.invalidPersistentID, at: offset) }
    if location == "meta" { return .unsupportedTensor(.meta) }
    if type == .unsupportedStorage { return .unsupportedTensor(.quantized) }
    guard case .storage(let dtype) = type,
      let byteCount = byteCount(of: elementCount, dtype),
      let byteRange = viewRange(id.count == 6 ? id[5] : .none, in: byteCount, dtype)
    else { throw .malformedPickle(.invalidPersistentID, at: offset) }
    let reference = StorageReference(
      key: key, dtype: dtype, rootByteCount: byteCount, byteRange: byteRange)
    do throws(TensorFault) {
      return try addStorage(reference)
    } catch {
      throw .malformedTensor(error, at: offset)
    }
  }

  private func storageKey(_ value: PickleValue) -> ExactText? {
    switch value {
    case .string(let key): ExactText(key)
    case .integer(let key): ExactText(String(key))
    case .none, .bool, .wideInteger, .tuple, .list, .set, .dictionary, .global, .storage, .tensor,
      .unsupportedTensor, .inert:
      nil
    }
  }

  private func byteCount(of elementCount: Int, _ dtype: DType?) -> Int? {
    guard elementCount >= 0 else { return nil }
    let (product, overflow) = elementCount.multipliedReportingOverflow(by: dtype?.byteCount ?? 1)
    return overflow ? nil : product
  }

  private func viewRange(
    _ view: PickleValue, in rootByteCount: Int, _ dtype: DType?
  ) -> Range<Int>? {
    if case .none = view { return 0..<rootByteCount }
    guard let view = elements(of: view), view.count == 3,
      case .integer(let offset) = view[1], case .integer(let elementCount) = view[2],
      let start = byteCount(of: offset, dtype), let count = byteCount(of: elementCount, dtype),
      start <= rootByteCount, count <= rootByteCount - start
    else { return nil }
    return start..<start + count
  }

  /// From nothing, a list of pairs, another dictionary, or the default dictionary's factory.
  private mutating func dictionary(
    _ global: AllowedGlobal, _ arguments: [PickleValue], at offset: Int
  ) throws(CheckpointError) -> PickleValue {
    guard let source = arguments.first, global != .defaultDict else { return addDictionary() }
    if case .dictionary(let index) = source { return addDictionary(dictionaries[index]) }
    var dictionary = PickleDictionary()
    for pair in elements(of: source) ?? [] {
      guard let pair = elements(of: pair), pair.count == 2 else {
        throw .malformedPickle(.wrongArguments(global), at: offset)
      }
      dictionary.set(pair[0], to: pair[1])
    }
    return addDictionary(dictionary)
  }

  /// `(storage, offset, shape, strides)`, then in v2 `(requires grad, hooks)`, in v3 also the
  /// dtype; last, optionally, the flags of a lazy view.
  private mutating func tensor(
    _ global: AllowedGlobal, _ arguments: [PickleValue], at offset: Int
  ) throws(CheckpointError) -> PickleValue {
    guard arguments.count >= 4 else {
      throw .malformedPickle(.wrongArguments(global), at: offset)
    }
    if case .unsupportedTensor(let reason) = arguments[0] { return .unsupportedTensor(reason) }
    if global == .rebuildTensorV3, arguments.count > 6,
      case .global(.unsupportedDType(let name)) = arguments[6]
    {
      return .unsupportedTensor(.dtype(name))
    }
    guard case .storage(let storageIndex) = arguments[0],
      case .integer(let elementOffset) = arguments[1],
      let extents = integers(of: arguments[2]), let strides = integers(of: arguments[3]),
      let dtype = dtype(global, arguments, of: storages[storageIndex])
    else { throw .malformedPickle(.wrongArguments(global), at: offset) }
    if hasFlags(arguments.dropFirst(global == .rebuildTensorV3 ? 7 : 6).first) {
      return .unsupportedTensor(.lazyConjugateOrNegative)
    }
    guard let shape = TensorShape(extents) else {
      throw .malformedTensor(.invalidShape, at: offset)
    }
    do throws(TensorFault) {
      let view = try StridedView(
        dtype: dtype, shape: shape, strides: strides, offset: elementOffset,
        storageByteCount: storages[storageIndex].byteRange.count)
      return addTensor(RebuiltTensor(storageIndex: storageIndex, view: view))
    } catch {
      throw .malformedTensor(error, at: offset)
    }
  }

  private func dtype(
    _ global: AllowedGlobal, _ arguments: [PickleValue], of storage: StorageReference
  ) -> DType? {
    guard global == .rebuildTensorV3 else { return storage.dtype ?? .u8 }
    guard arguments.count > 6, case .global(.dtype(let dtype)) = arguments[6] else { return nil }
    return dtype
  }

  /// `{"conj": True}` or `{"neg": True}`: the values are to be changed after loading.
  private func hasFlags(_ metadata: PickleValue?) -> Bool {
    guard case .dictionary(let index) = metadata else { return false }
    return dictionaries[index].entries.contains {
      if case .bool(true) = $0.value { true } else { false }
    }
  }

  /// `(constructor, type, arguments, state)`; the state are attributes of the Python object.
  private mutating func tensorOfType(
    _ arguments: [PickleValue], at offset: Int
  ) throws(CheckpointError) -> PickleValue {
    guard arguments.count == 4, case .global(let constructor) = arguments[0],
      case .global(.tensorType) = arguments[1], case .tuple(let index) = arguments[2],
      // One level only: PyTorch writes no more, and a nest would be a recursion without a limit.
      constructor != .rebuildFromType
    else { throw .malformedPickle(.wrongArguments(.rebuildFromType), at: offset) }
    return try construct(constructor, sequences[index], at: offset)
  }

  /// `(tensor, dtype, device, requires grad)`, of devices without storages of their own.
  private func convertedTensor(
    _ arguments: [PickleValue], at offset: Int
  ) throws(CheckpointError) -> PickleValue {
    guard arguments.count == 4, case .global(let type) = arguments[1] else {
      throw .malformedPickle(.wrongArguments(.rebuildFromCPUTensor), at: offset)
    }
    switch arguments[0] {
    case .unsupportedTensor: return arguments[0]
    case .tensor(let index):
      return type == .dtype(tensors[index].view.dtype)
        ? arguments[0] : .unsupportedTensor(.converted)
    case .none, .bool, .integer, .wideInteger, .string, .tuple, .list, .set, .dictionary, .global,
      .storage, .inert:
      throw .malformedPickle(.wrongArguments(.rebuildFromCPUTensor), at: offset)
    }
  }
}

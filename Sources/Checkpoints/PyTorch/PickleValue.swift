/// A value on the stack of the pickle machine.
///
/// Containers are numbers of objects in a `PickleHeap`: Python shares them and changes them after
/// they are shared, and a nest of any depth is released without recursion.
enum PickleValue {
  case none
  case bool(Bool)
  case integer(Int)
  /// An integer beyond 64 bits, as its little-endian two's complement.
  case wideInteger([UInt8])
  case string(String)
  case tuple(Int)
  case list(Int)
  case set(Int)
  case dictionary(Int)
  case global(AllowedGlobal)
  case storage(Int)
  case tensor(Int)
  case unsupportedTensor(UnsupportedTensor)
  /// A value that holds no tensor and is never looked into: a float, bytes, a device.
  case inert
}

/// A key of a dictionary, equal where Python's keys are.
enum PickleKey: Hashable {
  case string(ExactText)
  /// `True` and `False` are 1 and 0, as in Python.
  case integer(Int)
  /// Any other key; they are told apart by their numbers only.
  case other(Int)

  /// The key as a part of a tensor's name, or nil where it has no short spelling.
  var pathComponent: String? {
    switch self {
    case .string(let text): text.string
    case .integer(let number): String(number)
    case .other: nil
    }
  }
}

/// A dictionary in the order in which its keys came first; setting a key again keeps its place.
struct PickleDictionary {
  private(set) var entries: [(key: PickleKey, value: PickleValue)] = []
  private var positions: [PickleKey: Int] = [:]

  mutating func set(_ key: PickleValue, to value: PickleValue) {
    let key = hashable(key)
    if let position = positions[key] {
      entries[position].value = value
    } else {
      positions[key] = entries.count
      entries.append((key, value))
    }
  }

  private func hashable(_ key: PickleValue) -> PickleKey {
    switch key {
    case .string(let text): .string(ExactText(text))
    case .integer(let number): .integer(number)
    case .bool(let flag): .integer(flag ? 1 : 0)
    case .none, .wideInteger, .tuple, .list, .set, .dictionary, .global, .storage, .tensor,
      .unsupportedTensor, .inert:
      .other(entries.count)
    }
  }
}

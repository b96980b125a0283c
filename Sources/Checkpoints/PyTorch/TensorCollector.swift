import Tensors

/// Finds the tensors in what a pickle made, and names them.
///
/// - A tensor's name is the way to it: keys and indices joined with ".". A flat state dict so keeps
///   its own keys.
/// - Dictionaries are walked in their order, lists and tuples by index.
/// - A checkpoint that is a single tensor calls it `tensor`.
/// - Where a name is taken, the later tensor gets "#2", "#3", … behind it. `__metadata__` counts as
///   taken: the safetensors format keeps it for itself.
/// - Values that are no tensors are counted and left out. A tensor whose way cannot be spelled,
///   below a key that is neither text nor integer or in a set, is an error.
struct TensorCollector {
  struct Found {
    let name: String
    let tensor: RebuiltTensor
  }

  private let heap: PickleHeap
  private let limits: CheckpointLimits
  private(set) var tensors: [Found] = []
  private(set) var ignoredValueCount = 0
  private var visitedValueCount = 0
  /// The way to the value that is being visited; nil where it has no spelling.
  private var path: [String?] = []
  private var takenNames: Set<ExactText> = [ExactText(SafetensorsHeader.metadataKey)]
  /// How often a name was wanted, so that a thousand of the same do not count up each time.
  private var clashCounts: [ExactText: Int] = [:]

  init(_ pickle: PickleInterpreter.Result, limits: CheckpointLimits) throws(CheckpointError) {
    heap = pickle.heap
    self.limits = limits
    try visit(pickle.root)
  }

  private mutating func visit(_ value: PickleValue) throws(CheckpointError) {
    visitedValueCount += 1
    try CheckpointLimit.visitedValueCount.check(
      visitedValueCount, atMost: limits.visitedValueCount)
    switch value {
    case .tensor(let index):
      try add(heap.tensors[index])
    case .dictionary(let index):
      for (key, value) in heap.dictionaries[index].entries {
        try visit(value, below: key.pathComponent)
      }
    case .list(let index), .tuple(let index):
      for (position, element) in heap.sequences[index].enumerated() {
        try visit(element, below: String(position))
      }
    case .set(let index):
      for element in heap.sequences[index] { try visit(element, below: nil) }
    case .unsupportedTensor(let reason):
      throw .unsupportedTensor(name: try name(), reason)
    case .storage:
      throw .unsupportedTensor(name: try name(), .bareStorage)
    case .none, .bool, .integer, .wideInteger, .string, .global, .inert:
      ignoredValueCount += 1
    }
  }

  private mutating func visit(
    _ value: PickleValue, below component: String?
  ) throws(CheckpointError) {
    path.append(component)
    // A container inside itself ends here too.
    try CheckpointLimit.nestingDepth.check(path.count, atMost: limits.nestingDepth)
    try visit(value)
    path.removeLast()
  }

  private mutating func add(_ tensor: RebuiltTensor) throws(CheckpointError) {
    try CheckpointLimit.tensorCount.check(tensors.count + 1, atMost: limits.tensorCount)
    let plainName = try name()
    var name = plainName
    while !takenNames.insert(ExactText(name)).inserted {
      let count = clashCounts[ExactText(plainName), default: 1] + 1
      clashCounts[ExactText(plainName)] = count
      name = "\(plainName)#\(count)"
    }
    tensors.append(Found(name: name, tensor: tensor))
  }

  private func name() throws(CheckpointError) -> String {
    guard !path.isEmpty else { return "tensor" }
    let byteCount = path.reduce(path.count - 1) { $0 + ($1?.utf8.count ?? 1) }
    try CheckpointLimit.nameByteCount.check(byteCount, atMost: limits.nameByteCount)
    let name = path.map { $0 ?? "?" }.joined(separator: ".")
    guard !path.contains(nil) else { throw .unnameableTensor(path: name) }
    return name
  }
}

/// Runs the pickle machine over a file without ever running what the file names.
///
/// The machine knows the instructions of `PickleOpcode` and the names of `AllowedGlobal`; anything
/// else ends it with an error. It makes only values of `PickleValue`, and its memory is bounded by
/// `CheckpointLimits`. The machine: a stack, marks on the stack, and a memo of values by number.
struct PickleInterpreter {
  /// What a pickle was, and where it ends.
  struct Result {
    let root: PickleValue
    let heap: PickleHeap
    let endOffset: Int
  }

  private var reader: ByteReader
  private let startOffset: Int
  private let limits: CheckpointLimits
  private var heap = PickleHeap()
  private var stack: [PickleValue] = []
  /// Heights of the stack, lowest first.
  private var marks: [Int] = []
  private var memo: [Int: PickleValue] = [:]
  private var opcodeCount = 0
  /// Where the instruction being executed begins, for errors.
  private var instructionOffset: Int

  private init(_ region: ByteRegion, at offset: Int, limits: CheckpointLimits) {
    reader = ByteReader(region, at: offset)
    startOffset = offset
    instructionOffset = offset
    self.limits = limits
  }

  /// Reads the pickle that begins at `offset`; what follows it is left alone.
  static func run(
    _ region: ByteRegion, at offset: Int = 0, limits: CheckpointLimits
  ) throws(CheckpointError) -> Result {
    var machine = PickleInterpreter(region, at: offset, limits: limits)
    let root = try machine.runToStop()
    return Result(root: root, heap: machine.heap, endOffset: machine.reader.offset)
  }

  private mutating func runToStop() throws(CheckpointError) -> PickleValue {
    while true {
      instructionOffset = reader.offset
      let byte = try reader.readByte()
      guard let opcode = PickleOpcode(rawValue: byte) else {
        throw .forbiddenOpcode(byte, at: instructionOffset)
      }
      try execute(opcode)
      try checkLimits()
      if opcode == .stop { return try pop() }
    }
  }

  private mutating func checkLimits() throws(CheckpointError) {
    opcodeCount += 1
    try CheckpointLimit.opcodeCount.check(opcodeCount, atMost: limits.opcodeCount)
    try CheckpointLimit.pickleByteCount.check(
      reader.offset - startOffset, atMost: limits.pickleByteCount)
    try CheckpointLimit.stackDepth.check(stack.count + marks.count, atMost: limits.stackDepth)
    try CheckpointLimit.memoCount.check(memo.count, atMost: limits.memoCount)
    try CheckpointLimit.valueCount.check(heap.valueCount, atMost: limits.valueCount)
    try CheckpointLimit.tensorCount.check(heap.tensors.count, atMost: limits.tensorCount)
  }

  private mutating func execute(_ opcode: PickleOpcode) throws(CheckpointError) {
    switch opcode {
    case .proto: try checkProtocol(try reader.readByte())
    case .frame: try checkFrame(try reader.readCount(UInt64.self))
    case .stop: break

    case .mark: marks.append(stack.count)
    case .pop: try popOrUnmark()
    case .popMark: _ = try popToMark()
    case .dup: stack.append(try top())
    case .binGet: try recall(Int(try reader.readByte()))
    case .longBinGet: try recall(Int(try reader.readInteger(UInt32.self)))
    case .binPut: memo[Int(try reader.readByte())] = try top()
    case .longBinPut: memo[Int(try reader.readInteger(UInt32.self))] = try top()
    case .memoize: memo[memo.count] = try top()

    case .none: stack.append(.none)
    case .newTrue: stack.append(.bool(true))
    case .newFalse: stack.append(.bool(false))
    case .binInt: stack.append(.integer(Int(try reader.readInteger(Int32.self))))
    case .binInt1: stack.append(.integer(Int(try reader.readByte())))
    case .binInt2: stack.append(.integer(Int(try reader.readInteger(UInt16.self))))
    case .long1: try pushLong(byteCount: Int(try reader.readByte()))
    case .long4: try pushLong(byteCount: try reader.readCount(Int32.self))
    case .binFloat: try pushInert(byteCount: 8)
    // Python 2 had one type for text and bytes; PyTorch reads it as text.
    case .shortBinString, .shortBinUnicode: try pushText(byteCount: Int(try reader.readByte()))
    case .binString: try pushText(byteCount: try reader.readCount(Int32.self))
    case .binUnicode: try pushText(byteCount: try reader.readCount(UInt32.self))
    case .binUnicode8: try pushText(byteCount: try reader.readCount(UInt64.self))
    case .shortBinBytes: try pushInert(byteCount: Int(try reader.readByte()))
    case .binBytes: try pushInert(byteCount: try reader.readCount(UInt32.self))
    case .binBytes8, .byteArray8: try pushInert(byteCount: try reader.readCount(UInt64.self))

    case .emptyTuple: pushTuple([])
    case .tuple1: pushTuple(try pop(count: 1))
    case .tuple2: pushTuple(try pop(count: 2))
    case .tuple3: pushTuple(try pop(count: 3))
    case .tuple: pushTuple(try popToMark())
    case .emptyList: stack.append(.list(heap.addSequence([])))
    case .list: stack.append(.list(heap.addSequence(try popToMark())))
    case .append: try extendList(try pop(count: 1), opcode)
    case .appends: try extendList(try popToMark(), opcode)
    case .emptyDict: stack.append(heap.addDictionary())
    case .dict:
      let items = try popToMark()
      stack.append(heap.addDictionary())
      try setItems(items, opcode)
    case .setItem: try setItems(try pop(count: 2), opcode)
    case .setItems: try setItems(try popToMark(), opcode)
    case .emptySet: stack.append(.set(heap.addSequence([])))
    case .addItems: try extendSet(try popToMark())
    case .frozenSet: stack.append(.set(heap.addSequence(try popToMark())))

    case .global: try pushGlobal(module: try readLine(), name: try readLine())
    case .stackGlobal: try pushStackGlobal()
    case .reduce, .newObject: try construct(opcode)
    case .build: try build()
    case .binPersID: try pushStorage()
    }
  }
}

// MARK: - Stack and memo

extension PickleInterpreter {
  private func fault(_ fault: PickleFault) -> CheckpointError {
    .malformedPickle(fault, at: instructionOffset)
  }

  /// What is below the last mark is out of reach until the mark is gone.
  private var floor: Int { marks.last ?? 0 }

  private func top() throws(CheckpointError) -> PickleValue {
    guard stack.count > floor, let value = stack.last else { throw fault(.stackUnderflow) }
    return value
  }

  private mutating func pop() throws(CheckpointError) -> PickleValue {
    let value = try top()
    stack.removeLast()
    return value
  }

  private mutating func pop(count: Int) throws(CheckpointError) -> [PickleValue] {
    guard stack.count - floor >= count else { throw fault(.stackUnderflow) }
    defer { stack.removeLast(count) }
    return Array(stack.suffix(count))
  }

  private mutating func popToMark() throws(CheckpointError) -> [PickleValue] {
    guard let mark = marks.popLast() else { throw fault(.missingMark) }
    defer { stack.removeSubrange(mark...) }
    return Array(stack[mark...])
  }

  private mutating func popOrUnmark() throws(CheckpointError) {
    if marks.last == stack.count { marks.removeLast() } else { _ = try pop() }
  }

  private mutating func recall(_ index: Int) throws(CheckpointError) {
    guard let value = memo[index] else { throw fault(.unknownMemo(index)) }
    stack.append(value)
  }
}

// MARK: - Plain values and containers

extension PickleInterpreter {
  private func checkProtocol(_ version: UInt8) throws(CheckpointError) {
    guard (2...5).contains(version) else { throw fault(.unsupportedProtocol(version)) }
  }

  private func checkFrame(_ byteCount: Int) throws(CheckpointError) {
    guard reader.region.contains(byteCount, at: reader.offset) else {
      throw .truncated(at: instructionOffset)
    }
  }

  private mutating func pushInert(byteCount: Int) throws(CheckpointError) {
    _ = try reader.skip(byteCount)
    stack.append(.inert)
  }

  private mutating func pushText(byteCount: Int) throws(CheckpointError) {
    try CheckpointLimit.pickleByteCount.check(byteCount, atMost: limits.pickleByteCount)
    guard let text = reader.region.text(try reader.skip(byteCount)) else {
      throw fault(.invalidText)
    }
    stack.append(.string(text))
  }

  private mutating func pushLong(byteCount: Int) throws(CheckpointError) {
    // The longest integer in any checkpoint is the magic number of the legacy format, 10 bytes.
    try CheckpointLimit.integerByteCount.check(byteCount, atMost: 255)
    let range = try reader.skip(byteCount)
    let bytes = range.map { reader.region[$0] }
    guard byteCount > 8 else {
      let sign: UInt8 = (bytes.last ?? 0) >= 0x80 ? 0xFF : 0
      let extended = bytes + repeatElement(sign, count: 8 - byteCount)
      stack.append(.integer(extended.reversed().reduce(0) { $0 << 8 | Int($1) }))
      return
    }
    stack.append(.wideInteger(bytes))
  }

  private mutating func pushTuple(_ elements: [PickleValue]) {
    stack.append(.tuple(heap.addSequence(elements)))
  }

  private mutating func extendList(
    _ elements: [PickleValue], _ opcode: PickleOpcode
  ) throws(CheckpointError) {
    guard case .list(let index) = try top() else { throw fault(.wrongOperand(opcode)) }
    heap.append(elements, toSequence: index)
  }

  private mutating func extendSet(_ elements: [PickleValue]) throws(CheckpointError) {
    guard case .set(let index) = try top() else { throw fault(.wrongOperand(.addItems)) }
    heap.append(elements, toSequence: index)
  }

  private mutating func setItems(
    _ items: [PickleValue], _ opcode: PickleOpcode
  ) throws(CheckpointError) {
    guard case .dictionary(let index) = try top(), items.count.isMultiple(of: 2) else {
      throw fault(.wrongOperand(opcode))
    }
    heap.set(items, inDictionary: index)
  }
}

// MARK: - Objects

extension PickleInterpreter {
  private mutating func readLine() throws(CheckpointError) -> String {
    let line = try reader.skipLine(byteCountLimit: limits.nameByteCount)
    guard let text = reader.region.text(line) else { throw fault(.invalidText) }
    return text
  }

  private mutating func pushStackGlobal() throws(CheckpointError) {
    let operands = try pop(count: 2)
    guard case .string(let module) = operands[0], case .string(let name) = operands[1] else {
      throw fault(.wrongOperand(.stackGlobal))
    }
    try pushGlobal(module: module, name: name)
  }

  private mutating func pushGlobal(module: String, name: String) throws(CheckpointError) {
    if let global = AllowedGlobal(module: module, name: name) {
      stack.append(.global(global))
    } else if PickledModule.follows(reader.region, from: reader.offset) {
      throw .pickledModule(module: module, name: name, at: instructionOffset)
    } else {
      throw .forbiddenGlobal(module: module, name: name, at: instructionOffset)
    }
  }

  private mutating func construct(_ opcode: PickleOpcode) throws(CheckpointError) {
    let operands = try pop(count: 2)
    guard case .global(let global) = operands[0], case .tuple(let index) = operands[1] else {
      throw fault(.wrongOperand(opcode))
    }
    stack.append(
      try heap.construct(global, heap.sequences[index], at: instructionOffset))
  }

  /// Sets an object's attributes; those of the types that have any here are not looked at.
  private mutating func build() throws(CheckpointError) {
    _ = try pop()
    switch try top() {
    case .dictionary, .inert: return
    case .none, .bool, .integer, .wideInteger, .string, .tuple, .list, .set, .global, .storage,
      .tensor, .unsupportedTensor:
      throw fault(.wrongOperand(.build))
    }
  }

  private mutating func pushStorage() throws(CheckpointError) {
    let id = try pop()
    guard case .tuple(let index) = id else { throw fault(.invalidPersistentID) }
    stack.append(try heap.storage(persistentID: heap.sequences[index], at: instructionOffset))
  }
}

import Tensors
import Testing

@testable import Checkpoints

/// The pickle machine, one instruction at a time, on pickles written by hand.
struct PickleInterpreterTests {
  private func run(
    _ parts: [UInt8]..., limits: CheckpointLimits = .init()
  ) throws -> PickleInterpreter.Result {
    let pickle: [UInt8] = [0x80, 2] + parts.joined() + Array(".".utf8)
    return try PickleInterpreter.run(ByteRegion(Memory(pickle)), limits: limits)
  }

  private func error(
    _ parts: [UInt8]..., limits: CheckpointLimits = .init()
  ) throws -> CheckpointError? {
    try checkpointError { _ = try run(Array(parts.joined()), limits: limits) }
  }

  private func text(_ text: String) -> [UInt8] {
    [0x8C, UInt8(text.utf8.count)] + Array(text.utf8)
  }

  @Test(arguments: [
    ([0x4A, 0xFE, 0xFF, 0xFF, 0xFF], -2), ([0x4B, 0xFF], 255), ([0x4D, 0x00, 0x01], 256),
    ([0x8A, 0x00], 0), ([0x8A, 0x01, 0x80], -128), ([0x8A, 0x02, 0x80, 0x00], 128),
    ([0x8A, 0x08, 0, 0, 0, 0, 0, 0, 0, 0x80], Int.min), ([0x8B, 1, 0, 0, 0, 5], 5),
  ])
  func integersKeepTheirSign(_ instruction: [UInt8], _ expected: Int) throws {
    guard case .integer(expected) = try run(instruction).root else {
      Issue.record("\(instruction)")
      return
    }
  }

  @Test func integerBeyond64BitsKeepsItsBytes() throws {
    let bytes = [UInt8](1...10)
    guard case .wideInteger(bytes) = try run([0x8A, 10], bytes).root else {
      Issue.record("not a wide integer")
      return
    }
  }

  @Test(arguments: [
    [UInt8(ascii: "U"), 2, 0xC3, 0xA9], [UInt8(ascii: "T"), 2, 0, 0, 0, 0xC3, 0xA9],
    [UInt8(ascii: "X"), 2, 0, 0, 0, 0xC3, 0xA9], [0x8C, 2, 0xC3, 0xA9],
    [0x8D, 2, 0, 0, 0, 0, 0, 0, 0, 0xC3, 0xA9],
  ])
  func textIsUTF8(_ instruction: [UInt8]) throws {
    guard case .string("é") = try run(instruction).root else {
      Issue.record("\(instruction)")
      return
    }
    let broken = Array(instruction.dropLast()) + [0x20]
    #expect(try error(broken) == .malformedPickle(.invalidText, at: 2))
  }

  @Test func laterValueOfAKeyReplacesTheFirstInItsPlace() throws {
    let result = try run(
      Array("}(".utf8), text("a"), [0x4B, 1], text("b"), [0x4B, 2], text("a"), [0x4B, 3],
      Array("u".utf8))
    let entries = result.heap.dictionaries[0].entries
    #expect(entries.map(\.key) == [.string(ExactText("a")), .string(ExactText("b"))])
    guard case .integer(3) = entries[0].value else {
      Issue.record("\(entries[0].value)")
      return
    }
  }

  @Test func memoSharesAContainerThatIsChangedLater() throws {
    let result = try run(Array("]q\u{5}]h\u{5}ah\u{5}K\u{7}a0".utf8))
    guard case .list(let outer) = result.root,
      case .list(let inner) = try #require(result.heap.sequences[outer].first)
    else {
      Issue.record("\(result.root)")
      return
    }
    #expect(result.heap.sequences[inner].count == 1)
  }

  @Test func dictionaryOfPythonTwoIsMadeOfPairs() throws {
    let pairs = [text("a"), [0x4B, 1, 0x86]].joined()
    let result = try run(
      Array("ccollections\nOrderedDict\n](".utf8), Array(pairs), Array("e".utf8), [0x85],
      Array("R".utf8))
    guard case .dictionary(let index) = result.root else {
      Issue.record("\(result.root)")
      return
    }
    #expect(result.heap.dictionaries[index].entries.map(\.key) == [.string(ExactText("a"))])
  }

  @Test(arguments: [
    ("0", PickleFault.stackUnderflow), ("t", .missingMark), ("h\u{3}", .unknownMemo(3)),
    ("NNa", .wrongOperand(.append)), ("(NN0t", nil), ("}Nb", nil), ("NNb", .wrongOperand(.build)),
    ("NQ", .invalidPersistentID), (")Q", .invalidPersistentID), ("NNR", .wrongOperand(.reduce)),
    ("}(Nu", .wrongOperand(.setItems)), ("N(a", .stackUnderflow),
    ("ctorch\nFloatStorage\n)R", .wrongArguments(.storage(.f32))),
    ("ctorch._utils\n_rebuild_tensor_v2\n)R", .wrongArguments(.rebuildTensorV2)),
  ])
  func instructionsCheckTheirOperands(_ pickle: String, _ expected: PickleFault?) throws {
    let error = try error(Array(pickle.utf8))
    guard let expected else {
      #expect(error == nil)
      return
    }
    guard case .malformedPickle(expected, _) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  @Test func everyOtherInstructionIsForbidden() throws {
    for byte in UInt8.min...UInt8.max where PickleOpcode(rawValue: byte) == nil {
      #expect(try error([byte]) == .forbiddenOpcode(byte, at: 2))
    }
  }

  @Test func everyNameThatIsNotListedIsForbidden() throws {
    for (module, name) in [
      ("os", "system"), ("builtins", "eval"), ("torch", "load"), ("torch._utils", "x"),
      ("torch", "hub.load"), ("collections.OrderedDict", "fromkeys"), ("", ""),
    ] {
      let error = try error(text(module), text(name), [0x93])
      #expect(
        error
          == .forbiddenGlobal(
            module: module, name: name, at: 6 + module.utf8.count + name.utf8.count))
    }
  }

  /// A rebuild inside a rebuild inside a rebuild would be a recursion without a limit.
  @Test func rebuildOfARebuildIsRefused() throws {
    let rebuild = Array("ctorch._tensor\n_rebuild_from_type_v2\n".utf8)
    let error = try error(
      rebuild, Array("(".utf8), rebuild, Array("ctorch\nTensor\n)NtR".utf8))
    guard case .malformedPickle(.wrongArguments(.rebuildFromType), _) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  @Test func copiesOfContainersAreCounted() throws {
    var pickle = Array("ccollections\nCounter\nq\u{0}}q\u{1}(".utf8)
    for key in UInt8(0)..<200 { pickle += [0x4B, key, 0x4E] }
    pickle += Array("u".utf8)
    for _ in 0..<100 { pickle += Array("h\u{0}h\u{1}".utf8) + [0x85] + Array("R0".utf8) }
    #expect(try error(pickle) == nil)
    var limits = CheckpointLimits()
    limits.valueCount = 10_000
    guard case .limitExceeded(.valueCount, _, 10_000) = try error(pickle, limits: limits) else {
      Issue.record("a copy came for nothing")
      return
    }
  }

  @Test func limitsHoldForStackMemoAndLength() throws {
    var limits = CheckpointLimits()
    limits.stackDepth = 10
    limits.memoCount = 10
    limits.opcodeCount = 100
    let marks = [UInt8](repeating: UInt8(ascii: "("), count: 11)
    #expect(
      try error(marks, limits: limits) == .limitExceeded(.stackDepth, found: 11, limit: 10))
    let memo = [0x4E] + [UInt8](repeating: 0x94, count: 11)
    #expect(
      try error(memo, limits: limits) == .limitExceeded(.memoCount, found: 11, limit: 10))
    let pairs = Array(String(repeating: "N0", count: 60).utf8)
    #expect(
      try error(pairs, limits: limits) == .limitExceeded(.opcodeCount, found: 101, limit: 100))
  }
}

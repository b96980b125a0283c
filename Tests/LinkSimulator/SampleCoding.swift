internal import LineModel
internal import Streaming
internal import Tensors
internal import WeightCodec

/// Sends a sample model in planes, by a plan of the planner's own.
struct SampleCoding {
  private let elements: [[UInt8]]
  private var encoder: CodedStreamEncoder
  private let tensors: [CodedTensor]
  private let slots: [Int: Int]
  private var hasOpenCodeword = false
  // Of tensors that came as contents.
  private var contents: [Int: [UInt8]] = [:]

  init(_ plan: TransferPlan, _ elements: [[UInt8]]) {
    self.elements = elements
    let (tensors, indices) = plan.manifest.codedTensors
    self.tensors = tensors
    encoder = CodedStreamEncoder(tensors, plan.manifest.codec ?? .flat)
    slots = Dictionary(uniqueKeysWithValues: indices.enumerated().map { ($1, $0) })
  }

  /// Draws how the tensors of a manifest go, and puts what is not finite among their elements.
  static func plan(
    _ manifest: Manifest, _ elements: inout [[UInt8]], _ generator: inout SeededGenerator
  ) -> TransferPlan {
    var facts: [Int: TensorFacts] = [:]
    for (index, entry) in manifest.entries.enumerated() where entry.hasContent {
      let size = entry.tensor.dtype.byteCount
      guard let grid = TensorGrid(entry.tensor) else {
        let action =
          Bool.random(using: &generator)
          ? PlanStep.Action.pass(
            .bytes(asDifferences: Bool.random(using: &generator)), tensorIndex: index)
          : .content(Unit(tensorIndex: index, representation: .exact, compression: .none))
        facts[index] = TensorFacts(.whole(action, byteCount: Double(entry.tensor.byteCount)))
        continue
      }
      for start in stride(from: 0, to: elements[index].count, by: size)
      where Int.random(in: 0..<20, using: &generator) == 0 {
        // All ones is a NaN, all zeros is zero; anything else is anything.
        let byte = [0, 0xFF, UInt8(truncatingIfNeeded: generator.next())]
          .randomElement(using: &generator)
        for place in start..<start + size { elements[index][place] = byte ?? 0 }
      }
      let bytes = elements[index]
      let survey = unsafe TensorSurvey(bytes.span.bytes, grid)
      facts[index] = TensorFacts(.planes(survey, PassScales()))
    }
    let order = PassOrder.allCases.randomElement(using: &generator) ?? .value
    let isCut = Int.random(in: 0..<3, using: &generator) == 0
    let limit = isCut ? Int.random(in: 1...9, using: &generator) : nil
    return TransferPlan(manifest, facts, ProgressivePolicy(order: order, planeLimit: limit))
  }

  mutating func encode(_ pass: Pass, of index: Int) {
    guard let slot = slots[index] else { preconditionFailure("a pass is of a tensor with content") }
    let bytes = elements[index]
    let memory = unsafe bytes.span.bytes
    let head =
      tensors[slot].grid.map { TensorHead(memory, $0) }
      ?? TensorHead(topLevel: nil, hasExceptions: false)
    encoder.encode(pass, of: slot, memory, head)
    hasOpenCodeword = true
  }

  /// A tensor that comes whole.
  mutating func content(of unit: Unit) -> [SampleModel.Piece] {
    let bytes = elements[unit.tensorIndex]
    contents[unit.tensorIndex] = bytes
    return [.begin(unit), .content(bytes), .end(SampleDigest(bytes).value)]
  }

  /// The bytes of the codeword, in portions of a drawn size.
  mutating func endCodeword(_ generator: inout SeededGenerator) -> [SampleModel.Piece] {
    guard hasOpenCodeword else { return [] }
    hasOpenCodeword = false
    encoder.endCodeword()
    let bytes = encoder.takeBytes()
    var pieces: [SampleModel.Piece] = []
    var start = 0
    while start < bytes.count {
      let end = min(start + Int.random(in: 1...3000, using: &generator), bytes.count)
      pieces.append(.coded(Array(bytes[start..<end])))
      start = end
    }
    return pieces
  }

  /// What a receiver has of each tensor by now.
  var expected: [Int: [UInt8]] {
    var expected = contents
    for (index, slot) in slots where contents[index] == nil {
      var bytes = elements[index]
      let progress = encoder.progress(of: slot)
      if let grid = tensors[slot].grid, !progress.isExact {
        var span = bytes.mutableSpan
        var memory = unsafe span.mutableBytes
        grid.cut(&memory, topLevel: progress.topLevel, planeCount: progress.planeCount)
      }
      expected[index] = bytes
    }
    return expected
  }
}

/// Decodes planes into a block of memory: what `ReceivingEnd` has of them.
final class SampleDecoding {
  private var decoder: CodedStreamDecoder
  private var memory: [UInt8]
  // Of each tensor that may come so.
  private let ranges: [Int: Range<Int>]
  private var hasOpenCodeword = false

  // A hostile manifest may promise anything.
  private static let byteCountLimit = 1 << 24

  /// Makes room for a model; nil where it is no sample's.
  init?(_ manifest: Manifest, _ variant: CodecVariant) {
    guard manifest.byteCount <= Self.byteCountLimit else { return nil }
    let (tensors, indices) = manifest.codedTensors
    var offsets: [Int] = []
    var ranges: [Int: Range<Int>] = [:]
    var end = 0
    for (tensor, index) in zip(tensors, indices) {
      offsets.append(end)
      ranges[index] = end..<end + tensor.byteCount
      end += tensor.byteCount
    }
    self.ranges = ranges
    memory = Array(repeating: 0, count: end)
    decoder = CodedStreamDecoder(tensors, at: offsets, variant)
  }

  /// Takes the next bytes, or the end of a codeword; false where they are none.
  func decode(_ bytes: [UInt8], isLast: Bool) -> Bool {
    hasOpenCodeword = hasOpenCodeword || !bytes.isEmpty
    guard hasOpenCodeword else { return true }
    var position = 0
    var outcome = CodedStreamDecoder.Outcome.isBusy
    while outcome == .isBusy {
      var span = memory.mutableSpan
      var raw = unsafe span.mutableBytes
      do throws(CodedStreamError) {
        outcome = try decoder.decode(
          bytes.span, at: &position, isLast: isLast, workLimit: 1000, into: &raw)
      } catch {
        return false
      }
    }
    if outcome == .hasEnded { hasOpenCodeword = false }
    return isLast == (outcome == .hasEnded)
  }

  /// The elements of each tensor that may come so, by its index.
  var tensors: [Int: [UInt8]] { ranges.mapValues { Array(memory[$0]) } }
}

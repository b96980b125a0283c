package import Streaming
internal import Tensors
internal import WeightCodec

/// Turns the steps of a plan into what goes over the line: passes into the coded stream, contents
/// represented, digested, packed.
///
/// Works step by step: memory does not grow with the model.
package struct ModelStream {
  /// What goes out next.
  package enum Piece: Equatable, Sendable {
    case begin(Unit)
    case content([UInt8])
    case end(Digest)
    case coded([UInt8])
    case milestone(Milestone)
    case finish(Digest)
  }

  // Bytes of a content's tensor that are read at a time.
  private static let portionByteCount = 1 << 16

  private let source: ModelSource
  private let model: ModelPlan
  private let base: BaseModel?
  private let relations: [TensorRelation]
  private var plan: TransferPlan { model.plan }
  private var pieces: [Piece] = []
  private var nextStep = 0
  private var content: UnitEncoder?
  // The bytes of the open content's tensor, where they are not the file's.
  private var edited: [UInt8]?
  private var encoder: CodedStreamEncoder
  // The place of each tensor in the coded stream.
  private let slots: [Int: Int]
  private var coded: [UInt8] = []
  private var hasOpenCodeword = false
  private var digest: ModelDigest
  private var hasEnded = false
  /// What the coded stream took for each step of the plan so far, in bytes; 0 for other steps.
  package private(set) var codedByteCounts: [Double] = []
  /// Tensors that were to be quantized and went out exactly, since their values do not allow it.
  package private(set) var unquantizable: [Int] = []

  package init(_ source: ModelSource, _ model: ModelPlan) {
    self.init(source, model, from: nil)
  }

  /// With the model that tensors are told apart from.
  init(_ source: ModelSource, _ model: ModelPlan, from base: BaseModel?) {
    self.source = source
    self.model = model
    self.base = base
    relations = model.plan.manifest.relations
    let (tensors, indices) = model.plan.manifest.codedTensors
    encoder = CodedStreamEncoder(tensors, model.plan.manifest.codec ?? .flat)
    var slots: [Int: Int] = [:]
    for (slot, index) in indices.enumerated() { slots[index] = slot }
    self.slots = slots
    digest = ModelDigest(model.plan.manifest)
  }

  /// The next piece, if one step's or portion's work completes one; call again while `isFinished` is
  /// false.
  package mutating func next() throws -> Piece? {
    if pieces.isEmpty { try work() }
    return pieces.isEmpty ? nil : pieces.removeFirst()
  }

  /// Whether the last piece has been handed out.
  package var isFinished: Bool { hasEnded && pieces.isEmpty }

  private mutating func work() throws {
    guard !hasEnded else { return }
    if let encoder = content.take() { return try advance(encoder) }
    guard nextStep < plan.steps.count else { return try finish() }
    let step = plan.steps[nextStep]
    nextStep += 1
    codedByteCounts.append(0)
    switch step.action {
    case .pass(let pass, let index): try encode(pass, index)
    case .content(let unit):
      takeCoded(toEnd: false)
      edited = try source.editedBytes(of: unit.tensorIndex)
      content = UnitEncoder(unit, plan.manifest.entries[unit.tensorIndex].tensor)
    case .milestone(let milestone):
      endCodeword()
      pieces.append(.milestone(milestone))
    }
  }

  // MARK: - Coded stream

  private mutating func encode(_ pass: Pass, _ index: Int) throws {
    guard let slot = slots[index] else { preconditionFailure("a pass is of a tensor with content") }
    let head = model.heads[index] ?? TensorHead(topLevel: nil, hasExceptions: false)
    // The encoder leaves its place while it works, or it would be copied.
    var encoder = encoder
    self.encoder = CodedStreamEncoder([], .flat)
    defer { self.encoder = encoder }
    let update = encoder.progress(of: slot).hasHeader ? nil : model.updates[index]
    let before = encoder.bitPosition
    try source.withElements(of: index) { bytes in
      try withBase(of: index) { base in
        encoder.encode(pass, of: slot, bytes, from: base, head, update)
      }
    }
    codedByteCounts[codedByteCounts.count - 1] = (encoder.bitPosition - before) / 8
    hasOpenCodeword = true
    coded += encoder.takeBytes()
    takeCoded(toEnd: false)
  }

  /// Calls `body` with all bytes of the tensor's earlier version; nil for one without.
  private func withBase<R>(of index: Int, _ body: (RawSpan?) throws -> R) throws -> R {
    guard relations[index] == .difference, let base,
      let place = base.tensor(like: plan.manifest.entries[index].tensor)
    else { return try body(nil) }
    return try base.withElements(of: place) { bytes in
      guard let update = model.updates[index], let grid = TensorGrid(source.descriptor(index))
      else { return try body(bytes) }
      return try unsafe body(update.applied(to: bytes, grid).span.bytes)
    }
  }

  private mutating func endCodeword() {
    guard hasOpenCodeword else { return }
    encoder.endCodeword()
    hasOpenCodeword = false
    coded += encoder.takeBytes()
    takeCoded(toEnd: true)
  }

  /// Hands out full records of the coded stream, and at its end a last one.
  private mutating func takeCoded(toEnd: Bool) {
    let limit = Record.contentByteCountLimit
    var start = 0
    while coded.count - start >= limit || toEnd && start < coded.count {
      let end = min(start + limit, coded.count)
      pieces.append(.coded(Array(coded[start..<end])))
      start = end
    }
    coded.removeFirst(start)
  }

  // MARK: - Contents

  private mutating func advance(_ encoder: consuming UnitEncoder) throws {
    var encoder = encoder
    let index = encoder.unit.tensorIndex
    let tensor = plan.manifest.entries[index].tensor
    let end = min(encoder.offset + Self.portionByteCount, tensor.byteCount)
    let range = encoder.offset..<end
    let portion =
      try edited.map { Array($0[range]) } ?? source.checkpoint.bytes(of: index, in: range)
    if encoder.needsSurvey {
      let wanted = encoder.unit.representation
      try encoder.survey(portion.span)
      if !encoder.needsSurvey, encoder.unit.representation != wanted { unquantizable.append(index) }
      content = encoder
      return
    }
    try encoder.encode(portion.span)
    pieces += encoder.takePieces()
    if encoder.offset < tensor.byteCount {
      content = encoder
      return
    }
    try encoder.finish()
    pieces += encoder.takePieces()
    digest.note(encoder.digest, tensorIndex: index)
    pieces.append(.end(encoder.digest))
  }

  // MARK: - End

  /// Ends the stream with the digest of the model: of tensors in planes, their elements as the receiver
  /// has them.
  private mutating func finish() throws {
    endCodeword()
    for index in slots.keys where !digest.holds(index) {
      if let known = model.digests[index] {
        digest.note(known, tensorIndex: index)
        continue
      }
      let hash = try source.withElements(of: index, cutTo: cut(of: index)) { bytes in
        var hash = ContentDigest()
        unsafe bytes.withUnsafeBytes { unsafe hash.update($0) }
        return hash.finish()
      }
      digest.note(hash, tensorIndex: index)
    }
    guard let model = digest.finish() else {
      preconditionFailure("all contents have been digested")
    }
    pieces.append(.finish(model))
    hasEnded = true
  }

  private func cut(of index: Int) -> Int? {
    guard let slot = slots[index] else { return nil }
    let progress = encoder.progress(of: slot)
    return progress.isExact ? nil : progress.planeCount
  }
}

package import Checkpoints
package import Streaming
internal import Tensors
internal import WeightCodec

/// Reads the tensors of a checkpoint in the order of a plan, and turns them into what goes over the
/// line: represented, digested, packed.
///
/// Works in portions: memory does not grow with the tensors.
package struct ContentSource: ~Copyable {
  /// What goes out next.
  package enum Piece: Equatable {
    case begin(Unit)
    case content([UInt8])
    case end(Digest)
    case finish(Digest)
  }

  // Bytes of a tensor read at a time.
  private static let portionByteCount = 1 << 16

  private let checkpoint: Checkpoint
  package let plan: TransferPlan
  private var pieces: [Piece] = []
  private var nextUnit = 0
  private var current: UnitEncoder?
  private var digest: ModelDigest
  private var hasEnded = false
  /// Bytes of content, before compression, that have been encoded.
  package private(set) var contentByteCount = 0
  /// Whether all that has been encoded has been handed out.
  package var isCaughtUp: Bool { pieces.isEmpty }
  /// Tensors that were to be quantized and went out exactly, since their values do not allow it.
  package private(set) var unquantizable: [Int] = []

  package init(_ checkpoint: Checkpoint, _ plan: TransferPlan) {
    self.checkpoint = checkpoint
    self.plan = plan
    digest = ModelDigest(plan.manifest)
  }

  /// The next piece, if one portion's work completes one; call again while `isFinished` is false.
  ///
  /// A large tensor that is surveyed or packed takes many calls, so that the caller can answer the
  /// line in between.
  package mutating func next() throws -> Piece? {
    if pieces.isEmpty { try work() }
    return pieces.isEmpty ? nil : pieces.removeFirst()
  }

  /// Whether the last piece has been handed out.
  package var isFinished: Bool { hasEnded && pieces.isEmpty }

  private mutating func work() throws {
    guard !hasEnded else { return }
    guard var encoder = current.take() else { return try beginUnit() }
    let tensor = plan.manifest.entries[encoder.unit.tensorIndex].tensor
    let portion = try read(encoder.unit.tensorIndex, from: encoder.offset, of: tensor)
    if encoder.needsSurvey {
      try encoder.survey(portion.span)
      if !encoder.needsSurvey { noteExactness(of: encoder) }
      current = encoder
    } else {
      try encode(portion, by: encoder, tensor)
    }
  }

  private mutating func beginUnit() throws {
    guard nextUnit < plan.units.count else {
      guard let model = digest.finish() else {
        preconditionFailure("a plan has a unit for every content")
      }
      pieces.append(.finish(model))
      hasEnded = true
      return
    }
    let unit = plan.units[nextUnit]
    nextUnit += 1
    current = UnitEncoder(unit, plan.manifest.entries[unit.tensorIndex].tensor)
  }

  private mutating func noteExactness(of encoder: borrowing UnitEncoder) {
    if encoder.unit.representation != plan.units[nextUnit - 1].representation {
      unquantizable.append(encoder.unit.tensorIndex)
    }
  }

  private mutating func encode(
    _ portion: [UInt8], by encoder: consuming UnitEncoder, _ tensor: TensorDescriptor
  ) throws {
    contentByteCount += try encoder.encode(portion.span)
    pieces += encoder.takePieces()
    if encoder.offset < tensor.byteCount {
      current = encoder
      return
    }
    contentByteCount += try encoder.finish()
    pieces += encoder.takePieces()
    let end = encoder.digest
    digest.note(end, tensorIndex: encoder.unit.tensorIndex)
    pieces.append(.end(end))
  }

  private func read(
    _ index: Int, from offset: Int, of tensor: TensorDescriptor
  ) throws -> [UInt8] {
    let end = min(offset + Self.portionByteCount, tensor.byteCount)
    return try checkpoint.bytes(of: index, in: offset..<end)
  }
}

internal import Streaming
internal import SystemPackage
internal import Transfer

/// A model on its way into its file, and from time to time, as far as it is, into the output's place.
struct ArrivingModel: ~Copyable {
  /// A place in the stream: it is reached once all before it is decoded, which may take a while.
  enum Mark {
    case milestone(Milestone)
    /// The model is complete, and should have this digest.
    case end(Digest)
  }

  // Until the model is in its place, or cannot be brought there.
  private var writer: ModelWriter?
  private let tell: (TransferNews) -> Void
  /// The output's place.
  let path: FilePath
  /// Where the model grows until it is complete.
  let partialPath: FilePath
  /// How far all of the model has come.
  private(set) var tier: Milestone.Tier?
  /// Whether the output has been replaced by what has come, complete or not.
  private(set) var hasSnapshot = false
  // The last reason for which it was not.
  private var snapshotError: OutputError?

  /// Creates the output beside its final place.
  init(
    into path: FilePath, _ snapshots: SnapshotPolicy, tell: @escaping (TransferNews) -> Void
  ) throws(OutputError) {
    let writer = try ModelWriter(path, snapshots)
    (self.path, partialPath) = (writer.path, writer.partialPath)
    self.writer = consume writer
    self.tell = tell
  }

  /// Tensors that are complete.
  var tensorCount: Int {
    switch writer {
    case .some(let writer): writer.tensorCount
    case .none: 0
    }
  }

  // MARK: - What comes

  /// Begins a model; what an earlier sender left is void.
  ///
  /// - Returns: bytes of its stream that are there.
  mutating func begin(
    _ manifest: Manifest, _ holdings: Holdings
  ) throws(ModelWriterError) -> Int {
    guard writer != nil else { throw .incomplete }
    // First: a model that cannot be laid out takes nothing away of an unfinished one.
    try writer?.begin(manifest, holdings)
    let byteCount = try holdings.begin(manifest)
    tier = nil
    return byteCount
  }

  /// Takes what the stream brings.
  mutating func take(
    _ event: ReceiveTransfer.Event, _ machine: inout ReceiveTransfer
  ) throws(ModelWriterError) -> Mark? {
    switch event {
    case .unitBegan(let unit): try writer?.begin(unit)
    case .content:
      try machine.takeContent { (bytes) throws(ModelWriterError) in try writer?.append(bytes) }
    case .unitEnded(let digest): try writer?.endUnit(digest)
    case .coded:
      try machine.takeContent { (bytes) throws(ModelWriterError) in
        try writer?.appendCoded(bytes)
      }
    case .milestone(let milestone):
      try writer?.endCodeword()
      return .milestone(milestone)
    case .finished(let digest):
      try writer?.endCodeword()
      return .end(digest)
    case .connected, .interrupted, .resumed, .compared, .unchanged, .listed, .activated,
      .rolledBack, .fetched, .giverReady, .offered, .ended:
      break
    }
    return nil
  }

  /// Whether there is something to decode before anything else is taken.
  var isBusy: Bool {
    switch writer {
    case .some(let writer): writer.isBusy
    case .none: false
    }
  }

  /// Goes on to decode, while `isBusy`.
  mutating func decode() throws(ModelWriterError) { try writer?.decode() }

  // MARK: - Where it goes

  /// All of the model has come so far.
  mutating func reach(_ tier: Milestone.Tier) { self.tier = tier }

  /// Puts what has come in the output's place, unless it was done too recently; true where it is there now.
  ///
  /// Where that fails, says why, once.
  mutating func takeSnapshot(_ occasion: SnapshotOccasion) -> Bool {
    do throws(OutputError) {
      guard try writer?.takeSnapshot(occasion, tier) == true else { return false }
      hasSnapshot = true
      return true
    } catch {
      if error != snapshotError { tell(.notStored(error)) }
      snapshotError = error
      return false
    }
  }

  /// Checks the digest of the whole and puts the file in its place.
  mutating func finish(_ digest: Digest) throws(ModelWriterError) {
    try writer.take()?.finish(digest)
  }
}

public import Framing

// In this module sums wrap around: each access to memory is checked, and to check each sum as well would
// cost a kilobyte of code. Functions with several callers stay out of line for the same reason.

/// Everything that a device needs to receive the one model that it runs: link, records, decoder, digests.
///
/// Works in memory that is lent to it, and in a store. The caller's loop, over and over:
/// `receive` bytes while nothing is pending, `transmit` frames, `proceed` by a piece of work, and
/// where the clock says so `transmit` again. An acknowledgement is ready before the frame's data have been
/// worked on: send it first where bytes that come meanwhile are not lost, last where they would be.
public struct DeviceReceiver<Table: ModelTable, Store: WeightStore & ~Copyable>: ~Copyable {
  /// What the caller has to know.
  public enum Event: Equatable, Sendable {
    /// A session has begun, or goes on.
    case opened(goesOn: Bool)
    /// It is the right model; the image before is about to go.
    case began
    /// All of the model has come so far: its tier, and the signal to noise in dB or 255.
    case milestone(tier: UInt8, quality: UInt8)
    /// The next call of `proceed` takes so long: `transmit` tells the sender.
    case working(milliseconds: UInt16)
    /// The model is here, verified, and stays: `confirm` says so.
    case completed
    /// The sender's model is the one in use, and nothing has to come: it has been told so.
    case unchanged
    /// A model is here, verified, and waits to be made the one in use; the one in use is still that one.
    case stored
    /// Another one of the models that are held is in use now: `confirm` says so, or `reject`.
    case switched
    /// It will not come; the code (Protocol.md §5.7) has been said.
    case failed(UInt8)
    /// The session is over: the sender has said so, or this end, behind its last word.
    case closed(UInt8)
  }

  enum Phase: Equatable {
    case closed
    /// Reads records, in the order that the reader expects.
    case reading
    /// The manifest is right; the store is made ready.
    case preparing
    /// All has come; digests are computed, as far as they have not been.
    case verifying
    case committing
    case completed
    /// Gives the model in use to who has asked for it.
    case giving
    case failed
  }

  let table: Table
  // Small ones first: what is near the beginning takes short instructions on a Cortex-M0.
  var phase = Phase.closed
  var hasAnnounced = false
  var event: Event?
  /// The time that this processor takes for the digest of a kilobyte.
  public var millisecondsPerKilobyte: UInt8 = 4
  /// Bytes of the stream between two states that are noted, at least; for a large image its 32nd part.
  public var noteInterval = 1024
  // Of the frame's data, what has been worked on.
  var position = 0
  var pendingByteCount = 0
  // Of these, what counts as a part of the stream already, and of the stream what has come and what a
  // state has been noted of.
  var countedPosition = 0
  var streamByteCount = 0
  var notedByteCount = 0
  /// Bytes of the stream that were there already when it began.
  public internal(set) var resumedByteCount = 0
  // Whether a state is to be noted, which the sender has been told of.
  var isNoting = false
  var isRereading = false
  var readiness = Readiness.stream
  // The tensor at hand where all are gone through.
  var cursor = TableEntry()
  var giving = DeviceGiving()
  var reader = RecordState()
  var decoder = PlaneDecoder<Table.Differences>()
  var link: DeviceLink
  /// Where the image is; leave what is arriving as it is.
  public var store: Store
  var hash = ModelHash()
  /// What is coming: its name is known when it has begun, its digest when it is complete.
  public internal(set) var model = CommittedModel()
  // Work that takes no longer is not announced, in milliseconds.
  private static var patience: UInt16 { 10 }
  // What INFO says.
  let name: StaticString

  /// Takes the one model of a table.
  ///
  /// - Parameters:
  ///   - table: the one model that is taken.
  ///   - store: where it goes.
  ///   - frame: memory for a frame that comes in; its size is the MTU.
  ///   - outbox: memory for what this end says, 160 bytes at least, 224 where it lists models.
  ///   - name: what this device is called.
  ///   - nonce: differs from reset to reset.
  public init(
    _ table: Table, _ store: consuming Store, frame: consuming ByteStorage,
    outbox: consuming ByteStorage, name: StaticString, nonce: UInt32
  ) {
    let least = Self.does(.lists) ? 224 : 160
    precondition(outbox.byteCount >= least, "the outbox holds every record")
    self.table = table
    self.store = store
    link = DeviceLink(frame: frame, outbox: outbox, nonce: nonce)
    self.name = name
  }

  // MARK: - The line

  /// Goes through `bytes` from `position` on, until there is something to work on.
  @inline(never)
  public mutating func receive(
    _ bytes: Span<UInt8>, from position: inout Int, at now: UInt32
  ) {
    while !isPending, let found = link.receive(bytes, from: &position, at: now) {
      switch found {
      case .opened(let goesOn):
        if !goesOn { open() }
        event = .opened(goesOn: goesOn)
      case .data:
        (self.position, pendingByteCount) = (0, link.dataByteCount)
        if Self.does(.resumes) { countedPosition = 0 }
      case .closed(let code):
        phase = .closed
        event = .closed(code)
      }
    }
  }

  /// Whether `proceed` has something to do, and `receive` takes nothing.
  public var isPending: Bool {
    if event != nil || position < pendingByteCount { return true }
    if Self.does(.resumes), isNoting || countedPosition < position { return true }
    switch phase {
    case .preparing, .verifying, .committing: return true
    case .giving: return mayGive
    case .closed, .reading, .completed, .failed: return false
    }
  }

  /// Whether the next call of `proceed` does nothing but tell that a sender has come or gone.
  public var hasEvent: Bool { event != nil }

  /// Appends the next frame to `output`, which has room for `transmitByteCountLimit` bytes; false where
  /// there is none.
  @inline(never)
  public mutating func transmit(into output: inout OutputSpan<UInt8>, at now: UInt32) -> Bool {
    let hasFrame = link.transmit(into: &output, at: now)
    if let code = link.takeClosing() { (phase, event) = (.closed, .closed(code)) }
    return hasFrame
  }

  /// The room that `transmit` needs.
  public static var transmitByteCountLimit: Int { DeviceLink.transmitByteCountLimit }

  /// When `transmit` has something to repeat, if nothing comes before; nil for never.
  public var deadline: UInt32? { link.deadline }

  /// Asks the sender for patience, by the next frame.
  public mutating func announceBusy(milliseconds: UInt16) {
    link.announceBusy(milliseconds: milliseconds)
  }

  // MARK: - Work

  /// Works on what has come; an event, or nil.
  @inline(never)
  public mutating func proceed() -> Event? {
    if let event = event.take() { return event }
    switch phase {
    case .preparing: return makeReady()
    case .giving: return position < pendingByteCount ? read() : give()
    case .verifying:
      if let event = announce(digestMilliseconds) { return event }
      return verify()
    case .committing:
      if let event = announce(store.commitMilliseconds) { return event }
      return commit()
    case .closed, .reading, .completed, .failed: return read()
    }
  }

  /// Says that the model has come, which the sender waits for.
  @inline(never)
  public mutating func confirm() {
    guard phase == .completed else { return }
    verified(model.digest)
  }

  /// Gives up the model in use for the one before it: a check of this device has failed.
  ///
  /// Says so to a sender who waits for `confirm`.
  ///
  /// - Returns: whether there was one before.
  public mutating func reject() -> Bool {
    let hasModel = store.rollBack()
    if phase == .completed { _ = fail(DeviceFailure.wrongModel, "own check failed") }
    return hasModel
  }

  /// Before a piece of work that takes long: announces it, once.
  mutating func announce(_ milliseconds: UInt16) -> Event? {
    hasAnnounced = !hasAnnounced && milliseconds >= Self.patience
    guard hasAnnounced else { return nil }
    link.announceBusy(milliseconds: milliseconds)
    return .working(milliseconds: milliseconds)
  }

  /// The time that the rest of the tensor at hand takes.
  private var digestMilliseconds: UInt16 {
    let kilobytes = (hash.restCount &* hash.entry.format.byteCount) >> 10
    return UInt16(min(kilobytes &* Int(millisecondsPerKilobyte), 30_000))
  }

  @inline(never)
  private mutating func open() {
    phase = .reading
    (position, pendingByteCount, hasAnnounced) = (0, 0, false)
    if !Self.services.isEmpty {
      (countedPosition, isNoting, isRereading, readiness) = (0, false, false, .stream)
    }
    reader = RecordState()
    decoder.reset()
    hash.reset()
    sayInfo()
  }
}

public import Device

/// The application: receives the model, and after each milestone tries it on images and tells the sender
/// how many it recognizes; the whole model on all of them, before it says that it has come.
///
/// Without images nothing is tried, and the model may be any. The caller's loop, over and over: `receive`
/// what has come, `transmit` until there is nothing to send, then one slice of `work`, unless it `isIdle`.
/// A slice is short, but for those that the sender is told of before: one of `transmit` comes
/// between any two. When it is idle, `digestAhead` has something to do now and then. While a trial runs the
/// weights stay as they are, and the sender waits.
public struct DigitsDevice<
  Table: ModelTable, Store: WeightStore & ~Copyable, Samples: DigitsSamples
>: ~Copyable {
  /// How many images were recognized.
  public typealias Result = DigitsTrial<Samples>.Result

  /// What somebody who looks on may want to see.
  public enum Event: Equatable, Sendable {
    /// A sender is there; where it goes on with the session before, nothing has changed.
    case opened(goesOn: Bool)
    /// It has the right model; the one before makes room.
    case began
    /// All of the model has come so far: its tier, and the signal to noise in dB or 255.
    case milestone(tier: UInt8, quality: UInt8)
    /// So well it does, with what has come up to a tier; nil for the model that was there at the start.
    case tried(Result, tier: UInt8?)
    /// The model is here, verified, and stays.
    case completed
    /// The sender's model is the one in use already.
    case unchanged
    /// A model is here, verified, and is not used yet.
    case stored
    /// Another one of the models that are held is in use now.
    case switched
    /// So few were recognized with a model that it is given up for the one before.
    case rejected(Result)
    /// It will not come; the code of Protocol.md §5.7.
    case failed(UInt8)
    /// The sender is done, or has given up.
    case closed(UInt8)
  }

  // Protocol.md §5.8.
  private static var completeTier: UInt8 { 65 }
  // So long the sender is asked to wait, and so often again while a trial runs, in milliseconds.
  private static var patience: UInt16 { 400 }
  private static var announcementInterval: UInt32 { 150 }

  private let table: Table
  /// What receives; its store has the model.
  public private(set) var receiver: DeviceReceiver<Table, Store>
  private var trial: DigitsTrial<Samples>
  private let sampleCount: Int
  /// How many images are tried after a milestone.
  private let milestoneCount: Int
  // Of a hundred images, how many a model has to recognize that is to stay.
  private let leastPercentage: Int
  // Of the trial that runs, and of the result that is to be told; nil where no sender waits for it.
  private var tier: UInt8?
  private var metric: Result?
  private var announcedAt: UInt32 = 0
  // Whether the sender waits for the word that the model has come, and whether it wants to hear of the trial.
  private var isUnconfirmed = false
  private var isReported = true
  // Whether the store has a part of a model, and no longer the one that was there before.
  private var isPartial = false
  /// Whether there is a whole model.
  public private(set) var hasModel: Bool

  /// Looks for a model in the store, and tries it on `initialCount` of the images.
  ///
  /// The receiver is of the same table; nothing has been done to its store. A model of which fewer than
  /// `leastPercentage` of a hundred images are recognized gives way to the one before, if there is one.
  public init(
    _ receiver: consuming DeviceReceiver<Table, Store>, _ table: Table, _ samples: Samples,
    _ memory: DigitsMemory, initialCount: Int, milestoneCount: Int,
    leastPercentage: Int = 0
  ) {
    self.receiver = receiver
    self.table = table
    self.milestoneCount = milestoneCount
    self.leastPercentage = leastPercentage
    sampleCount = samples.count
    trial = DigitsTrial(samples, memory)
    hasModel = self.receiver.store.restore()
    if hasModel { begin(initialCount, tier: nil) }
  }

  // MARK: - The line

  /// Goes through `bytes` from `position` on, until there is work to do with them.
  public mutating func receive(
    _ bytes: Span<UInt8>, from position: inout Int, at now: UInt32
  ) {
    receiver.receive(bytes, from: &position, at: now)
    // What came in a trial has to wait: an acknowledgement would call for more.
    let waits = isTryingForSender && receiver.isPending && !receiver.hasEvent
    if waits { announce(at: now) }
  }

  /// Appends the next frame to `output`, which has room for `transmitByteCountLimit` bytes; false where
  /// there is none.
  public mutating func transmit(into output: inout OutputSpan<UInt8>, at now: UInt32) -> Bool {
    sayMetric()
    return receiver.transmit(into: &output, at: now)
  }

  /// The room that `transmit` needs.
  public static var transmitByteCountLimit: Int { DeviceLink.transmitByteCountLimit }

  /// When `transmit` has something to repeat, if nothing comes before; nil for never.
  public var deadline: UInt32? { receiver.deadline }

  // MARK: - Work

  /// Whether there is nothing to do until something comes.
  public var isIdle: Bool { !trial.isRunning && !receiver.isPending }

  /// Does a slice of what there is to do; an event, or nil.
  public mutating func work(at now: UInt32) -> Event? {
    if isTrialNext { return proceedWithTrial(at: now) }
    guard let event = receiver.proceed() else { return nil }
    switch event {
    case .opened(let goesOn):
      if !goesOn { endSession() }
      return .opened(goesOn: goesOn)
    case .closed(let code):
      endSession()
      return .closed(code)
    case .failed(let code):
      endSession()
      return .failed(code)
    case .working:
      // It may be the first page that is erased.
      beginModel()
      return nil
    case .began:
      beginModel()
      return .began
    case .milestone(let tier, let quality):
      // The whole model is tried when it is known to be right.
      if tier != Self.completeTier { begin(milestoneCount, tier: tier, at: now) }
      return .milestone(tier: tier, quality: quality)
    case .completed:
      tryBeforeConfirming(isReported: true, at: now)
      return .completed
    case .switched:
      tryBeforeConfirming(isReported: false, at: now)
      return .switched
    case .unchanged:
      (isPartial, hasModel) = (false, true)
      return .unchanged
    case .stored:
      (isPartial, hasModel) = (false, receiver.store.model != nil)
      return .stored
    }
  }

  /// Does a little of what is to be done when the model is complete; false where nothing can be yet.
  ///
  /// For when it `isIdle`.
  public mutating func digestAhead() -> Bool { receiver.digestAhead() }

  /// There is another model: what it does decides whether it stays.
  private mutating func tryBeforeConfirming(isReported: Bool, at now: UInt32) {
    (isPartial, hasModel, isUnconfirmed, self.isReported) = (false, true, true, isReported)
    begin(sampleCount, tier: Self.completeTier, at: now)
    if !trial.isRunning { confirm() }
  }

  private mutating func beginModel() {
    (isPartial, hasModel) = (true, false)
    trial.stop()
  }

  /// A session is over, in whatever way: nobody waits any more, and a part of a model is worth nothing.
  private mutating func endSession() {
    if isTryingForSender || isPartial { trial.stop() }
    (metric, isUnconfirmed, isReported) = (nil, false, true)
    guard isPartial else { return }
    isPartial = false
    hasModel = receiver.store.restore()
  }

  // MARK: - Trials

  /// Whether a trial is under way, of which `work` does a slice.
  public var isTrying: Bool { trial.isRunning }

  private var isTryingForSender: Bool { trial.isRunning && tier != nil }

  /// Whether a trial goes on before anything else: a sender that has come, or gone, is noticed in any,
  /// and where none waits for the result, what it has to say comes first.
  private var isTrialNext: Bool {
    trial.isRunning && !receiver.hasEvent && (tier != nil || !receiver.isPending)
  }

  private mutating func begin(_ count: Int, tier: UInt8?) {
    guard sampleCount > 0, count > 0 else { return }
    self.tier = tier
    metric = nil
    trial.begin(count: count, table, receiver.store)
  }

  private mutating func begin(_ count: Int, tier: UInt8, at now: UInt32) {
    begin(count, tier: tier)
    if trial.isRunning { announce(at: now) }
  }

  private mutating func announce(at now: UInt32) {
    announcedAt = now
    receiver.announceBusy(milliseconds: Self.patience)
  }

  private mutating func proceedWithTrial(at now: UInt32) -> Event? {
    if tier != nil, now &- announcedAt >= Self.announcementInterval { announce(at: now) }
    guard let result = trial.step(receiver.store) else { return nil }
    if let event = reject(result) { return event }
    if tier != nil {
      metric = result
      // The sender may go on at once. A frame that has come meanwhile is answered next, which says so too.
      if !receiver.isPending { receiver.announceBusy(milliseconds: 0) }
    }
    return .tried(result, tier: tier)
  }

  /// Goes back to the model before, where the one that was tried does too badly: when it has come, or at the
  /// start, as it may have been before this check was done.
  private mutating func reject(_ result: Result) -> Event? {
    let isChecked = tier == nil ? receiver.store.hasModelBefore : isUnconfirmed
    guard isChecked, result.percentage < 100 * Int32(truncatingIfNeeded: leastPercentage) else {
      return nil
    }
    isUnconfirmed = false
    hasModel = receiver.reject()
    return .rejected(result)
  }

  /// Tells the result as soon as there is room for it, and then that the model has come.
  private mutating func sayMetric() {
    guard let result = metric,
      !isReported
        || receiver.report(
          "accuracy", result.percentage, digits: 2,
          unit: MetricUnit("% of ", result.count, " images"),
          tier: tier)
    else { return }
    metric = nil
    if isUnconfirmed { confirm() }
  }

  private mutating func confirm() {
    isUnconfirmed = false
    receiver.confirm()
  }
}

/// The rate that a line runs at, and the search for a faster one.
///
/// Both ends begin a session at the **base rate**. The initiator proposes the fastest rate that both
/// have; the responder repeats the proposal, and both change when that answer has left the line. Test
/// frames at the new rate then have to be answered in time before anything relies on it. Whoever hears
/// nothing at a raised rate goes back to the base rate, the responder later than the initiator, and
/// there they meet again.
struct RateControl: Sendable {
  enum Phase: Equatable, Sendable {
    /// Nothing is going on.
    case settled
    /// Initiator: a proposal is out.
    case proposing
    /// Initiator: the proposal was accepted; the rate changes at this time.
    case changing(at: Instant)
    /// Initiator: test frames are out.
    case testing
    /// Initiator: the test failed; the peer comes back to the base rate by this time.
    case returning(until: Instant)
  }

  /// Tries of a proposal: together a second longer than a responder stays at a rate at which it has heard
  /// a test frame whose answer was lost.
  static let proposalLimit = 12
  /// Tries of a test frame: together longer than the peer's trial time, should only the answer to a
  /// proposal be lost.
  static let testLimit = 8
  /// Answered test frames that are enough.
  static let testsNeeded = 2
  /// What the first test frames carry at most: enough that a line slower than its name answers late.
  ///
  /// On a noisy line they may all be lost; the shorter ones behind them are not.
  static let longTestByteCountLimit = 512
  static let longTestCount = 2
  static let shortTestByteCountLimit = 64
  /// A UART and its driver take this long at most to change.
  static let settlingTime = Interval.milliseconds(20)
  /// How long a proposal is waited for beyond the times on the wire.
  static let proposalInterval = Interval.milliseconds(250)
  /// How long a responder stays at a rate at which it hears nothing, at first and in general.
  static let trialTime = Interval.milliseconds(700)
  static let responderSilence = Interval.milliseconds(2500)
  /// The same for an initiator, who is the first to go.
  static let initiatorSilence = Interval.milliseconds(2000)

  let base: UInt32
  var current: UInt32
  var phase = Phase.settled
  var target: UInt32 = 0
  /// Names the proposal or test frame that an answer has to repeat.
  var token: UInt16 = 0
  var tries = 0
  var testsPassed = 0
  /// Initiator: when the next try is due.
  var nextTryAt: Instant?
  var isTryOwed = false
  /// Only slower rates are tried.
  var ceiling: UInt32 = .max
  /// Responder: the rate that it changes to, and when its answer has left.
  var change: (rate: UInt32, at: Instant)?
  /// Data frames lost since the rate was last changed.
  var lossCount = 0
  /// Losses that are enough to judge a rate by.
  static let lossesNeeded = 32
  /// Responder: when it goes back unless it hears something.
  var trialUntil: Instant?

  init(base: UInt32) {
    self.base = base
    current = base
  }

  /// Whether the stream has to wait.
  var holdsData: Bool { phase != .settled || change != nil }

  var isRaised: Bool { current != base }

  /// Back to the base rate and to no plans; what was learnt of rates stays.
  mutating func reset() {
    let (ceiling, token) = (ceiling, token)
    self = RateControl(base: base)
    self.ceiling = ceiling
    self.token = token
  }

  /// Whether all has to wait: what is handed out now would be caught by the change.
  var isAboutToChange: Bool {
    if case .changing = phase { return true }
    return change != nil
  }
}

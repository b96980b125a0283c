internal import LinkLayer
internal import Runtime
internal import Streaming
internal import Transfer

/// Both machines of a transfer on a modelled line in virtual time, and their callers; each may be killed and
/// begun again.
struct TransferPair: ~Copyable {
  private let scenario: LinkScenario
  private let model: SampleModel
  private let identity: StreamIdentity?
  private var simulation: Simulation<SendTransfer, ReceiveTransfer>
  private(set) var sender: SendingEnd
  private(set) var receiver: ReceivingEnd
  private var lifeCount: UInt64 = 0
  // Of the machines that were killed.
  private var lostByteCount = 0

  /// What `run` came to.
  enum Pause: Equatable {
    case timeIsUp
    /// Both machines have ended.
    case bothEnded
    /// What was waited for has come.
    case reached
  }

  /// With an identity what has come of the model is kept when the receiver is killed.
  init(
    _ scenario: LinkScenario, _ model: SampleModel, identity: StreamIdentity? = nil,
    _ receiver: ReceivingEnd = ReceivingEnd()
  ) throws {
    (self.scenario, self.model, self.identity) = (scenario, model, identity)
    sender = SendingEnd(model)
    sender.identity = identity
    self.receiver = receiver
    let (there, back) = try scenario.lines()
    simulation = Simulation(
      SendTransfer(link: scenario.link(.initiator), at: Instant(microseconds: 0)),
      ReceiveTransfer(link: scenario.link(.responder), info: Self.info), aToB: there, bToA: back)
    simulation.isHalfDuplex = scenario.isHalfDuplex
  }

  private static let info = ReceiverInfo(compressions: [.none], byteCountLimit: nil, name: [])

  /// Goes on until a time in nanoseconds, or until the receiver is where it was to get.
  mutating func run(
    until end: UInt64, or isReached: (ReceivingEnd) -> Bool = { _ in false }
  ) -> Pause {
    var (sender, receiver, pause) = (sender, receiver, Pause.timeIsUp)
    _ = simulation.run(until: end) { sendTransfer, receiveTransfer, _ in
      sender.respond(&sendTransfer)
      receiver.respond(&receiveTransfer)
      if isReached(receiver) { pause = .reached }
      if sendTransfer.isFinished, receiveTransfer.isFinished { pause = .bothEnded }
      return pause == .timeIsUp
    }
    (self.sender, self.receiver) = (sender, receiver)
    return pause
  }

  // MARK: - What happens besides

  mutating func abortSender() { simulation.a.abort() }
  mutating func abortReceiver() { simulation.b.abort() }
  mutating func failReceiver(_ failure: ReceiverFailure) { simulation.b.fail(failure) }

  /// Kills the sender; another one takes its place.
  mutating func replaceSender() {
    lifeCount += 1
    lostByteCount += Int(simulation.a.statistics.wireBytesSent)
    sender = SendingEnd(model)
    sender.identity = identity
    simulation.a = SendTransfer(
      link: scenario.link(.initiator, life: lifeCount), at: simulation.instant)
  }

  /// Kills the receiver; another one takes its place, and has nothing but what that has kept.
  mutating func replaceReceiver() {
    lifeCount += 1
    lostByteCount += Int(simulation.b.statistics.wireBytesSent)
    let journal = receiver.journal
    receiver = ReceivingEnd()
    receiver.journal = journal
    var info = Self.info
    info.unfinished = journal.unfinished
    simulation.b = ReceiveTransfer(
      link: scenario.link(.responder, life: lifeCount), info: info)
  }

  /// Bytes that all senders have put on the line, and all receivers.
  var wireByteCount: Int {
    lostByteCount
      + Int(simulation.a.statistics.wireBytesSent + simulation.b.statistics.wireBytesSent)
  }
}

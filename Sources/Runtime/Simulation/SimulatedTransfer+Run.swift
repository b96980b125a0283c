internal import Checkpoints
internal import LinkLayer
internal import Streaming
internal import Transfer

extension SimulatedTransfer {
  /// What the two ends' callers do, and when things happened.
  final class Run {
    let receiver: SimulatedReceiver
    private let session: SendSession
    private let beginnings = Beginnings()
    private var observedAt = Instant(microseconds: 0)
    private(set) var ending = Ending.unfinished

    /// When the receiver was found, and when it took the model.
    private final class Beginnings {
      var now: UInt64 = 0
      var connected: UInt64?
      var accepted: UInt64?
    }

    init(_ checkpoint: Checkpoint, named name: String, _ policy: SendPolicy) throws {
      session = try SendSession(checkpoint, named: name, policy, usesThread: false) {
        [beginnings] news in
        switch news {
        case .connected: beginnings.connected = beginnings.connected ?? beginnings.now
        case .began: beginnings.accepted = beginnings.now
        case .interrupted, .resumed, .rateChanged, .progress, .reached, .improved, .notStored,
          .measured, .notQuantized, .substituted, .goesOn, .startsOver, .kept, .notKept, .gave,
          .notGiven, .giverFound, .baseIsAnother:
          break
        }
      }
      receiver = SimulatedReceiver(ModelSource(checkpoint, policy), session.model)
    }

    var plan: TransferPlan { session.plan }

    /// Answers both machines; false once the sender knows how it has ended.
    func respond(
      _ sender: inout SendTransfer, _ receiver: inout ReceiveTransfer, at now: Instant
    ) throws -> Bool {
      beginnings.now = UInt64(now.microseconds) * 1000
      do {
        while try session.respond(&sender) {}
      } catch let error as SessionError {
        sender.abort()
        ending = .failed(error)
        return false
      }
      try self.receiver.respond(&receiver, at: beginnings.now)
      guard let outcome = session.outcome else { return true }
      ending = outcome == .completed ? .verified : .failed(.ended(outcome))
      return false
    }

    /// How far the sender is, once the receiver has taken the model; nil where it was told less than a
    /// tenth of a second ago.
    func progress(_ sender: borrowing SendTransfer, at now: Instant) -> TransferProgress? {
      guard beginnings.accepted != nil, let connected = beginnings.connected,
        now - observedAt >= .milliseconds(100)
      else { return nil }
      observedAt = now
      let opened = Instant(microseconds: Int64(connected / 1000))
      return session.progress(sender, elapsed: now - opened)
    }

    /// What was reached, in the order in which a transfer goes; the end of one that was verified.
    func milestones(contentByteCount total: Int, end: UInt64?) -> [Milestone] {
      var milestones: [Milestone] = []
      func note(_ name: String, _ time: UInt64?) {
        guard let time else { return }
        let byteCount = receiver.deliveries.last { $0.time <= time }?.byteCount ?? 0
        milestones.append(Milestone(name: name, time: time, byteCount: byteCount))
      }
      func noteShare(_ name: String, _ share: Double) {
        let byteCount = Int((Double(total) * share).rounded(.up))
        note(name, receiver.deliveries.first { $0.byteCount >= byteCount }?.time)
      }
      note("connected", beginnings.connected)
      note("accepted", beginnings.accepted)
      for (milestone, time) in receiver.reached { note("\(milestone.name)", time) }
      noteShare("quarter", 0.25)
      noteShare("half", 0.5)
      noteShare("three quarters", 0.75)
      noteShare("all contents", 1)
      note("verified", end)
      // Tiers and shares mingle; those of one moment stay in their order.
      return milestones.enumerated()
        .sorted { ($0.element.time, $0.offset) < ($1.element.time, $1.offset) }
        .map(\.element)
    }
  }
}

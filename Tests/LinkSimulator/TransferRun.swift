package import LinkLayer
package import Streaming
package import Transfer
internal import LineModel

/// A whole transfer between two machines over a modelled line, in virtual time.
///
/// Digests are made up: the machines carry them and do not look into them.
package struct TransferRun {
  /// What an end does besides its part.
  package enum Twist: Equatable, Sendable {
    case none
    /// The receiver gives up at the offer, or at the n-th portion of content.
    case receiverFails(ReceiverFailure.Code, atPortion: Int)
    /// An end stops when the receiver has seen so many portions of content.
    case aborts(LinkRole, atPortion: Int)
    /// The sender dies then and another one starts the transfer from the beginning.
    case senderRestarts(atPortion: Int)
  }

  package private(set) var senderOutcome: TransferOutcome?
  package private(set) var receiverOutcome: TransferOutcome?
  /// What the receiver took in its last session: the contents in the order in which they came.
  package private(set) var contents: [[UInt8]] = []
  package private(set) var sessionCount = 0

  /// Sends `contents`, one unit each, of the tensors of a manifest; ends when both machines have.
  package init(
    _ scenario: LinkScenario, _ manifest: Manifest, _ units: [(Unit, [UInt8])],
    twist: Twist = .none, until limit: UInt64 = 900_000_000_000
  ) throws {
    let (there, back) = try scenario.lines()
    let start = Instant(microseconds: 0)
    let info = ReceiverInfo(compressions: [.none], byteCountLimit: nil, name: Array("test".utf8))
    var simulation = Simulation(
      SendTransfer(link: scenario.link(.initiator), at: start),
      ReceiveTransfer(link: scenario.link(.responder), info: info), aToB: there, bToA: back)
    var sender = SendingCaller(manifest, units)
    var receiver = ReceivingCaller(twist)
    var isRestartDue = false
    var hasRestarted = false
    func run() -> Bool {
      simulation.run(until: limit) { a, b, _ in
        sender.respond(&a)
        receiver.respond(&b)
        if case .aborts(let role, let portion) = twist, receiver.portionCount >= portion {
          if role == .initiator, !a.isFinished { a.abort() }
          if role == .responder, !b.isFinished { b.abort() }
        }
        if case .senderRestarts(let portion) = twist, !hasRestarted {
          isRestartDue = receiver.portionCount >= portion
        }
        return !isRestartDue && !(a.isFinished && b.isFinished)
      }
    }
    _ = run()
    if isRestartDue {
      isRestartDue = false
      hasRestarted = true
      simulation.a = SendTransfer(
        link: scenario.link(.initiator, life: 1), at: simulation.instant)
      sender = SendingCaller(manifest, units)
      _ = run()
    }
    senderOutcome = sender.outcome
    receiverOutcome = receiver.outcome
    contents = receiver.contents
    sessionCount = receiver.sessionCount
  }

  /// A digest that tells which unit it belongs to.
  package static func digest(_ number: Int) -> Digest {
    guard let digest = Digest([UInt8](repeating: UInt8(truncatingIfNeeded: number), count: 32))
    else { preconditionFailure("a digest has 32 bytes") }
    return digest
  }
}

/// Answers a sender's events and feeds it.
private struct SendingCaller {
  private let manifest: Manifest
  private let units: [(Unit, [UInt8])]
  private var unitIndex = 0
  private var offset = 0
  private var hasBegun = false
  private var hasFinished = false
  private(set) var outcome: TransferOutcome?

  init(_ manifest: Manifest, _ units: [(Unit, [UInt8])]) {
    self.manifest = manifest
    self.units = units
  }

  mutating func respond(_ machine: inout SendTransfer) {
    while let event = machine.nextEvent() {
      switch event {
      case .receiverReady: machine.offer(manifest)
      case .ended(let outcome): self.outcome = outcome
      case .connected, .accepted, .verified: break
      }
    }
    while machine.wantsContent, !hasFinished { feed(&machine) }
  }

  private mutating func feed(_ machine: inout SendTransfer) {
    guard unitIndex < units.count else {
      hasFinished = true
      machine.finish(TransferRun.digest(units.count))
      return
    }
    let (unit, content) = units[unitIndex]
    if !hasBegun {
      hasBegun = true
      machine.beginUnit(unit)
    } else if offset < content.count {
      let end = min(offset + 700, content.count)
      machine.append(content: Array(content[offset..<end]))
      offset = end
    } else {
      machine.endUnit(TransferRun.digest(unitIndex))
      unitIndex += 1
      (offset, hasBegun) = (0, false)
    }
  }
}

/// Answers a receiver's events and collects what it brings.
private struct ReceivingCaller {
  private let twist: TransferRun.Twist
  private(set) var contents: [[UInt8]] = []
  private(set) var outcome: TransferOutcome?
  private(set) var sessionCount = 0
  /// Portions of content in all sessions.
  private(set) var portionCount = 0

  init(_ twist: TransferRun.Twist) { self.twist = twist }

  mutating func respond(_ machine: inout ReceiveTransfer) {
    while let event = machine.nextEvent() {
      switch event {
      case .connected:
        contents = []
        sessionCount += 1
      case .offered: if !fail(&machine) { machine.accept() }
      case .unitBegan: contents.append([])
      case .content:
        portionCount += 1
        machine.takeContent { bytes in
          for index in bytes.indices { contents[contents.count - 1].append(bytes[index]) }
        }
        _ = fail(&machine)
      case .unitEnded: break
      case .finished(let digest): machine.confirm(digest)
      case .ended(let outcome): self.outcome = outcome
      }
    }
  }

  private func fail(_ machine: inout ReceiveTransfer) -> Bool {
    guard case .receiverFails(let code, let portion) = twist, portionCount == portion else {
      return false
    }
    machine.fail(ReceiverFailure(code, text: Array("no".utf8)))
    return true
  }
}

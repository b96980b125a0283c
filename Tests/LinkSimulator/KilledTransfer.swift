internal import LinkLayer
internal import Runtime
internal import Streaming
internal import Transfer

/// A model that goes over while its ends are killed, one or the other, and begun again with nothing but what
/// the receiver has kept.
package struct KilledTransfer {
  /// Which end is killed, and when, in nanoseconds.
  package typealias Kill = (isSender: Bool, time: UInt64)

  package private(set) var sender: SendingEnd
  package private(set) var receiver: ReceivingEnd
  package private(set) var isFinished = false
  /// Bytes that all senders have put on the line, and all receivers.
  package private(set) var wireByteCount = 0

  private static let identity = StreamIdentity(Array("identity".utf8))

  package init(
    _ scenario: LinkScenario, _ model: SampleModel, _ kills: [Kill],
    limit: UInt64 = 3_600_000_000_000
  ) throws {
    sender = SendingEnd(model)
    sender.identity = Self.identity
    receiver = ReceivingEnd()
    let (there, back) = try scenario.lines()
    let info = ReceiverInfo(compressions: [.none], byteCountLimit: nil, name: [])
    var simulation = Simulation(
      SendTransfer(link: scenario.link(.initiator), at: Instant(microseconds: 0)),
      ReceiveTransfer(link: scenario.link(.responder), info: info), aToB: there, bToA: back)
    simulation.isHalfDuplex = scenario.isHalfDuplex
    for (index, kill) in kills.enumerated() {
      guard run(&simulation, until: kill.time) else { break }
      let life = UInt64(index + 1)
      if kill.isSender {
        wireByteCount += Int(simulation.a.statistics.wireBytesSent)
        sender = SendingEnd(model)
        sender.identity = Self.identity
        simulation.a = SendTransfer(
          link: scenario.link(.initiator, life: life), at: simulation.instant)
      } else {
        wireByteCount += Int(simulation.b.statistics.wireBytesSent)
        let journal = receiver.journal
        receiver = ReceivingEnd()
        receiver.journal = journal
        var info = info
        info.unfinished = journal.unfinished
        simulation.b = ReceiveTransfer(
          link: scenario.link(.responder, life: life), info: info)
      }
    }
    isFinished = !run(&simulation, until: limit)
    wireByteCount += Int(
      simulation.a.statistics.wireBytesSent + simulation.b.statistics.wireBytesSent)
  }

  private mutating func run(
    _ simulation: inout Simulation<SendTransfer, ReceiveTransfer>, until end: UInt64
  ) -> Bool {
    simulation.run(until: end) { sendTransfer, receiveTransfer, _ in
      sender.respond(&sendTransfer)
      receiver.respond(&receiveTransfer)
      return !(sendTransfer.isFinished && receiveTransfer.isFinished)
    }
  }
}

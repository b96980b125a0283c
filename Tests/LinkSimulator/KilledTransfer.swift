internal import Streaming

/// A model that goes over while its ends are killed, one or the other, and begun again with nothing but what
/// the receiver has kept.
package struct KilledTransfer {
  /// Which end is killed, and when, in nanoseconds.
  package typealias Kill = (isSender: Bool, time: UInt64)

  package let sender: SendingEnd
  package let receiver: ReceivingEnd
  package let isFinished: Bool
  /// Bytes that all senders have put on the line, and all receivers.
  package let wireByteCount: Int
  /// How often an end was killed.
  package let killCount: Int

  private static let identity = StreamIdentity(Array("identity".utf8))

  /// Kills ends at these times.
  package init(
    _ scenario: LinkScenario, _ model: SampleModel, _ kills: [Kill],
    limit: UInt64 = 3_600_000_000_000
  ) throws {
    var pair = try TransferPair(scenario, model, identity: Self.identity)
    var killCount = 0
    for kill in kills {
      guard pair.run(until: kill.time) == .timeIsUp else { break }
      if kill.isSender { pair.replaceSender() } else { pair.replaceReceiver() }
      killCount += 1
    }
    self.init(consume pair, limit: limit, killCount)
  }

  /// Kills the receiver whenever it is where `isDoomed` says, which is told how often it was killed before.
  package init(
    _ scenario: LinkScenario, _ model: SampleModel, limit: UInt64 = 3_600_000_000_000,
    killingReceiverWhere isDoomed: (ReceivingEnd, Int) -> Bool
  ) throws {
    var pair = try TransferPair(scenario, model, identity: Self.identity)
    var killCount = 0
    while pair.run(until: limit, or: { isDoomed($0, killCount) }) == .reached {
      pair.replaceReceiver()
      killCount += 1
    }
    self.init(consume pair, limit: limit, killCount)
  }

  private init(_ pair: consuming TransferPair, limit: UInt64, _ killCount: Int) {
    isFinished = pair.run(until: limit) == .bothEnded
    (sender, receiver, wireByteCount) = (pair.sender, pair.receiver, pair.wireByteCount)
    self.killCount = killCount
  }
}

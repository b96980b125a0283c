public import LinkLayer

/// One end of a transfer, sending or receiving, as a loop sees it.
public protocol TransferMachine: LineMachine, ~Copyable {
  /// Whether nothing is left to do but what `transmit` still hands out.
  var isFinished: Bool { get }
  /// Ends the transfer and tells the peer.
  mutating func abort()
  /// The slowest rate that has failed on this line; `UInt32.max` where none has.
  var failedBaudRate: UInt32 { get }
  /// What happened on the link.
  var statistics: LinkStatistics { get }
}

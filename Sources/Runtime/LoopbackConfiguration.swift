package import LineModel
package import SystemPackage

/// What a loopback is made of; both directions of the line begin alike.
package struct LoopbackConfiguration: Equatable, Sendable {
  /// A time in which the line is dead both ways, counted from the first byte that is sent.
  package struct Cut: Equatable, Sendable {
    package var afterNanoseconds: UInt64
    package var forNanoseconds: UInt64

    package init(afterNanoseconds: UInt64, forNanoseconds: UInt64) {
      self.afterNanoseconds = afterNanoseconds
      self.forNanoseconds = forNanoseconds
    }
  }

  /// The line.
  package var line = LineConfiguration()
  /// Whether bytes that cross garble each other, as on a pair of wires for both directions.
  package var isHalfDuplex = false
  /// Whether each end has the rate that its terminal is set to, from `line.baudRate` on.
  package var followsTermios = false
  /// The fastest rate at which bytes arrive as they were sent, where the line follows its terminals.
  package var highestBaudRate = UInt32.max
  /// Where the faults come from; the second direction has a seed drawn from it.
  package var seed: UInt64 = 0
  /// A cut, or none.
  package var cut: Cut?
  /// Names for the two ports, or none.
  package var linkA: FilePath?
  package var linkB: FilePath?

  /// A clean line between unnamed ports.
  package init() {}
}

/// What has crossed a loopback in one direction.
package struct LoopbackStatistics: Equatable, Sendable {
  /// What the line did.
  package var line = LineStatistics()
  /// Bytes that arrived while no client had the far port open, and were lost as on a real line.
  package var bytesUnattended: UInt64 = 0
}

/// Why a loopback cannot be made or go on.
package enum LoopbackError: Error, Equatable, Sendable {
  /// What was asked of the system when it refused.
  package enum Operation: Equatable, Sendable {
    case makeTerminal, makeLink, watchClients, read, write, readRate, reset, wait
  }

  /// The line is not possible.
  case line(LineConfigurationError)
  /// Both ports have the same name.
  case sameName(FilePath)
  /// The name belongs to something that is not a link of a loopback.
  case nameTaken(FilePath)
  /// The name links to a terminal that exists: another loopback may be at work.
  case nameInUse(FilePath, terminal: FilePath)
  /// Any other refusal.
  case system(Operation, FilePath?, Errno)
}

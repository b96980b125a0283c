public import LinkLayer

/// What the loop calls.
extension SendTransfer: TransferMachine {
  /// Takes bytes from the line.
  public mutating func receive(_ bytes: Span<UInt8>, at now: Instant) {
    self.now = now
    link.receive(bytes, at: now)
    advance()
  }

  /// Lets the timers that have run out take effect.
  public mutating func expireTimers(at now: Instant) {
    self.now = now
    link.expireTimers(at: now)
    if case .lingering(let until) = state, now >= until { close(.done) }
    advance()
  }

  /// Appends the next frame; false where there is none.
  public mutating func transmit(
    into output: inout OutputSpan<UInt8>, at now: Instant
  ) -> Bool {
    link.transmit(into: &output, at: now)
  }

  /// When to call `expireTimers(at:)` at the latest.
  public var deadline: Instant? {
    guard case .lingering(let until) = state else { return link.deadline }
    return link.deadline.map { min($0, until) } ?? until
  }

  /// The rate at which the line has to run, in bits a second.
  public var baudRate: UInt32 { link.baudRate }
  /// The slowest rate that has failed on this line; `UInt32.max` where none has.
  public var failedBaudRate: UInt32 { link.failedBaudRate }
  /// The room that `transmit` needs.
  public var transmitByteCountLimit: Int { link.transmitByteCountLimit }
  /// Whether it is over, and everything told.
  public var isFinished: Bool { state == .finished && events.isEmpty }
  /// Bytes of the stream that the next frame carries; nil without a session.
  public var segmentByteCount: Int? { link.segmentByteCount }
  /// How long an answer is waited for beyond the times on the wire.
  public var retransmissionTimeout: Interval { link.retransmissionTimeout }
  /// What happened on the link.
  public var statistics: LinkStatistics { link.statistics }

  /// Ends the transfer and tells the peer.
  public mutating func abort() { close(.aborted) }
}

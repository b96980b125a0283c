import LineModel
import SerialDriver
import SystemPackage

/// One direction of a loopback at work: from one master through the line to the other.
struct LoopbackLane {
  /// How long arrivals are gathered at most, in nanoseconds.
  ///
  /// A line shall not wake the process for every byte. The end of what was sent is never late:
  /// answers depend on it.
  private static let gatherNanoseconds: UInt64 = 1_000_000
  /// How often an overrunning FIFO looks whether the client has read, in nanoseconds.
  private static let retryNanoseconds: UInt64 = 1_000_000
  /// Bytes moved in one go before the other direction has its turn.
  private static let turnByteCount = 1 << 16

  private var line: LineDirection
  private var bytesUnattended: UInt64 = 0
  // Bytes past the line that the terminal has not taken yet.
  private var pending: [UInt8] = []
  private var pendingOffset = 0  // 0 <= pendingOffset <= pending.count
  private var gatheredUntil: UInt64 = 0
  private var retryTime: UInt64?
  // What was sent at the old rate has to leave before anything is taken at the new one.
  private var isDraining = false

  init(_ configuration: LineConfiguration, seed: UInt64) throws(LoopbackError) {
    do throws(LineConfigurationError) {
      line = try LineDirection(configuration, seed: seed)
    } catch {
      throw .line(error)
    }
  }

  var statistics: LoopbackStatistics {
    LoopbackStatistics(line: line.statistics, bytesUnattended: bytesUnattended)
  }

  /// Whether the sender's bytes are wanted: half of the transmit buffer is free.
  var wantsBytes: Bool { !isDraining && line.transmitBufferRoom >= refillByteCount }

  /// Whether bytes wait for room in the terminal, which wakes the loop when there is some.
  var isBlocked: Bool { pendingOffset < pending.count }

  /// When the lane has something to do although no descriptor is ready.
  var deadline: UInt64? {
    if let retryTime { return retryTime }
    guard !isBlocked else { return nil }
    let arrival = line.nextArrival.map { max($0, min(gatheredUntil, line.lastArrival ?? $0)) }
    guard let refillTime else { return arrival }
    return min(arrival ?? refillTime, refillTime)
  }

  /// When bytes will be wanted again, where that is a matter of time.
  private var refillTime: UInt64? {
    guard !isDraining else { return line.transmitEnd }
    guard !wantsBytes, line.senderRate > 0 else { return nil }
    return line.timeOfRoom(for: refillByteCount)
  }

  mutating func cut(during times: Range<UInt64>) {
    line.cut(during: times)
  }

  /// Sets the rates of the terminals; to be called before bytes are pulled and pushed.
  ///
  /// The receiver's changes at once. The sender's waits for the bytes that were pulled before: they
  /// were written at the old one.
  mutating func follow(sender: UInt32, receiver: UInt32, at now: UInt64) {
    line.advance(to: now)
    isDraining = sender != line.senderRate && line.transmitEnd != nil
    line.setRates(sender: isDraining ? line.senderRate : sender, receiver: receiver, at: now)
  }

  /// Lets bytes that are on the wire in both directions garble each other; to be called when both
  /// lanes have pulled.
  mutating func collide(with other: inout LoopbackLane, at now: UInt64) {
    line.collide(with: &other.line, at: now)
  }

  /// Reads what the sender has written, no more than the transmit buffer takes: the rest stays in the
  /// terminal, whose buffer then pushes back.
  ///
  /// - Returns: whether there was anything.
  mutating func pull(
    from master: borrowing OwnedDescriptor, at now: UInt64
  ) throws(Errno) -> Bool {
    line.advance(to: now)
    var byteCount = 0
    guard wantsBytes else { return false }
    while line.transmitBufferRoom > 0, byteCount < Self.turnByteCount {
      let part = try Self.read(from: master, limit: min(line.transmitBufferRoom, 4096))
      guard !part.isEmpty else { break }
      let taken = line.send(part.span, at: now)
      precondition(taken == part.count, "the transmit buffer takes what it has room for")
      byteCount += taken
    }
    return byteCount > 0
  }

  /// Hands over what has arrived.
  mutating func push(to port: borrowing LoopbackPort, at now: UInt64) throws(Errno) {
    retryTime = nil
    line.advance(to: now)
    var byteCount = 0
    while byteCount < Self.turnByteCount {
      if !isBlocked {
        guard try isHandoverDue(to: port, at: now) else { break }
        refillPending(at: now)
      }
      guard port.isAttended else {
        bytesUnattended += UInt64(pending.count - pendingOffset)
        pendingOffset = pending.count
        continue
      }
      let written = try port.terminal.master.write(pending.span.extracting(pendingOffset...))
      guard written > 0 else { break }
      pendingOffset += written
      byteCount += written
      gatheredUntil = now + gatherTime
    }
  }

  /// Without a limit of rate the wire is as large as a pipe; else half a buffer lasts for 10 ms or
  /// more, in which the process has to get its turn.
  private var refillByteCount: Int {
    (line.configuration.transmitBufferByteCount + 1) / 2
  }

  private mutating func refillPending(at now: UInt64) {
    pendingOffset = 0
    pending = [UInt8](capacity: 4096) { line.receive(into: &$0, at: now) }
  }

  /// Whether something has arrived, and the client is to have it now.
  ///
  /// A FIFO that overruns must not hide behind the terminal's own buffer: it hands over only to a
  /// client that has read all it was given. So up to twice the FIFO can be unread.
  private mutating func isHandoverDue(
    to port: borrowing LoopbackPort, at now: UInt64
  ) throws(Errno) -> Bool {
    guard let arrival = line.nextArrival, arrival <= now else { return false }
    guard case .overruns = line.configuration.receiver, port.isAttended,
      try port.terminal.unreadByteCount > 0
    else { return true }
    retryTime = now + Self.retryNanoseconds
    return false
  }

  private static func read(
    from master: borrowing OwnedDescriptor, limit: Int
  ) throws(Errno) -> [UInt8] {
    try [UInt8](capacity: limit) { bytes throws(Errno) in
      _ = try master.read(into: &bytes)
    }
  }

  /// A small FIFO is emptied before it can overrun by our gathering alone.
  private var gatherTime: UInt64 {
    guard line.senderRate > 0 else { return 0 }
    switch line.configuration.receiver {
    case .waits: return Self.gatherNanoseconds
    case .overruns(let byteCount):
      let quarter = UInt64(byteCount) * 2_500_000_000 / UInt64(line.senderRate)
      return min(Self.gatherNanoseconds, quarter)
    }
  }
}

/// One direction of a UART line in virtual time; two of them make a line.
///
/// A byte waits in the transmit buffer, takes ten bit times on the wire, meets the faults there,
/// travels for the latency, and lies in the receiver's FIFO until it is read. The caller has the
/// clock: every call carries the time in nanoseconds, which never runs backwards. Nothing happens
/// between calls that the next one does not make up for, so a caller may step as coarsely as it
/// likes; only what *it* does late (reading, sending) is late.
///
/// The same configuration, seed and calls give the same bytes at the same times on any machine.
/// After `init` nothing is allocated, but for cuts and collisions that are scheduled.
public struct LineDirection: Sendable {
  /// A byte on its way, and when it arrives.
  struct Arrival: BitwiseCopyable, Sendable {
    var time: UInt64
    var byte: UInt8
  }

  /// What the line was made with.
  public let configuration: LineConfiguration
  /// What has happened so far.
  public private(set) var statistics = LineStatistics()

  var transmitBuffer: Ring<UInt8>
  var wire: Ring<Arrival>  // times ascend
  var fifo: Ring<UInt8>
  var clock: ByteClock
  var misreader: Misreader
  private var faults: FaultInjector
  private var jitter: SeededGenerator
  private var garbage: SeededGenerator
  var cuts: [Range<UInt64>] = []  // ascending, the past ones removed
  var collisions: [Range<UInt64>] = []  // in any order, the past ones removed
  private(set) var now: UInt64 = 0
  // The last bytes of the wire that leave the adapter together: how many, and when at the latest.
  private(set) var openBatchByteCount = 0
  private var openBatchEnd: UInt64 = 0

  /// Makes an idle line at time 0.
  ///
  /// - Throws: the first rule of `LineConfiguration.validate()` that is broken.
  public init(_ configuration: LineConfiguration, seed: UInt64) throws(LineConfigurationError) {
    try configuration.validate()
    self.configuration = configuration
    transmitBuffer = Ring(capacity: configuration.transmitBufferByteCount, filler: 0)
    wire = Ring(capacity: configuration.wireByteCount, filler: Arrival(time: 0, byte: 0))
    fifo = Ring(capacity: configuration.receiver.byteCount, filler: 0)
    clock = ByteClock(baudRate: configuration.baudRate)
    var root = SeededGenerator(seed: seed)
    faults = FaultInjector(configuration, seed: root.next())
    jitter = root.split()
    garbage = root.split()
    misreader = Misreader(receiverRate: configuration.baudRate, generator: root.split())
  }

  /// Queues as many of `bytes` as the transmit buffer takes.
  ///
  /// - Returns: how many were taken, from the front.
  public mutating func send(_ bytes: Span<UInt8>, at now: UInt64) -> Int {
    advance(to: now)
    var offset = 0
    while offset < bytes.count, transmitBuffer.freeCount > 0 {
      if transmitBuffer.isEmpty { clock.idle(until: now) }
      let end = offset + min(transmitBuffer.freeCount, bytes.count - offset)
      while offset < end {
        transmitBuffer.append(bytes[offset])
        offset += 1
      }
      // Without a limit of rate the buffer empties at once.
      advance(to: now)
    }
    statistics.bytesSent += UInt64(offset)
    return offset
  }

  /// Appends what has arrived to `bytes`, as far as there is room.
  public mutating func receive(into bytes: inout OutputSpan<UInt8>, at now: UInt64) {
    advance(to: now)
    while bytes.freeCapacity > 0, let byte = fifo.first {
      bytes.append(byte)
      fifo.removeFirst()
      statistics.bytesReceived += 1
      // Bytes that waited for room move up.
      if fifo.isEmpty { advance(to: now) }
    }
  }

  /// Lets time pass until `now`; `send` and `receive` do so by themselves.
  public mutating func advance(to now: UInt64) {
    precondition(now >= self.now, "time on a line never runs backwards")
    self.now = now
    settle()
    while let byte = transmitBuffer.first {
      let end = clock.nextEnd
      guard end <= now else { break }
      if !hasRoomOnWire { settle() }
      guard hasRoomOnWire else {
        // Held back by the receiver: the byte begins when there is room again.
        clock.idle(until: now)
        break
      }
      transmitBuffer.removeFirst()
      carry(byte, endingAt: end)
      clock.advance()
    }
    settle()
  }

  // MARK: - From the wire to the receiver

  // One byte may become three: itself, its copy and an inserted one.
  private var hasRoomOnWire: Bool { wire.freeCount >= 3 }

  /// Takes a byte over the wire, the next one of `clock`, which ends at `end`.
  private mutating func carry(_ byte: UInt8, endingAt end: UInt64) {
    guard !isCut(at: end) else {
      statistics.bytesLostInCuts += 1
      return
    }
    let time = end + configuration.latencyNanoseconds
    guard !misreader.misreads(clock.nextRate) else { return misread(byte, at: time) }
    let outcome = faults.strike(collided(byte, at: end), counting: &statistics)
    for _ in 0..<outcome.copyCount { place(outcome.byte, at: time) }
    if let inserted = outcome.inserted { place(inserted, at: time) }
  }

  private mutating func misread(_ byte: UInt8, at time: UInt64) {
    // Drawn all the same, so that the bytes after it meet the faults that they would have met.
    var unseen = LineStatistics()
    _ = faults.strike(byte, counting: &unseen)
    let count = misreader.byteCount(for: clock.nextRate, isAfterIdle: clock.isAfterIdle)
    for _ in 0..<count { place(misreader.nextByte(), at: time) }
    statistics.bytesMisread += 1
    if count == 0 { statistics.bytesDropped += 1 }
    statistics.bytesInserted += UInt64(max(0, count - 1))
  }

  private mutating func collided(_ byte: UInt8, at time: UInt64) -> UInt8 {
    guard isColliding(at: time) else { return byte }
    statistics.bytesGarbled += 1
    return garbage.nextByte()
  }

  /// Puts a byte into the batch that is open at `time`, or opens the next one.
  ///
  /// A line without an adapter has batches that last for the jitter alone, or for no time at all.
  private mutating func place(_ byte: UInt8, at time: UInt64) {
    if openBatchByteCount == 0 || time >= openBatchEnd {
      openBatchByteCount = 0
      openBatchEnd = time + (configuration.batch?.timerNanoseconds ?? 0)
      if configuration.jitterNanoseconds > 0 {
        openBatchEnd += jitter.next(through: configuration.jitterNanoseconds)
      }
    }
    wire.append(Arrival(time: openBatchEnd, byte: byte))
    openBatchByteCount += 1
    if let batch = configuration.batch, openBatchByteCount >= batch.byteCount {
      closeBatch(at: time)
    }
  }

  /// The packet is full: it leaves before its timer.
  private mutating func closeBatch(at time: UInt64) {
    // Those that a coarse step has already moved to the FIFO cannot be any earlier.
    for index in max(0, wire.count - openBatchByteCount)..<wire.count {
      wire[index].time = min(time, wire[index].time)
    }
    openBatchByteCount = 0
  }

  /// Moves what has arrived by `now` into the FIFO.
  private mutating func settle() {
    while let arrival = wire.first, arrival.time <= now {
      if fifo.freeCount == 0 {
        switch configuration.receiver {
        case .waits: return
        case .overruns: statistics.bytesOverrun += 1
        }
      } else {
        fifo.append(arrival.byte)
      }
      wire.removeFirst()
    }
  }
}

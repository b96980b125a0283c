internal import Framing
package import LineModel
package import LinkLayer
internal import Runtime

/// What a run is made of; a seed can draw all of it.
package struct LinkScenario: CustomStringConvertible, Sendable {
  package var line = LineConfiguration()
  package var seed: UInt64 = 1
  package var isHalfDuplex = false
  package var mtu = 1024
  /// Frames that fit the memory of each end; with 1 neither works with a window.
  package var window = 4
  package var usesCorrection = true
  package var byteCount = 20_000
  /// The line is dead in these spans of time, in nanoseconds.
  package var cuts: [Range<UInt64>] = []

  package init() {}

  /// Draws rate, latency, faults and sizes: harsh, but a line on which something gets through.
  package init(drawnFrom seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    self.seed = seed
    line.baudRate = [9600, 57_600, 115_200, 921_600].randomElement(using: &generator) ?? 115_200
    line.latencyNanoseconds = [0, 1_000_000, 16_000_000].randomElement(using: &generator) ?? 0
    line.jitterNanoseconds = Bool.random(using: &generator) ? 0 : 2_000_000
    if Bool.random(using: &generator) { line.batch = .init() }
    let rates = [0, 1e-6, 1e-5, 1e-4, 1e-3]
    line.bitErrorRate = rates.randomElement(using: &generator) ?? 0
    line.dropRate = rates.dropLast().randomElement(using: &generator) ?? 0
    line.insertRate = rates.dropLast().randomElement(using: &generator) ?? 0
    line.duplicateRate = rates.dropLast().randomElement(using: &generator) ?? 0
    if Int.random(in: 0..<3, using: &generator) == 0 {
      line.burst = .init(rate: 3e-4, meanByteCount: Double.random(in: 1...40, using: &generator))
    }
    mtu = [32, 64, 255, 256, 1024, 4096].randomElement(using: &generator) ?? 64
    byteCount = Int.random(in: 1...6_000, using: &generator)
    if Bool.random(using: &generator) {
      let start = UInt64.random(in: 0..<2_000_000_000, using: &generator)
      cuts = [start..<start + UInt64.random(in: 1..<3_000_000_000, using: &generator)]
    }
    // What is new is drawn last, and leaves the rest of a seed as it was.
    window = Bool.random(using: &generator) ? 1 : Int.random(in: 2...32, using: &generator)
    usesCorrection = Bool.random(using: &generator)
    // With a window both ends speak at once, which such a line does not bear.
    isHalfDuplex = window == 1 && Bool.random(using: &generator)
  }

  package var description: String {
    """
    seed \(seed): \(line.baudRate) baud\(isHalfDuplex ? ", half duplex" : ""), MTU \(mtu), \
    window \(window), error correction \(usesCorrection ? "on" : "off"), \(byteCount) bytes, \(line), \
    cuts \(cuts)
    """
  }

  /// The lines, one each way, with faults of their own.
  package func lines() throws(LineConfigurationError) -> (LineDirection, LineDirection) {
    var there = try LineDirection(line, seed: seed)
    var back = try LineDirection(line, seed: ~seed)
    for cut in cuts {
      there.cut(during: cut)
      back.cut(during: cut)
    }
    return (there, back)
  }

  /// The bytes that go over the line.
  package var payload: [UInt8] {
    var generator = SeededGenerator(seed: seed ^ 0x5DEECE66D)
    return (0..<byteCount).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
  }

  /// An idle link of this line; each `life` of an end has a nonce of its own.
  package func link(_ role: LinkRole, life: UInt64 = 0, silenceLimit: Interval = .seconds(30))
    -> Link
  {
    let nonce = (life &* 1_000_003 &+ seed) &* 2 &+ UInt64(role.rawValue)
    var configuration = LinkConfiguration(
      role: role, nonce: UInt32(truncatingIfNeeded: nonce), baudRate: line.baudRate)
    configuration.openLimit = .seconds(30)
    configuration.silenceLimit = silenceLimit
    configuration.usesWindow = window > 1
    configuration.usesCorrection = usesCorrection
    // Beside each block of 16 bytes there is a mark of two where it is sent, of a bit where received.
    let blockCount = max(window * mtu / 16, 2)
    return Link(
      configuration, frameStorage: ByteStorage(byteCount: mtu),
      sendStorage: ByteStorage(byteCount: min(blockCount, 4096) * 18),
      receiveStorage: ByteStorage(byteCount: blockCount * 16 + (blockCount + 7) / 8))
  }
}

/// One link sends bytes to the other; checks after every step that what arrived is what was sent.
package struct LinkRun {
  package var delivered: [UInt8] = []
  package var isPrefixOfSent = true
  package var closed: CloseReason?
  package var sent = 0
  /// When the last byte was acknowledged, in nanoseconds; nil if it was not.
  package var end: UInt64?
  package var senderStatistics: LinkStatistics

  /// Runs a scenario until everything is acknowledged, a link closes, or virtual time is up.
  package init(_ scenario: LinkScenario, until limit: UInt64 = 600_000_000_000) throws {
    let payload = scenario.payload
    let (there, back) = try scenario.lines()
    var sender = scenario.link(.initiator)
    var receiver = scenario.link(.responder)
    receiver.listen()
    sender.open(at: Instant(microseconds: 0))
    var simulation = Simulation(sender, receiver, aToB: there, bToA: back)
    simulation.isHalfDuplex = scenario.isHalfDuplex
    var delivered: [UInt8] = []
    var isPrefix = true
    var sent = 0
    var closed: CloseReason?
    let timedOut = simulation.run(until: limit) { sender, receiver, _ in
      while let event = sender.nextEvent() {
        if case .closed(let reason) = event { closed = reason }
      }
      while let event = receiver.nextEvent() {
        if case .opened = event { delivered = [] }
      }
      if sender.isEstablished, sent < payload.count {
        sent += sender.write(payload.span.extracting(sent..<payload.count))
        if sent == payload.count { sender.flush() }
      }
      let new = [UInt8](capacity: receiver.readableByteCount) { _ = receiver.read(into: &$0) }
      if !new.isEmpty {
        let end = delivered.count + new.count
        isPrefix =
          isPrefix && end <= payload.count && new[...] == payload[delivered.count..<end]
        delivered += new
      }
      return closed == nil && !(sent == payload.count && sender.isDrained)
    }
    self.delivered = delivered
    isPrefixOfSent = isPrefix
    self.closed = closed
    self.sent = sent
    end = timedOut ? nil : simulation.now
    senderStatistics = simulation.a.statistics
  }

  /// The share of the line's rate that went to payload.
  package func goodput(_ scenario: LinkScenario) -> Double {
    guard let end else { return 0 }
    let ideal = Double(delivered.count) * 10 / Double(scenario.line.baudRate)
    return ideal / (Double(end) / 1e9)
  }
}

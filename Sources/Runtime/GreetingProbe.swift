package import LinkLayer
internal import Transfer

/// Asks whether anybody at the other end speaks the protocol, and begins nothing: a HELLO is answered
/// by WELCOME, and a session opens only with the frame behind that (Protocol.md §4.1), which is never
/// sent here.
package struct GreetingProbe: ~Copyable, TransferMachine {
  private var link: Link
  /// What the peer said of itself; nil until it has answered.
  package private(set) var peer: PeerLimits?
  /// Why there is no answer, once it is known that there will be none.
  package private(set) var failure: CloseReason?

  /// Greets for `limit` from now on.
  package init(baudRate: UInt32, limit: Interval, at now: Instant) {
    var configuration = LinkConfiguration(
      role: .initiator, nonce: .random(in: 0 ... .max), baudRate: baudRate)
    configuration.openLimit = limit
    link = HostLink.make(configuration)
    link.open(at: now)
  }

  package var isFinished: Bool { peer != nil || failure != nil }
  package var deadline: Instant? { link.deadline }
  package var baudRate: UInt32 { link.baudRate }
  package var transmitByteCountLimit: Int { link.transmitByteCountLimit }
  package var failedBaudRate: UInt32 { .max }
  package var statistics: LinkStatistics { link.statistics }

  package mutating func receive(_ bytes: Span<UInt8>, at now: Instant) {
    link.receive(bytes, at: now)
    takeEvents()
  }

  package mutating func expireTimers(at now: Instant) {
    link.expireTimers(at: now)
    takeEvents()
  }

  package mutating func transmit(into output: inout OutputSpan<UInt8>, at now: Instant) -> Bool {
    // What the link has to say from then on would open the session.
    isFinished ? false : link.transmit(into: &output, at: now)
  }

  /// There is nothing that the peer would have to be told.
  package mutating func abort() {
    failure = failure ?? .local(.aborted)
  }

  private mutating func takeEvents() {
    while let event = link.nextEvent() {
      switch event {
      case .opened(let limits): peer = limits
      case .closed(let reason): failure = reason
      case .interrupted, .resumed, .readable, .drained: break
      }
    }
  }
}

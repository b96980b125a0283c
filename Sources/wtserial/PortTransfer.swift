import LinkLayer
import Runtime
import SerialDriver
import Streaming

/// A session over one port, of which this end is the initiator.
struct PortTransfer: Sendable {
  let line: PortOptions
  let link: LinkOptions
  var reset: ResetChoice?
  /// Seconds to look for a receiver.
  let timeout: Int

  /// Opens the port and runs a session over it.
  ///
  /// `began` is told the rate at which a receiver is looked for; `body` makes itself an idle link for each session.
  ///
  /// - Throws: what `body` and opening the port throw.
  func connect<Result>(
    over port: String, _ signals: consuming SignalWatcher, _ console: Console,
    mtu: Int = HostLink.mtu, began: (UInt32) -> Void,
    _ body: (() -> Link, inout TransferLoop) throws -> Result,
    failedBaudRate: () -> UInt32 = { .max }
  ) throws -> Result {
    let opened = try line.opener(for: port).open(signals: signals) { console.tell($0) }
    line.noteFlowControl(of: opened.port, console)
    if let reset { try opened.port.perform(reset.sequence, signals: signals) }
    var configuration = LinkConfiguration(
      role: .initiator, nonce: .random(in: 0 ... .max), baudRate: opened.port.baudRate)
    configuration.openLimit = .seconds(Int64(timeout))
    let memory = opened.port.rateMemory
    link.configure(&configuration)
    configuration.rates = try line.rates(of: opened.port, memory, console)
    began(opened.port.baudRate)
    var loop = TransferLoop(port: FollowedPort(opened), signals: signals)
    defer {
      if failedBaudRate() < .max { memory.note(failedBaudRate: failedBaudRate()) }
    }
    let makeLink = {
      configuration.nonce = .random(in: 0 ... .max)
      return HostLink.make(configuration, mtu: mtu)
    }
    return try body(makeLink, &loop)
  }

  /// Opens the port and sends a model; tells the result, and returns it.
  ///
  /// - Throws: `SessionFailure`, and what opening the port throws.
  @discardableResult
  func run(
    _ session: SendSession, of model: String, over port: String,
    _ signals: consuming SignalWatcher, _ console: Console
  ) throws -> TransferResult {
    try connect(
      over: port, signals, console,
      began: { console.began(model: model, baudRate: $0, timeout: timeout) }
    ) { makeLink, loop in
      try run(session, over: makeLink(), &loop, console)
    } failedBaudRate: {
      session.failedBaudRate
    }
  }

  /// Sends a model over an open port; tells the result, and returns it.
  ///
  /// - Throws: `SessionFailure`.
  func run(
    _ session: SendSession, over link: consuming Link, _ loop: inout TransferLoop,
    _ console: Console
  ) throws -> TransferResult {
    do {
      let result = try session.run(over: link, &loop)
      console.sent(result)
      return result
    } catch {
      var failure = SessionFailure(
        error, session.statistics, line: line, timeout: timeout, verb: .send)
      failure.offered = session.plan.manifest
      failure.soundsLikeTelnet = loop.soundsLikeTelnet
      failure.isResumable = session.plan.manifest.terms.identity != nil
      throw failure
    }
  }

  /// Opens the port and asks the receiver there; returns what it says.
  ///
  /// - Throws: `SessionFailure`, and what opening the port throws.
  func ask(_ query: QuerySession.Query, over port: String, _ console: Console) throws
    -> QuerySession.Answer
  {
    let session = QuerySession(query) { console.tell($0) }
    return try connect(
      over: port, SignalWatcher(), console,
      began: { console.asking(baudRate: $0, timeout: timeout) }
    ) { makeLink, loop in
      do {
        return try session.run(over: makeLink(), &loop)
      } catch let refusal as QuerySession.Refusal {
        throw Failure(refusal, console.place)
      } catch {
        var failure = SessionFailure(
          error, session.statistics, line: line, timeout: timeout, verb: .inspect)
        failure.soundsLikeTelnet = loop.soundsLikeTelnet
        throw failure
      }
    }
  }
}

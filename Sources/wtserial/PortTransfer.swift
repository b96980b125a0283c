import LinkLayer
import Runtime
import SerialDriver
import Streaming

/// Sends a model over one port.
struct PortTransfer: Sendable {
  let line: PortOptions
  let link: LinkOptions
  let reset: ResetChoice?
  /// Seconds to look for a receiver.
  let timeout: Int

  /// Opens the port and runs the session; tells the result, and returns it.
  ///
  /// - Throws: `SessionFailure`, and what opening the port throws.
  @discardableResult
  func run(
    _ session: SendSession, of model: String, over port: String,
    _ signals: consuming SignalWatcher, _ console: Console
  ) throws -> TransferResult {
    let opened = try line.opener(for: port).open(signals: signals) { console.tell($0) }
    line.noteFlowControl(of: opened.port, console)
    if let reset { try opened.port.perform(reset.sequence, signals: signals) }
    var configuration = LinkConfiguration(
      role: .initiator, nonce: .random(in: 0 ... .max), baudRate: opened.port.baudRate)
    configuration.openLimit = .seconds(Int64(timeout))
    let memory = opened.port.rateMemory
    link.configure(&configuration)
    configuration.rates = try line.rates(of: opened.port, memory, console)
    console.began(model: model, baudRate: opened.port.baudRate, timeout: timeout)
    var loop = TransferLoop(port: FollowedPort(opened), signals: signals)
    defer {
      if session.failedBaudRate < .max { memory.note(failedBaudRate: session.failedBaudRate) }
    }
    do {
      let result = try session.run(over: HostLink.make(configuration), &loop)
      console.sent(result)
      return result
    } catch {
      var failure = SessionFailure(
        error, session.statistics, line: line, timeout: timeout, verb: .send)
      failure.offered = session.plan.manifest
      throw failure
    }
  }
}

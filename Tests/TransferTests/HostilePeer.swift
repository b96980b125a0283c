import LineModel
import LinkLayer
import LinkSimulator
import Runtime
import Streaming
import Transfer

/// A peer with a sound link that says whatever bytes a test gives it, over a perfect line.
enum HostilePeer {
  /// What a receiver does with a stream from its sender.
  static func send(_ stream: [UInt8], refusal: ReceiverFailure? = nil) throws -> ReceivingEnd {
    let (scenario, there, back) = try line()
    let info = ReceiverInfo(compressions: [.none], byteCountLimit: nil, name: [])
    var peer = scenario.link(.initiator)
    peer.open(at: Instant(microseconds: 0))
    var simulation = Simulation(
      peer, ReceiveTransfer(link: scenario.link(.responder), info: info), aToB: there, bToA: back)
    var end = ReceivingEnd()
    end.refusal = refusal
    var written = 0
    _ = simulation.run(until: 20_000_000_000) { peer, machine, _ in
      end.respond(&machine)
      speak(stream, &written, over: &peer)
      return !machine.isFinished
    }
    return end
  }

  /// What a sender of a model does with a stream from its receiver, of which `verdict` is said once
  /// the whole model has been fed.
  static func answer(
    _ stream: [UInt8], then verdict: [UInt8] = [], to model: SampleModel
  ) throws -> SendingEnd {
    let (scenario, there, back) = try line()
    var peer = scenario.link(.responder)
    peer.listen()
    var simulation = Simulation(
      SendTransfer(link: scenario.link(.initiator), at: Instant(microseconds: 0)), peer,
      aToB: there, bToA: back)
    var end = SendingEnd(model)
    var written = 0
    _ = simulation.run(until: 20_000_000_000) { machine, peer, _ in
      end.respond(&machine)
      let isFed = end.fedCount == model.pieces.count
      speak(isFed ? stream + verdict : stream, &written, over: &peer)
      return !machine.isFinished
    }
    return end
  }

  private static func line() throws -> (LinkScenario, LineDirection, LineDirection) {
    var scenario = LinkScenario()
    scenario.line.baudRate = 0
    let (there, back) = try scenario.lines()
    return (scenario, there, back)
  }

  /// Says the stream a piece at a time, and hears everything without heeding it.
  private static func speak(_ stream: [UInt8], _ written: inout Int, over link: inout Link) {
    while link.nextEvent() != nil {}
    let count = link.readableByteCount
    if count > 0 { _ = [UInt8](capacity: count) { _ = link.read(into: &$0) } }
    guard link.isEstablished, written < stream.count else { return }
    written += link.write(stream.span.extracting(written..<stream.count))
    link.flush()
  }
}

extension SampleModel {
  /// Everything that its sender says.
  var stream: [UInt8] {
    var stream = manifest.encoded()
    for piece in pieces {
      switch piece {
      case .begin(let unit): Record.append(.unit, body: unit.encoded(), to: &stream)
      case .content(let bytes): Record.append(.content, body: bytes, to: &stream)
      case .end(let digest): Record.append(.digest, body: digest.bytes, to: &stream)
      case .coded(let bytes): Record.append(.coded, body: bytes, to: &stream)
      case .milestone(let milestone):
        Record.append(.milestone, body: milestone.encoded(), to: &stream)
      case .finish(let digest): Record.append(.finish, body: digest.bytes, to: &stream)
      }
    }
    return stream
  }
}

func record(_ kind: RecordKind, _ body: [UInt8] = []) -> [UInt8] {
  var stream: [UInt8] = []
  Record.append(kind, body: body, to: &stream)
  return stream
}

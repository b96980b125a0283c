import Framing
import LineModel
import LinkLayer
import LinkSimulator
import Streaming
import Testing
import Transfer

/// A peer that speaks the link well and the records badly ends the session, and nothing else.
struct HostileStreamTests {
  /// Feeds `stream` to a receiver through a sound link, and returns how the receiver ended.
  private func outcome(of stream: [UInt8]) throws -> TransferOutcome? {
    let scenario = LinkScenario()
    let (there, back) = try scenario.lines()
    let info = ReceiverInfo(compressions: [.none], byteCountLimit: nil, name: [])
    var link = scenario.link(.initiator)
    link.open(at: Instant(microseconds: 0))
    var simulation = Simulation(
      link, ReceiveTransfer(link: scenario.link(.responder), info: info), aToB: there, bToA: back)
    var written = 0
    var outcome: TransferOutcome?
    _ = simulation.run(until: 60_000_000_000) { link, machine, _ in
      while link.nextEvent() != nil {}
      // What the receiver answers is read, so that its stream never stalls.
      _ = [UInt8](capacity: max(link.readableByteCount, 1)) { _ = link.read(into: &$0) }
      if written < stream.count {
        written += link.write(stream.span.extracting(written..<stream.count))
        link.flush()
      }
      while let event = machine.nextEvent() {
        switch event {
        case .offered: machine.accept()
        case .content: machine.takeContent { _ in }
        case .finished(let digest): machine.confirm(digest)
        case .ended(let end): outcome = end
        case .connected, .unitBegan, .unitEnded: break
        }
      }
      return outcome == nil
    }
    return outcome
  }

  private func isBroken(_ outcome: TransferOutcome?) -> Bool {
    if case .brokenStream = outcome { true } else { false }
  }

  @Test func contentBeforeAnOfferIsBroken() throws {
    #expect(isBroken(try outcome(of: [4, 1, 0])))
  }

  @Test func aRecordOfTheReceiverIsBroken() throws {
    #expect(isBroken(try outcome(of: [66, 0])))
  }

  @Test func aRecordLongerThanAllowedIsBroken() throws {
    #expect(isBroken(try outcome(of: [1, 0xFF, 0xFF, 0x7F])))
  }

  @Test func aContentOfATensorThatIsNotThereIsBroken() throws {
    let manifest = try SampleModel(seed: 1).manifest
    #expect(isBroken(try outcome(of: manifest.encoded() + [3, 4, 99, 0, 0, 0])))
    // The second tensor is empty, the last one shared: neither has content.
    #expect(isBroken(try outcome(of: manifest.encoded() + [3, 4, 1, 0, 0, 0])))
    #expect(isBroken(try outcome(of: manifest.encoded() + [3, 4, 4, 0, 0, 0])))
    // Bytes are not quantized.
    #expect(isBroken(try outcome(of: manifest.encoded() + [3, 4, 0, 1, 8, 0])))
  }

  @Test(arguments: 0..<150 as Range<UInt64>)
  func noStreamOfRecordsTraps(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    var stream = try SampleModel(seed: seed % 5).manifest.encoded()
    stream += [3, 4, 0, 0, 0, 0, 4, 1, 7]
    for _ in 0..<Int.random(in: 0...4, using: &generator) {
      let index = Int.random(in: 0..<stream.count, using: &generator)
      stream[index] = UInt8(truncatingIfNeeded: generator.next())
    }
    stream += (0..<40).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
    // Ended by a rule that it broke, or waiting for more: never anything else.
    let outcome = try outcome(of: stream)
    switch outcome {
    case nil, .brokenStream, .completed: break
    case .linkClosed, .receiverFailed: Issue.record("\(String(describing: outcome))")
    }
  }
}

import LineModel
import LinkLayer
import LinkSimulator
import Streaming
import Testing
import Transfer

/// Records under a valid link that say what they should not.
struct HostilePeerTests {
  private let model = SampleModel(drawnFrom: 5, isCoded: false)
  private let coded = SampleModel(drawnFrom: 5, isCoded: true)
  private let info = record(.info, [1, 3, 0, 0])

  @Test func soundStreamsAreTaken() throws {
    for model in [model, coded] {
      let receiver = try HostilePeer.send(model.stream)
      #expect(receiver.outcomes == [.completed])
      #expect(receiver.isSound)
      let sender = try HostilePeer.answer(
        info + record(.accept), then: record(.verified, model.digest.bytes), to: model)
      #expect(sender.outcomes == [.completed])
      #expect(sender.verified == model.digest)
    }
  }

  @Test func verdictBeforeTheModelBreaksTheStream() throws {
    let verdict = record(.verified, model.digest.bytes)
    let sender = try HostilePeer.answer(info + record(.accept) + verdict, to: model)
    #expect(sender.outcomes == [.brokenStream(.unexpected(.verified))])
  }

  @Test func nothingBehindTheVerdictMatters() throws {
    let verdict = record(.verified, model.digest.bytes)
    for tail in [verdict, record(.failed, [1]), [0xFF]] {
      let sender = try HostilePeer.answer(
        info + record(.accept), then: verdict + tail, to: model)
      #expect(sender.outcomes == [.completed])
    }
  }

  @Test func recordsOutOfTurnBreakTheStreamOfASender() throws {
    let offer = model.manifest.encoded()
    let digest = record(.digest, model.digest.bytes)
    let open = try #require(
      model.pieces.lazy.compactMap { piece in
        if case .begin(let unit) = piece { unit } else { nil }
      }.first)
    let unit = record(.unit, open.encoded())
    let index = UInt8(open.tensorIndex)
    let planes = coded.manifest.encoded()
    let streams: [([UInt8], RecordError)] = [
      (unit, .unexpected(.unit)), (record(.content, [1]), .unexpected(.content)),
      (digest, .unexpected(.digest)), (record(.finish, model.digest.bytes), .unexpected(.finish)),
      (record(.info, [1, 3, 0, 0]), .unexpected(.info)),
      // Planes of a model that has none, and inside of a content.
      (offer + record(.coded, [1]), .unexpected(.coded)),
      (offer + unit + record(.coded, [1]), .unexpected(.coded)),
      (offer + unit + record(.milestone, [65, 255]), .unexpected(.milestone)),
      (record(.milestone, [65, 255]), .unexpected(.milestone)),
      (planes + record(.content, [1]), .unexpected(.content)),
      (planes + record(.milestone, [66, 255]), .unknownKind(66)),
      (planes + record(.milestone, [65]), .truncated),
      (offer + offer, .unexpected(.offer)), (offer + digest, .unexpected(.digest)),
      (offer + unit + unit, .unexpected(.unit)),
      (offer + unit + record(.finish, model.digest.bytes), .unexpected(.finish)),
      (offer + unit + record(.digest, [1, 2]), .badDigest),
      (offer + record(.finish, []), .badDigest),
      (offer + record(.unit, [0x7F, 0, 0, 0]), .badIndex(127)),
      (offer + record(.unit, [index, 1, 9, 0]), .unknownRepresentation(1, 9)),
      ([1, 0xFF, 0xFF, 0x7F], .tooLong(kind: 1, byteCount: 0x1F_FFFF)),
      (offer + [0xFF], .unknownKind(0xFF)), (offer + record(.accept), .unexpected(.accept)),
    ]
    for (stream, error) in streams {
      let end = try HostilePeer.send(stream)
      #expect(end.outcomes == [.brokenStream(error)])
      #expect(end.isSound)
    }
  }

  @Test func recordsOutOfTurnBreakTheStreamOfAReceiver() throws {
    let streams: [([UInt8], RecordError)] = [
      (record(.accept), .unexpected(.accept)), (info + info, .unexpected(.info)),
      (record(.verified, model.digest.bytes), .unexpected(.verified)),
      (info + record(.accept) + record(.accept), .unexpected(.accept)),
      (record(.content, [1]), .unexpected(.content)), (record(.offer), .unexpected(.offer)),
      ([0], .unknownKind(0)), (record(.info, [1]), .truncated),
      (record(.failed), .truncated),
    ]
    for (stream, error) in streams {
      #expect(try HostilePeer.answer(stream, to: model).outcomes == [.brokenStream(error)])
    }
  }

  @Test func failureIsTakenAtAnyTime() throws {
    let failure = ReceiverFailure(.noSpace, text: Array("full".utf8))
    let said = record(.failed, [1] + failure.text)
    for stream in [said, info + said, info + record(.accept) + said + said] {
      #expect(try HostilePeer.answer(stream, to: model).outcomes == [.receiverFailed(failure)])
    }
  }

  @Test func planesThatAreNoneAreRefused() throws {
    let offer = coded.manifest.encoded()
    let failed = TransferOutcome.receiverFailed(ReceiverFailure(.badStream, text: []))
    let end = record(.milestone, [65, 255])
    for bytes in [[0], [0xFF, 0xFF, 0xFF, 0xFF, 0xFF], [UInt8](repeating: 0, count: 100)] {
      let end = try HostilePeer.send(offer + record(.coded, bytes) + end)
      #expect(end.outcomes == [failed])
      #expect(end.milestones.isEmpty)
    }
  }

  /// A sound stream with bytes changed, taken out or put in.
  @Test(arguments: 0..<100 as Range<UInt64>)
  func damagedStreamsOfASenderNeverTrap(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    let model = SampleModel(drawnFrom: seed % 10)
    let end = try HostilePeer.send(damaged(model.stream, &generator))
    #expect(end.outcomes.count <= 1)
    if end.outcomes == [.completed] { #expect(end.isSound) }
  }

  @Test(arguments: 0..<100 as Range<UInt64>)
  func damagedStreamsOfAReceiverNeverTrap(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    let answers = [info, record(.accept), record(.failed, [2, 65]), record(.verified, [1])]
    var stream = info
    for _ in 0..<3 { stream += answers.randomElement(using: &generator) ?? [] }
    let end = try HostilePeer.answer(damaged(stream, &generator), to: model)
    #expect(end.outcomes.count <= 1)
    #expect(end.outcomes != [.completed])
  }

  private func damaged(_ stream: [UInt8], _ generator: inout SeededGenerator) -> [UInt8] {
    var stream = stream
    for _ in 0..<Int.random(in: 1...3, using: &generator) where !stream.isEmpty {
      // The beginning has the numbers that sizes and counts follow from.
      let limit = Bool.random(using: &generator) ? min(stream.count, 60) : stream.count
      let offset = Int.random(in: 0..<limit, using: &generator)
      switch Int.random(in: 0..<4, using: &generator) {
      case 0: stream.remove(at: offset)
      case 1: stream.insert(UInt8(generator.next() >> 56), at: offset)
      case 2: stream[offset] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
      default: stream.removeLast(Int.random(in: 0..<stream.count, using: &generator))
      }
    }
    return stream
  }
}

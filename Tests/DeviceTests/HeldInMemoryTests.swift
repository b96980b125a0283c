import Checkpoints
import Device
import Streaming
import Tensors
import Testing
import Transfer

@testable import Runtime

/// What a device in memory alone does with the model that it holds.
struct HeldInMemoryTests {
  private let model: Checkpoint
  private let other: Checkpoint
  private let image: TestMemory<UInt8>
  private let states = TestMemory(TensorState(), count: 3)
  private let digest: [UInt8]

  /// A model is there, as another device has received it.
  init() throws {
    (model, other) = (try SmallModel(.f32).checkpoint, try SmallModel(.f32, seed: 2).checkpoint)
    let bytes = try DeviceImage(model).bytes
    image = TestMemory(0, count: bytes.count)
    for place in bytes.indices { image.lent[place] = bytes[place] }
    let flash = TestFlash(pageByteCount: 256, pageCount: 12)
    let table = CheckpointTable(model)
    let run = try DeviceRun(model, FlashStore(TestFlashPort(flash), table, states: states.lent))
    #expect(run.ending == .completed)
    let store = FlashStore(TestFlashPort(flash), table, states: states.lent)
    let held = store.model
    let found = try #require(held)
    digest = (0..<32).map {
      UInt8(truncatingIfNeeded: found.digest.words[$0 / 4] >> UInt32(24 - 8 * ($0 % 4)))
    }
    committed = found
  }

  private let committed: CommittedModel

  private func talk(_ next: ([RecordTalk.Answer]) -> [UInt8]?) throws -> RecordTalk {
    var store = HeldMemoryStore(image: image.lent, states: states.lent)
    _ = store.commit(committed)
    return try RecordTalk(model, store, next)
  }

  @Test func theModelInUseIsTold() throws {
    let talk = try talk { $0.count == 1 ? RecordTalk.record(12) : nil }
    let info = try ReceiverInfo(parsing: talk.answers[0].body)
    #expect(info.held.map(\.bytes) == [digest])
    #expect(info.abilities.rawValue == 0x52)
    #expect(talk.answers[1].body[2...].starts(with: [1, 3] + digest))
  }

  @Test func theModelInUseNeedNotCome() throws {
    let same = try talk { $0.count == 1 ? RecordTalk.record(11, digest) : [] }
    #expect(same.isUnchanged)
    #expect(same.answers[1] == RecordTalk.Answer(kind: 66, body: digest))
    let wrong = [UInt8](repeating: 1, count: 32)
    let another = try talk { $0.count == 1 ? RecordTalk.record(11, wrong) : [] }
    #expect(another.answers[1] == RecordTalk.Answer(kind: 67, body: [2]))
  }

  @Test func tensorsStayWhereTheyAre() throws {
    let before = image.array
    let fetched = try talk { answers in
      switch answers.count {
      case 1: RecordTalk.record(15, [UInt8](repeating: 0, count: 33))
      case 5: RecordTalk.record(65)
      default: answers.last?.kind == 6 ? RecordTalk.record(66, answers.last?.body ?? []) : []
      }
    }
    let large = fetched.answers.filter { $0.kind == 4 }[1].body
    let stream = try ModelRecords(other).stream(flags: 3, base: digest, keeping: [1: large])
    let kept = try talk { answers in
      answers.count == 1
        ? stream.manifest + RecordTalk.record(10, [4]) : answers.count == 2 ? stream.contents : []
    }
    #expect(kept.answers.last?.kind == 66)
    let new = try DeviceImage(other).bytes
    #expect(image.array == Array(new.prefix(8) + before[8..<608] + new.dropFirst(608)))
  }

  @Test func thereIsNothingToChangeTo() throws {
    for record in [RecordTalk.record(13, digest), RecordTalk.record(14)] {
      let talk = try talk { $0.count == 1 ? record : [] }
      #expect(talk.answers[1] == RecordTalk.Answer(kind: 67, body: [5]))
    }
  }
}

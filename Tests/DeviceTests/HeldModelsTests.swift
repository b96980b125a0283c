import Checkpoints
import Device
import LineModel
import Streaming
import Tensors
import Testing
import Transfer

@testable import Runtime

/// What a device does with the models that it holds: lists them, changes between them, keeps their tensors,
/// gives them back (Protocol.md §5.10, §5.12, §5.13).
struct HeldModelsTests {
  private let models: [Checkpoint]
  private let images: [[UInt8]]
  private let modelByteCount = 30 * 20 * 4 + 30 * 4 + 8

  init() throws {
    models = try (1...2).map { try SmallModel(.f32, seed: $0).checkpoint }
    images = try models.map { try DeviceImage($0).bytes }
  }

  private func send(_ model: Checkpoint, to flash: TestFlash, _ kind: FlashKind) throws {
    let run = try flash.take(model, kind)
    #expect(run.ending == .completed)
  }

  /// Talks with a device.
  @discardableResult
  private func talk(
    _ flash: TestFlash, _ kind: FlashKind, _ next: ([RecordTalk.Answer]) -> [UInt8]?
  ) throws -> RecordTalk {
    try flash.withStore(
      kind, like: models[0], { try RecordTalk(models[0], $0, next) },
      { try RecordTalk(models[0], $0, next) })
  }

  private func image(in flash: TestFlash, _ kind: FlashKind) -> [UInt8]? {
    flash.image(kind, like: models[0])
  }

  private func info(_ flash: TestFlash, _ kind: FlashKind) throws -> ReceiverInfo {
    let talk = try talk(flash, kind) { _ in nil }
    return try ReceiverInfo(parsing: talk.answers[0].body)
  }

  // MARK: - INFO and LIST

  @Test(arguments: FlashKind.allCases) func infoTellsWhatIsHeld(kind: FlashKind) throws {
    let flash = TestFlash.small()
    #expect(try info(flash, kind).held.isEmpty)
    #expect(try info(flash, kind).abilities.rawValue == 0x7B)
    try send(models[0], to: flash, kind)
    let first = try info(flash, kind).held
    #expect(first.count == 1)
    try send(models[1], to: flash, kind)
    let both = try info(flash, kind).held
    // The one in use first.
    #expect(both.count == 2)
    #expect(both[1] == first[0])
    #expect(both[0] != first[0])
  }

  @Test(arguments: FlashKind.allCases) func listingTellsOfEachSlot(kind: FlashKind) throws {
    let flash = TestFlash.small()
    try send(models[0], to: flash, kind)
    let digest = try info(flash, kind).held[0].bytes
    let talk = try talk(flash, kind) { $0.count == 1 ? RecordTalk.record(12) : nil }
    let size = [UInt8(modelByteCount & 0x7F) | 0x80, UInt8(modelByteCount >> 7)]
    let inUse: [UInt8] = [3] + digest + size + [3, 7, 5] + Array("model".utf8)
    #expect(talk.answers[1] == RecordTalk.Answer(kind: 70, body: size + [2] + inUse + [0]))
  }

  // MARK: - ACTIVATE and ROLLBACK

  @Test(arguments: FlashKind.allCases) func modelsAreChangedToAndFro(kind: FlashKind) throws {
    let flash = TestFlash.small()
    try send(models[0], to: flash, kind)
    try send(models[1], to: flash, kind)
    let held = try info(flash, kind).held
    // The newer one is in use. Eight times it can be made that, the first time by its transfer.
    for _ in 0..<7 {
      let back = try talk(flash, kind) { $0.count == 1 ? RecordTalk.record(14) : [] }
      #expect(back.isSwitched)
      #expect(back.answers[1] == RecordTalk.Answer(kind: 66, body: held[1].bytes))
      #expect(image(in: flash, kind) == images[0])
      #expect(try info(flash, kind).held == [held[1], held[0]])
      let forth = try talk(flash, kind) {
        $0.count == 1 ? RecordTalk.record(13, held[0].bytes) : []
      }
      #expect(forth.answers[1] == RecordTalk.Answer(kind: 66, body: held[0].bytes))
      #expect(image(in: flash, kind) == images[1])
    }
    try talk(flash, kind) { $0.count == 1 ? RecordTalk.record(13, held[1].bytes) : [] }
    #expect(image(in: flash, kind) == images[0])
    let last = try talk(flash, kind) {
      $0.count == 1 ? RecordTalk.record(13, held[0].bytes) : []
    }
    #expect(last.answers[1] == RecordTalk.Answer(kind: 67, body: [2]))
    #expect(image(in: flash, kind) == images[0])
  }

  @Test(arguments: FlashKind.allCases) func whatIsNotThereIsNotActivated(kind: FlashKind) throws {
    let flash = TestFlash.small()
    try send(models[0], to: flash, kind)
    for record in [RecordTalk.record(14), RecordTalk.record(13, [UInt8](repeating: 7, count: 32))] {
      let talk = try talk(flash, kind) { $0.count == 1 ? record : [] }
      #expect(talk.answers[1] == RecordTalk.Answer(kind: 67, body: [2]))
      #expect(image(in: flash, kind) == images[0])
    }
  }

  /// A power cut in the write that changes models leaves the one or the other.
  @Test(arguments: FlashKind.allCases) func aCutWhileModelsAreChanged(kind: FlashKind) throws {
    let flash = TestFlash.small()
    try send(models[0], to: flash, kind)
    try send(models[1], to: flash, kind)
    let before = TestFlash(flash)
    flash.forgetLog()
    try talk(flash, kind) { $0.count == 1 ? RecordTalk.record(14) : [] }
    #expect(flash.log.count == 1)
    var generator = SeededGenerator(seed: 8)
    for _ in 0..<20 {
      let cut = TestFlash(before)
      cut.applyPart(of: flash.log[0], &generator)
      let found = image(in: cut, kind)
      #expect(found == images[0] || found == images[1])
    }
  }

  @Test(arguments: FlashKind.allCases) func aModelMayWaitToBeUsed(kind: FlashKind) throws {
    let flash = TestFlash.small()
    try send(models[0], to: flash, kind)
    // What a sender says, with the flag that the model stays inactive.
    let stream = try ModelRecords(models[1]).stream(flags: 8)
    let talk = try talk(flash, kind) { answers in
      answers.count == 1 ? stream.manifest : answers.count == 2 ? stream.contents : []
    }
    #expect(talk.isStored)
    #expect(talk.answers.last?.kind == 66)
    #expect(image(in: flash, kind) == images[0])
    let held = try info(flash, kind).held
    #expect(held.count == 2)
    #expect(talk.answers.last?.body == held[1].bytes)
    try self.talk(flash, kind) { $0.count == 1 ? RecordTalk.record(13, held[1].bytes) : [] }
    #expect(image(in: flash, kind) == images[1])
    try self.talk(flash, kind) { $0.count == 1 ? RecordTalk.record(14) : [] }
    #expect(image(in: flash, kind) == images[0])
  }

  /// None is in use while one waits: the first digest says so, and a sender has it used.
  @Test(arguments: FlashKind.allCases) func aModelMayWaitWhereNoneIsInUse(kind: FlashKind) throws {
    let flash = TestFlash.small()
    let stream = try ModelRecords(models[1]).stream(flags: 8)
    let talk = try talk(flash, kind) { answers in
      answers.count == 1 ? stream.manifest : answers.count == 2 ? stream.contents : []
    }
    #expect(talk.isStored)
    let info = try info(flash, kind)
    #expect(info.inUse == nil)
    #expect(info.held.map(\.bytes) == [Digest.none.bytes, talk.answers.last?.body])
    let run = try flash.take(models[1], kind)
    #expect(run.ending == .completed)
    #expect(run.byteCount < 300)
    #expect(image(in: flash, kind) == images[1])
  }

  // MARK: - A check of the device's own

  @Test(arguments: FlashKind.allCases) func aRejectedModelGivesWay(kind: FlashKind) throws {
    let flash = TestFlash.small()
    try send(models[0], to: flash, kind)
    let before = try info(flash, kind).held
    let run = try flash.withStore(
      kind, like: models[0], { try DeviceRun(models[1], $0, rejects: true) },
      { try DeviceRun(models[1], $0, rejects: true) })
    #expect(run.failure?.code == .wrongModel)
    #expect(run.failure?.text == Array("own check failed".utf8))
    #expect(image(in: flash, kind) == images[0])
    #expect(try info(flash, kind).held.first == before[0])
  }

  // MARK: - BASIS

  @Test(arguments: FlashKind.allCases) func tensorsAreKept(kind: FlashKind) throws {
    let flash = TestFlash.small()
    try send(models[0], to: flash, kind)
    let base = try info(flash, kind).held[0].bytes
    // The large tensor of the first model, and the rest of the second.
    let records = ModelRecords(models[1])
    let large = images[0][8..<608]
    let there = try kept(of: flash, kind)
    let stream = try records.stream(flags: 3, base: base, keeping: [1: there])
    let talk = try talk(flash, kind) { answers in
      answers.count == 1
        ? stream.manifest + RecordTalk.record(10, [4]) : answers.count == 2 ? stream.contents : []
    }
    #expect(talk.answers.last?.kind == 66)
    #expect(image(in: flash, kind) == Array(images[1].prefix(8) + large + images[1].dropFirst(608)))
  }

  @Test(arguments: FlashKind.allCases) func onlyTensorsOfTheModelInUseAreKept(
    kind: FlashKind
  ) throws {
    let flash = TestFlash.small()
    try send(models[0], to: flash, kind)
    let base = try info(flash, kind).held[0].bytes
    for (base, basis, code) in [
      ([UInt8](repeating: 9, count: 32), [1], 2), (base, [2], 2), (base, [3], 5), (base, [65], 5),
      (base, [1, 0], 5),
    ] as [([UInt8], [UInt8], UInt8)] {
      let stream = try ModelRecords(models[1]).stream(flags: 3, base: base)
      let talk = try talk(flash, kind) {
        $0.count == 1 ? stream.manifest + RecordTalk.record(10, basis) : []
      }
      #expect(talk.answers[1].kind == 67)
      #expect(talk.answers[1].body.first == code, "\(basis)")
      #expect(image(in: flash, kind) == images[0])
    }
  }

  /// The large tensor as it is given back.
  private func kept(of flash: TestFlash, _ kind: FlashKind) throws -> [UInt8] {
    try fetch(flash, kind).tensors[1]
  }

  // MARK: - FETCH

  @Test(arguments: FlashKind.allCases) func aModelIsGivenBack(kind: FlashKind) throws {
    let flash = TestFlash.small()
    try send(models[0], to: flash, kind)
    let fetched = try fetch(flash, kind)
    #expect(fetched.offer.starts(with: [0, 0, 3]))
    #expect(fetched.tensors.map(\.count) == [8, 2400, 120])
    // Small tensors are what was sent; of the large one the digest tells.
    #expect(fetched.tensors[0] == (try models[0].bytes(of: 0, in: 0..<8)))
    #expect(fetched.tensors[2] == (try models[0].bytes(of: 2, in: 0..<120)))
    let digest = try ModelRecords(models[0]).digest(of: fetched.tensors)
    #expect(digest == (try info(flash, kind).held[0].bytes))
    #expect(fetched.finish == digest)
  }

  @Test(arguments: FlashKind.allCases, [1, 700, 2405, 2500])
  func givingGoesOn(kind: FlashKind, position: Int) throws {
    let flash = TestFlash.small()
    try send(models[0], to: flash, kind)
    let whole = try fetch(flash, kind)
    let rest = try fetch(flash, kind, from: position)
    #expect(rest.stream == Array(whole.stream.dropFirst(position)))
    #expect(rest.offer.last == 4)
    #expect(whole.offer.last == 0)
  }

  @Test(arguments: FlashKind.allCases) func whatIsNotThereIsNotGiven(kind: FlashKind) throws {
    let flash = TestFlash.small()
    for digest in [[UInt8](repeating: 0, count: 32), [UInt8](repeating: 3, count: 32)] {
      let talk = try talk(flash, kind) { $0.count == 1 ? RecordTalk.record(15, digest + [0]) : [] }
      #expect(talk.answers[1] == RecordTalk.Answer(kind: 67, body: [2]))
    }
  }

  private struct Fetched {
    var offer: [UInt8] = []
    var tensors: [[UInt8]] = []
    var finish: [UInt8] = []
    /// Behind the manifest.
    var stream: [UInt8] = []
  }

  private func fetch(
    _ flash: TestFlash, _ kind: FlashKind, from position: Int = 0
  ) throws -> Fetched {
    var ask = [UInt8](repeating: 0, count: 32)
    ask +=
      position < 128 ? [UInt8(position)] : [UInt8(position & 0x7F) | 0x80, UInt8(position >> 7)]
    var fetched = Fetched()
    let talk = try flash.withStore(
      kind, like: models[0],
      { try RecordTalk(models[0], $0, isRaw: position > 0, self.answering(ask)) },
      { try RecordTalk(models[0], $0, isRaw: position > 0, self.answering(ask)) })
    fetched.offer = talk.answers[1].body
    fetched.stream = talk.bytes
    for answer in talk.answers.dropFirst(5) where position == 0 {
      switch answer.kind {
      case 3: fetched.tensors.append([])
      case 4: fetched.tensors[fetched.tensors.count - 1] += answer.body
      case 6: fetched.finish = answer.body
      default: break
      }
    }
    return fetched
  }

  private func answering(_ ask: [UInt8]) -> ([RecordTalk.Answer]) -> [UInt8]? {
    { answers in
      // INFO; OFFER and three tensors.
      switch answers.count {
      case 1: RecordTalk.record(15, ask + [1, 0, 0, 0])
      case 5: RecordTalk.record(65)
      default:
        answers.last?.kind == 6 ? RecordTalk.record(66, answers.last?.body ?? []) : []
      }
    }
  }
}

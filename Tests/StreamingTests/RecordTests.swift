import Tensors
import TestVectors
import Testing
import WeightCodec

@testable import Streaming

/// Records by the golden vectors, in portions, and from a peer that means no good.
struct RecordTests {
  @Test func vectorsHoldBothWays() throws {
    for line in try VectorFile("record").lines where line.word(0) != "varint" {
      let (made, wire) = (try encoded(line), try line.bytes(line.columnCount - 1))
      #expect(made == wire, "\(line)")
      guard let heard = try records(in: wire).first else {
        // Only an empty content or piece of the coded stream yields nothing at all.
        #expect(
          wire == [RecordKind.content.rawValue, 0] || wire == [RecordKind.coded.rawValue, 0])
        continue
      }
      try expectParsed(heard, line)
    }
  }

  private func encoded(_ line: VectorFile.Line) throws -> [UInt8] {
    var stream: [UInt8] = []
    switch line.word(0) {
    case "body":
      let kind = try #require(RecordKind(rawValue: try line.number(1)))
      Record.append(kind, body: try line.bytes(2), to: &stream)
    case "info": Record.append(.info, body: try info(line).encoded(), to: &stream)
    case "limits": Record.append(.info, body: try limits(line).encoded(), to: &stream)
    case "held": Record.append(.info, body: try held(line).encoded(), to: &stream)
    case "compare": stream = DigestPrefix.encoded(try DigestPrefix.parse(try line.bytes(1)))
    case "answer":
      let bits = try DigestPrefix.parse(bits: try line.bytes(2), count: try line.number(1))
      Record.append(.held, body: DigestPrefix.bits(bits), to: &stream)
    case "milestone":
      Record.append(.milestone, body: try milestone(line).encoded(), to: &stream)
    case "metric": Record.append(.metric, body: try metric(line).encoded(), to: &stream)
    case "unit": Record.append(.unit, body: try unit(line).encoded(), to: &stream)
    default: Record.append(.failed, body: try failure(line).encoded(), to: &stream)
    }
    return stream
  }

  private func expectParsed(_ heard: Heard, _ line: VectorFile.Line) throws {
    switch line.word(0) {
    case "body": #expect(heard.body == (try line.bytes(2)), "\(line)")
    case "info": #expect(try ReceiverInfo(parsing: heard.body) == info(line), "\(line)")
    case "limits": #expect(try ReceiverInfo(parsing: heard.body) == limits(line), "\(line)")
    case "held": #expect(try ReceiverInfo(parsing: heard.body) == held(line), "\(line)")
    case "compare": #expect(heard.body == (try line.bytes(1)), "\(line)")
    case "answer": #expect(heard.body == (try line.bytes(2)), "\(line)")
    case "milestone":
      #expect(try Milestone(parsing: heard.body) == milestone(line), "\(line)")
    case "metric": #expect(try Metric(parsing: heard.body) == metric(line), "\(line)")
    case "unit": #expect(try Unit(parsing: heard.body) == unit(line), "\(line)")
    default: #expect(try ReceiverFailure(parsing: heard.body) == failure(line), "\(line)")
    }
  }

  private func info(_ line: VectorFile.Line) throws -> ReceiverInfo {
    let masks: [UInt8] = [try line.number(1), try line.number(2)]
    let room: Int = try line.number(3)
    let body = ReceiverInfo(
      compressions: [], codecs: [], byteCountLimit: room == 0 ? nil : room,
      name: try line.bytes(4)
    ).encoded()
    // Masks of a later revision have bits that no `Compression` and no `CodecVariant` names.
    return try ReceiverInfo(parsing: masks + body.dropFirst(2))
  }

  private func limits(_ line: VectorFile.Line) throws -> ReceiverInfo {
    var info = ReceiverInfo(
      compressions: [.none], codecs: [.flat], byteCountLimit: nil, name: Array("board".utf8))
    let planes: Int = try line.number(1)
    info.planeLimit = planes == 0 ? nil : planes
    if line.word(2) != "-" {
      let parameter: UInt8 = try line.number(3)
      info.representation = Representation(kind: try line.number(2), parameter: parameter)
    }
    return info
  }

  private func held(_ line: VectorFile.Line) throws -> ReceiverInfo {
    var info = ReceiverInfo(
      compressions: [.none], codecs: [.flat], byteCountLimit: nil, name: Array("board".utf8))
    info.abilities = Abilities(rawValue: try line.number(1))
    let models = try line.bytes(2)
    info.held = stride(from: 0, to: models.count, by: 32).compactMap {
      Digest(Array(models[$0..<$0 + 32]))
    }
    let identity = try line.bytes(3)
    if !identity.isEmpty {
      info.unfinished = Unfinished(
        identity: StreamIdentity(identity), byteCount: try line.number(4),
        checksum: try line.number(5, UInt32.self))
    }
    return info
  }

  private func metric(_ line: VectorFile.Line) throws -> Metric {
    let code: UInt8 = try line.number(1)
    let bits: UInt32 = try line.number(3)
    return Metric(
      try line.bytes(5), Int32(bitPattern: bits), digits: try line.number(2),
      unit: try line.bytes(4), at: code == 255 ? nil : try tier(code))
  }

  private func tier(_ code: UInt8) throws -> Milestone.Tier {
    switch code {
    case 0: .small
    case 64: .fine
    case 65: .complete
    default: .planes(Int(code))
    }
  }

  private func milestone(_ line: VectorFile.Line) throws -> Milestone {
    let tier = try tier(line.number(1))
    let decibels: Int = try line.number(2)
    return Milestone(tier, signalToNoise: decibels == 255 ? nil : decibels)
  }

  private func unit(_ line: VectorFile.Line) throws -> Streaming.Unit {
    let parameter: UInt8 = try line.number(3)
    let representation = Representation(kind: try line.number(2), parameter: parameter)
    return Unit(
      tensorIndex: try line.number(1), representation: try #require(representation),
      compression: try #require(Compression(rawValue: try line.number(4))))
  }

  private func failure(_ line: VectorFile.Line) throws -> ReceiverFailure {
    let code = try #require(ReceiverFailure.Code(rawValue: try line.number(1)))
    return ReceiverFailure(code, text: try line.bytes(2))
  }

  @Test func everySplitYieldsTheSameRecords() throws {
    var stream = sampleManifest().encoded()
    Record.append(.content, body: sample(300), to: &stream)
    Record.append(.digest, body: sample(32), to: &stream)
    Record.append(.coded, body: sample(70), to: &stream)
    Record.append(.milestone, body: Milestone(.fine).encoded(), to: &stream)
    Record.append(.accept, body: [], to: &stream)
    let whole = try records(in: stream)
    #expect(whole.count == 11)
    #expect(whole[6] == Heard(kind: .content, body: sample(300)))
    #expect(whole[8] == Heard(kind: .coded, body: sample(70)))
    for count in 1...stream.count {
      #expect(try records(in: stream, portionByteCount: count) == whole)
    }
  }

  @Test func longestBodiesAreTakenAndNoLongerOnes() throws {
    for (kind, limit) in [
      (RecordKind.failed, Record.bodyByteCountLimit), (.content, Record.contentByteCountLimit),
      (.coded, Record.contentByteCountLimit),
    ] {
      let body = sample(limit)
      var stream: [UInt8] = []
      Record.append(kind, body: body, to: &stream)
      #expect(try records(in: stream) == [Heard(kind: kind, body: body)])
      var header = [kind.rawValue]
      Varint.append(limit + 1, to: &header)
      #expect(throws: RecordError.tooLong(kind: kind.rawValue, byteCount: limit + 1)) {
        try records(in: header)
      }
    }
  }

  @Test func lengthOfMoreThanFourBytesIsRefused() {
    #expect(throws: RecordError.numberTooLong) {
      try records(in: [RecordKind.content.rawValue, 0x80, 0x80, 0x80, 0x80])
    }
  }

  @Test func unknownKindIsRefusedAtOnce() {
    #expect(throws: RecordError.unknownKind(0)) { try records(in: [0]) }
    #expect(throws: RecordError.unknownKind(255)) { try records(in: [255, 1]) }
  }

  @Test func infoMayGrowBehindItsName() throws {
    let info = ReceiverInfo(compressions: [.none, .deflate], byteCountLimit: 9, name: [65])
    var limited = info
    limited.planeLimit = 7
    limited.representation = .channel(bits: 8)
    limited.abilities = [.resumes]
    #expect(try ReceiverInfo(parsing: limited.encoded()) == limited)
    limited.unfinished = Unfinished(
      identity: StreamIdentity([1, 2, 3, 4, 5, 6, 7, 8]), byteCount: 9, checksum: 10)
    #expect(try ReceiverInfo(parsing: limited.encoded() + [1, 2, 3]) == limited)
    #expect(try ReceiverInfo(parsing: info.encoded() + [0]) == info)
    #expect(throws: RecordError.truncated) { try ReceiverInfo(parsing: info.encoded() + [0, 2]) }
    #expect(throws: RecordError.unknownRepresentation(9, 1)) {
      try ReceiverInfo(parsing: info.encoded() + [0, 9, 1])
    }
    #expect(info.takes(.deflate) && info.reads(.flat) && info.reads(.lines))
    let plain = ReceiverInfo(compressions: [], codecs: [], byteCountLimit: nil, name: [])
    #expect(!plain.reads(.flat) && !plain.reads(.lines))
    let small = ReceiverInfo(compressions: [], codecs: [.flat], byteCountLimit: nil, name: [])
    #expect(small.reads(.flat) && !small.reads(.lines))
    #expect(!ReceiverInfo(compressions: [.none], byteCountLimit: nil, name: []).takes(.deflate))
    #expect(throws: RecordError.truncated) {
      try ReceiverInfo(parsing: info.encoded().dropLast())
    }
  }

  @Test func metricsThatAreNoneAreRefused() throws {
    let body = Metric([65], 5, at: nil).encoded()
    #expect(throws: RecordError.badMetric) { try Metric(parsing: body.dropLast()) }
    #expect(throws: RecordError.badMetric) { try Metric(parsing: [0, 10] + body.dropFirst(2)) }
    #expect(throws: RecordError.unknownKind(99)) { try Metric(parsing: [99] + body.dropFirst()) }
    #expect(throws: RecordError.badMetric) {
      try Metric(parsing: body + Array(repeating: 65, count: 64))
    }
    #expect(throws: RecordError.truncated) { try Metric(parsing: Array(body.prefix(4))) }
  }

  @Test func failureOfALaterRevisionIsAFailure() throws {
    #expect(try ReceiverFailure(parsing: [99, 65]) == ReceiverFailure(.aborted, text: [65]))
    #expect(throws: RecordError.truncated) { try ReceiverFailure(parsing: []) }
  }

  @Test func unitsOutsideTheManifestAreRefused() throws {
    let manifest = sampleManifest()
    func check(_ index: Int, _ representation: Representation = .exact) throws(RecordError) {
      let unit = Unit(tensorIndex: index, representation: representation, compression: .none)
      try unit.check(against: manifest)
    }
    try check(0)
    try check(0, .channel(bits: 8))
    for index in [2, 4, 5, .max] {
      #expect(throws: RecordError.badIndex(index)) { try check(index) }
    }
    #expect(throws: RecordError.unknownRepresentation(1, 9)) { try check(0, .affine(bits: 9)) }
    #expect(throws: RecordError.unknownRepresentation(1, 8)) { try check(3, .affine(bits: 8)) }
    #expect(throws: RecordError.unknownRepresentation(3, 1)) { try check(0, .cast(.f32)) }
  }

  @Test func unitsWithUnknownCodesAreRefused() {
    #expect(throws: RecordError.unknownRepresentation(4, 0)) { try Unit(parsing: [0, 4, 0, 0]) }
    #expect(throws: RecordError.unknownRepresentation(3, 99)) { try Unit(parsing: [0, 3, 99, 0]) }
    #expect(throws: RecordError.unknownCompression(2)) { try Unit(parsing: [0, 0, 0, 2]) }
    #expect(throws: RecordError.trailingBytes) { try Unit(parsing: [0, 0, 0, 0, 0]) }
    #expect(throws: RecordError.truncated) { try Unit(parsing: [0, 0, 0]) }
  }

  /// Whatever bytes come, the reader stops with an error or asks for more.
  @Test(arguments: 0..<100 as Range<UInt64>)
  func randomBytesNeverTrap(seed: UInt64) {
    var bytes = sample(400, seed: seed)
    // A known kind first, or nearly all would stop at the first byte.
    bytes[0] = [1, 2, 3, 4, 5, 6, 7, 8, 64, 65, 66, 67][Int(seed % 12)]
    bytes[1] &= 0x7F
    _ = try? records(in: bytes, portionByteCount: Int(seed % 7) + 1)
    _ = try? Unit(parsing: bytes)
    _ = try? ReceiverInfo(parsing: bytes)
    _ = try? ReceiverFailure(parsing: bytes)
    _ = try? Milestone(parsing: bytes)
  }
}

import Checkpoints
import LineModel
import LinkLayer
import Streaming
import Testing
import Transfer
import WeightCodec

@testable import Runtime

/// Whole transfers in virtual time.
struct SimulatedTransferTests {
  private var settings: SimulatedTransfer.Settings = {
    var settings = SimulatedTransfer.Settings()
    settings.line.baudRate = 115_200
    return settings
  }()

  private func run(
    _ settings: SimulatedTransfer.Settings, byteCount: Int = 20_000,
    trace: ((TracedFrame) -> Void)? = nil
  ) throws -> SimulatedTransfer {
    let bytes = try Checkpoint(randomByteCount: byteCount, seed: settings.seed)
    return try SimulatedTransfer(
      settings, bytes, named: "random", plain(.exact, .none), trace: trace)
  }

  @Test func cleanLineCarriesEveryByteOnce() throws {
    let transfer = try run(settings)
    #expect(transfer.ending == .verified)
    #expect(transfer.payloadByteCount == 20_000)
    #expect(transfer.wrongByteCount == 0)
    #expect(transfer.sender.retransmissions == 0)
    // Nothing is faster than the line.
    #expect(Double(transfer.end) / 1e9 > Double(transfer.sender.wireBytesSent) * 10 / 115_200)
  }

  @Test func sameSeedIsTheSameRunAndAnotherOneIsNot() throws {
    var settings = settings
    settings.line.bitErrorRate = 1e-4
    settings.line.dropRate = 1e-5
    let (first, second) = (try run(settings), try run(settings))
    #expect(first.end == second.end)
    #expect(first.sender == second.sender)
    #expect(first.receiver == second.receiver)
    #expect(first.milestones == second.milestones)
    settings.seed = 2
    #expect(try run(settings).end != first.end)
  }

  @Test func milestonesComeInOrderAndEndWithTheVerdict() throws {
    let transfer = try run(settings)
    let names = transfer.milestones.map(\.name)
    #expect(
      names.filter { $0 != "complete" } == [
        "connected", "accepted", "quarter", "half", "three quarters", "all contents", "verified",
      ])
    #expect(names.count == 8 && names.last == "verified")
    let times = transfer.milestones.map(\.time)
    #expect(times == times.sorted())
    // One tensor: there is nothing before the end.
    let others = transfer.milestones.filter { $0.name != "complete" }
    #expect(others.map(\.time) == others.map(\.time).sorted())
    #expect(others.map(\.byteCount) == others.map(\.byteCount).sorted())
    #expect(others[2].byteCount >= 5000)
    #expect(others.last?.time == transfer.end)
    #expect(others.last?.byteCount == 20_000)
  }

  @Test func everyFrameIsTraced() throws {
    var settings = settings
    settings.line.bitErrorRate = 1e-3
    var frames: [TracedFrame] = []
    let transfer = try run(settings, byteCount: 5000) { frames.append($0) }
    let (sent, answers) = (frames.filter(\.isFromSender), frames.filter { !$0.isFromSender })
    #expect(sent.count == transfer.sender.framesSent)
    #expect(answers.count == transfer.receiver.framesSent)
    #expect(sent.reduce(0) { $0 + $1.wireByteCount } == transfer.sender.wireBytesSent)
    #expect(frames.map(\.time) == frames.map(\.time).sorted())
    #expect(sent.first?.kind == "HELLO" && answers.first?.kind == "WELCOME")
    #expect(frames.contains { $0.kind == "ACK" && $0.sequence > 0 })
    #expect(frames.contains { $0.kind == "DATA" && $0.correctableByteCount != nil })
    #expect(sent.allSatisfy { $0.payloadByteCount + 6 <= settings.mtu })
  }

  @Test func windowOfOneWaitsForEachAnswer() throws {
    var settings = settings
    settings.window = 1
    var isUnanswered = false
    let transfer = try run(settings) { frame in
      guard frame.sequence > 2 else { return }
      if frame.isFromSender { #expect(!isUnanswered) }
      isUnanswered = frame.isFromSender
    }
    #expect(transfer.ending == .verified)
    settings.isHalfDuplex = true
    #expect(try run(settings).end == transfer.end, "nothing crosses")
  }

  @Test func smallFIFOIsReadInTime() throws {
    var settings = settings
    settings.line.baudRate = 921_600
    settings.line.receiver = .overruns(byteCount: 16)
    #expect(try run(settings).sender.retransmissions == 0)
  }

  @Test func correctionThatIsOffCorrectsNothing() throws {
    var settings = settings
    settings.line.bitErrorRate = 1e-4
    settings.usesCorrection = false
    let transfer = try run(settings)
    #expect(transfer.ending == .verified)
    #expect(transfer.receiver.bytesCorrected == 0 && transfer.sender.retransmissions > 0)
  }

  @Test func deadLineEndsAsSendDoes() throws {
    var settings = settings
    settings.line.dropRate = 1
    let transfer = try run(settings)
    #expect(transfer.ending == .failed(.ended(.linkClosed(.noAnswer))))
    #expect(transfer.end == 10_000_000_000)
    #expect(transfer.milestones.isEmpty && transfer.payloadByteCount == 0)
    #expect(transfer.goodputShare(baudRate: 115_200) == 0)
  }

  @Test(arguments: [(0.0, "0.0"), (1.25, "1.3"), (0.04, "0.0"), (12.96, "13.0")])
  func numbersHaveTheirDigits(_ value: Double, _ text: String) {
    #expect(fixedText(value, digits: 1) == text)
    #expect(fixedText(1.002, digits: 3) == "1.002" && fixedText(7, digits: 0) == "7")
  }
}

/// Whether the oracle sees what is wrong.
struct ContentOracleTests {
  private let checkpoint: Checkpoint
  private let bytes: [UInt8]
  private let source: ModelSource
  private let model: ModelPlan

  init() throws {
    checkpoint = try Checkpoint(randomByteCount: 70_000, seed: 3)
    bytes = try checkpoint.bytes(of: 0, in: 0..<70_000)
    source = ModelSource(checkpoint, plain(.exact, .none))
    model = try ModelPlan(source, named: "random", plain(.exact, .none))
  }

  @Test func rightBytesAreRightInAnyPortions() throws {
    var oracle = ContentOracle(source, model)
    try oracle.compare(bytes.span.extracting(0..<1))
    try oracle.compare(bytes.span.extracting(1..<40_000))
    #expect(oracle.wrongByteCount == 0 && oracle.deliveredByteCount == 40_000)
    #expect(try oracle.remainingByteCount() == 30_000)
  }

  @Test func wrongBytesAndThoseBeyondTheEndAreCounted() throws {
    var oracle = ContentOracle(source, model)
    var wrong = bytes
    wrong[5] ^= 1
    wrong[69_999] ^= 0x80
    try oracle.compare((wrong + [1, 2, 3]).span)
    #expect(oracle.wrongByteCount == 5)
    oracle.restart()
    try oracle.compare(bytes.span)
    #expect(oracle.wrongByteCount == 5 && oracle.deliveredByteCount == 70_000)
  }
}

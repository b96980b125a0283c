import Checkpoints
import LineModel
import LinkLayer
import Streaming
import Testing
import Transfer
import WeightCodec

@testable import Runtime

/// The time to go that is told is the time that it takes.
struct RemainingTimeTests {
  /// What was told so long after the session was opened, and how long it took from there, in seconds.
  private struct Estimate {
    var elapsed: Double
    var told: Double
    var taken: Double
  }

  /// All estimates of a transfer in virtual time, ten a second.
  private func estimates(
    _ byteCount: Int, baudRate: UInt32,
    _ change: (inout SimulatedTransfer.Settings) -> Void = { _ in }
  ) throws -> [Estimate] {
    var settings = SimulatedTransfer.Settings()
    settings.line.baudRate = baudRate
    change(&settings)
    var remaining = RemainingTime()
    var told: [(elapsed: Double, seconds: Double)] = []
    var end = 0.0
    let bytes = try Checkpoint(randomByteCount: byteCount, seed: settings.seed)
    let note: (TransferProgress) -> Void = { progress in
      remaining.note(progress)
      let elapsed = Double(progress.elapsed.microseconds) / 1e6
      if let seconds = remaining.seconds { told.append((elapsed, seconds)) }
      if progress.byteCount < progress.byteTotal { end = elapsed }
    }
    let transfer = try SimulatedTransfer(
      settings, bytes, named: "random", plain(.exact, .none), observe: note)
    #expect(transfer.ending == .verified)
    return told.map { Estimate(elapsed: $0.elapsed, told: $0.seconds, taken: end - $0.elapsed) }
  }

  /// Each estimate is wrong by such a share of the true time at most, in the first seconds, after ten
  /// of them, and in the second half; or by so many seconds.
  private func expect(
    _ estimates: [Estimate], early: Double, later: Double, half: Double, seconds: Double = 1
  ) throws {
    let end = try #require(estimates.last?.elapsed)
    #expect(end > 20)
    for estimate in estimates where estimate.taken > 0 {
      let limit =
        estimate.elapsed > end / 2 ? half : estimate.elapsed > 10 ? later : early
      let error = abs(estimate.told - estimate.taken)
      #expect(
        error <= max(estimate.taken * limit, seconds),
        "\(estimate.told) s instead of \(estimate.taken) s, \(estimate.elapsed) s after the start")
    }
  }

  @Test(arguments: [UInt64(1), 2, 3])
  func cleanLineIsKnownFromTheStart(seed: UInt64) throws {
    let estimates = try estimates(400_000, baudRate: 115_200) { $0.seed = seed }
    try #expect(#require(estimates.first).elapsed < 0.5)
    try expect(estimates, early: 0.10, later: 0.05, half: 0.03)
  }

  /// A frame takes a second there, and up to two are under way that count for nothing yet.
  @Test func slowLineAnswersLate() throws {
    let estimates = try estimates(60_000, baudRate: 9600)
    try expect(estimates, early: 0.20, later: 0.12, half: 0.08, seconds: 2.5)
  }

  @Test func fastLine() throws {
    try expect(
      estimates(8_000_000, baudRate: 3_000_000) { $0.line.latencyNanoseconds = 1_000_000 },
      early: 0.10, later: 0.05, half: 0.05)
  }

  @Test(arguments: [1e-5, 1e-4, 1e-3])
  func noise(bitErrorRate: Double) throws {
    try expect(
      estimates(400_000, baudRate: 115_200) { $0.line.bitErrorRate = bitErrorRate },
      early: 0.20, later: 0.05, half: 0.05)
  }

  @Test func bursts() throws {
    try expect(
      estimates(400_000, baudRate: 115_200) {
        $0.line.burst = .init(rate: 1e-4, meanByteCount: 100)
      },
      early: 0.15, later: 0.06, half: 0.06)
  }

  /// Where the rate of the line promises too much, that is found out in seconds.
  @Test func adapterThatAnswersLateWithoutWindow() throws {
    let estimates = try estimates(400_000, baudRate: 115_200) {
      $0.line.latencyNanoseconds = 16_000_000
      $0.window = 1
    }
    try expect(estimates, early: 0.30, later: 0.10, half: 0.05)
    for estimate in estimates where estimate.elapsed > 3 && estimate.elapsed < 10 {
      #expect(abs(estimate.told / estimate.taken - 1) < 0.15)
    }
  }

  // MARK: - By hand

  private func progress(
    _ byteCount: Int, of total: Int = 100_000, at seconds: Int64, baudRate: UInt32 = 10_000
  ) -> TransferProgress {
    TransferProgress(
      byteCount: byteCount, byteTotal: total, tier: nil, elapsed: .seconds(seconds),
      baudRate: baudRate, statistics: LinkStatistics())
  }

  @Test func nothingIsToldBeforeAnythingIsKnown() {
    #expect(RemainingTime().seconds == nil)
  }

  @Test func firstEstimateIsWhatTheLinePromises() throws {
    var remaining = RemainingTime()
    remaining.note(progress(0, at: 0))
    let seconds = try #require(remaining.seconds)
    #expect(abs(seconds - 100_000 / (1000 * RemainingTime.lineShareExpected)) < 0.01)
  }

  @Test func lineThatGetsSlowerIsNoticed() throws {
    var remaining = RemainingTime()
    for second in 0...30 { remaining.note(progress(second * 950, at: Int64(second))) }
    // Half as fast, for as long again as the memory lasts.
    for second in 1...40 {
      remaining.note(progress(30 * 950 + second * 475, at: Int64(30 + second)))
    }
    let seconds = try #require(remaining.seconds)
    let rest = Double(100_000 - 30 * 950 - 40 * 475)
    #expect(seconds > rest / 950 * 1.5)
    #expect(seconds < rest / 475 * 1.05)
  }

  @Test func silenceMakesItLongerAndNotShorter() throws {
    var remaining = RemainingTime()
    for second in 0...10 { remaining.note(progress(second * 950, at: Int64(second))) }
    var last = try #require(remaining.seconds)
    for second in Int64(11)...40 {
      remaining.note(progress(9500, at: second))
      let seconds = try #require(remaining.seconds)
      #expect(seconds > last)
      last = seconds
    }
  }

  @Test func anotherRateOfTheLineBeginsAnew() throws {
    var remaining = RemainingTime()
    for second in 0...10 { remaining.note(progress(second * 950, at: Int64(second))) }
    remaining.note(progress(9500, at: 10, baudRate: 100_000))
    let seconds = try #require(remaining.seconds)
    #expect(abs(seconds - 90_500 / (10_000 * RemainingTime.lineShareExpected)) < 0.01)
  }

  @Test func receiverThatBeginsAnewIsAnotherTransfer() throws {
    var remaining = RemainingTime()
    for second in 0...60 { remaining.note(progress(second * 100, at: Int64(second))) }
    remaining.note(progress(0, at: 0))
    let seconds = try #require(remaining.seconds)
    #expect(abs(seconds - 100_000 / (1000 * RemainingTime.lineShareExpected)) < 0.01)
  }

  @Test func nothingIsLeftAtTheEnd() {
    var remaining = RemainingTime()
    remaining.note(progress(100_000, at: 100))
    #expect(remaining.seconds == 0)
  }
}

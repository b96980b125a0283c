import Testing

@testable import LineModel

@Suite struct LineConfigurationTests {
  private func error(_ change: (inout LineConfiguration) -> Void) -> LineConfigurationError? {
    var configuration = LineConfiguration()
    change(&configuration)
    do {
      try configuration.validate()
      return nil
    } catch {
      return error
    }
  }

  @Test func defaultsAreValid() {
    #expect(error { _ in } == nil)
  }

  @Test func chancesAreFromZeroThroughOne() {
    #expect(error { $0.dropRate = 1 } == nil)
    #expect(error { $0.bitErrorRate = 1.1 } == .rateOutOfRange(.bitError))
    #expect(error { $0.dropRate = -0.1 } == .rateOutOfRange(.drop))
    #expect(error { $0.insertRate = .nan } == .rateOutOfRange(.insert))
    #expect(error { $0.duplicateRate = .infinity } == .rateOutOfRange(.duplicate))
    #expect(error { $0.burst = .init(rate: 2, meanByteCount: 3) } == .rateOutOfRange(.burst))
    #expect(error { $0.burst = .init(rate: 0.1, meanByteCount: 0.5) } == .burstTooShort)
  }

  @Test func buffersAndDelaysAreBounded() {
    #expect(error { $0.transmitBufferByteCount = 0 } == .bufferOutOfRange)
    #expect(error { $0.receiver = .overruns(byteCount: 0) } == .bufferOutOfRange)
    #expect(error { $0.receiver = .waits(byteCount: 1 << 25) } == .bufferOutOfRange)
    #expect(error { $0.batch = .init(byteCount: 0) } == .bufferOutOfRange)
    #expect(error { $0.latencyNanoseconds = .max } == .delayTooLong)
    #expect(
      error {
        $0.latencyNanoseconds = .max
        $0.jitterNanoseconds = .max
      } == .delayTooLong)
    #expect(
      error {
        $0.baudRate = .max
        $0.latencyNanoseconds = 600_000_000_000
      } == .tooMuchInFlight)
  }
}

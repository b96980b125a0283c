import Testing

@testable import LinkLayer

struct TurnaroundEstimatorTests {
  /// RFC 6298 (2.2) and (2.3), step by step.
  @Test func followsTheRFC() {
    var estimator = TurnaroundEstimator()
    #expect(estimator.timeout == .milliseconds(300))
    estimator.sample(.milliseconds(80))
    #expect(estimator.smoothed == 80_000)
    #expect(estimator.timeout == .milliseconds(80 + 4 * 40))
    estimator.sample(.milliseconds(160))
    // RTTVAR = 3/4 · 40 + 1/4 · 80, SRTT = 7/8 · 80 + 1/8 · 160.
    #expect(estimator.smoothed == 90_000)
    #expect(estimator.timeout == .milliseconds(90 + 4 * 50))
    estimator.sample(.milliseconds(10))
    #expect(estimator.smoothed == 80_000)
    #expect(estimator.timeout == Interval(microseconds: 80_000 + 4 * 57_500))
  }

  /// 20 ms at first, a sixteenth less with each sample.
  @Test func marginShrinksToItsFloor() {
    var estimator = TurnaroundEstimator()
    estimator.sample(.milliseconds(3))
    #expect(estimator.timeout == Interval(microseconds: 3000 + 18_750))
    for _ in 0..<100 { estimator.sample(.milliseconds(3)) }
    #expect(estimator.timeout == .milliseconds(5))
  }

  @Test func answerThatIsLateDoublesTheMarginUpToItsLimit() {
    var estimator = TurnaroundEstimator()
    for _ in 0..<100 { estimator.sample(.milliseconds(3)) }
    estimator.noteTooShort()
    #expect(estimator.timeout == .milliseconds(7))
    estimator.noteTooShort()
    #expect(estimator.timeout == .milliseconds(11))
    for _ in 0..<100 { estimator.noteTooShort() }
    #expect(estimator.timeout == .milliseconds(1003))
    for _ in 0..<200 { estimator.sample(.milliseconds(3)) }
    #expect(estimator.timeout == .milliseconds(5))
  }

  @Test func timeoutsDoubleUntilASampleOrAnAnswer() {
    var estimator = TurnaroundEstimator()
    estimator.sample(.milliseconds(40))
    let single = estimator.timeout.microseconds
    for doubling in 1...8 {
      estimator.backOff()
      #expect(estimator.timeout.microseconds == min(single << min(doubling, 6), 2_000_000))
    }
    estimator.endBackOff()
    #expect(estimator.timeout.microseconds == single)
    estimator.backOff()
    estimator.sample(.milliseconds(40))
    #expect(estimator.timeout.microseconds < single)
  }

  @Test func negativeTimesCountAsNone() {
    var estimator = TurnaroundEstimator()
    estimator.sample(Interval(microseconds: -5000))
    #expect(estimator.timeout == Interval(microseconds: 18_750))
  }

  @Test func hugeSamplesAndManyTimeoutsStayAtTheLimit() {
    var estimator = TurnaroundEstimator()
    for _ in 0..<100 {
      estimator.sample(.seconds(1 << 30))
      for _ in 0..<100 { estimator.backOff() }
      #expect(estimator.timeout == .seconds(2))
    }
  }
}

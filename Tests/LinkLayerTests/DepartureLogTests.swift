import LineModel
import Testing

@testable import LinkLayer

struct DepartureLogTests {
  @Test func emptyLogHasNothingToTell() {
    let log = DepartureLog()
    #expect(log.last(before: Instant(microseconds: .max)) == nil)
    #expect(log.end == Instant(microseconds: 0))
  }

  @Test func whatLeavesAtThatVeryTimeHasNotLeftBefore() {
    var log = DepartureLog()
    let departure = Departure(stamp: Stamp(7), end: Instant(microseconds: 50))
    log.append(departure)
    #expect(log.last(before: Instant(microseconds: 50)) == nil)
    #expect(log.last(before: Instant(microseconds: 51)) == departure)
    #expect(log.end == departure.end)
  }

  /// Against an array of the last eight.
  @Test(arguments: 0..<10 as Range<UInt64>)
  func lastEightAreKnown(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    var log = DepartureLog()
    var all: [Departure] = []
    var time: Int64 = 0
    for number in 0..<100 as Range<UInt16> {
      time += .random(in: 1...1000, using: &generator)
      let departure = Departure(
        stamp: Stamp(0x7FE0 &+ number), end: Instant(microseconds: time))
      log.append(departure)
      all.append(departure)
      #expect(log.end == departure.end)
      for _ in 0..<10 {
        let asked = Instant(microseconds: .random(in: time - 9000...time + 100, using: &generator))
        #expect(log.last(before: asked) == all.suffix(8).last { $0.end < asked })
      }
    }
  }
}

import Testing

@testable import LinkLayer

struct LineRateTests {
  @Test(arguments: [50, 300, 1200, 9600, 115_200, 921_600, 3_000_000, 12_000_000] as [UInt32])
  func wireTimeIsThatOfTenBitsAByteToAThousandth(baud: UInt32) {
    let rate = LineRate(baud: baud)
    for byteCount in [0, 1, 8, 100, 1024, 65536] {
      let exact = Double(byteCount) * 10_000_000 / Double(baud)
      let found = Double(rate.wireTime(byteCount: byteCount).microseconds)
      #expect(found <= exact)
      #expect(found >= exact * 0.999 - 1)
    }
  }

  @Test func lineWithoutARateTakesNoTime() {
    #expect(LineRate(baud: 0).wireTime(byteCount: 1 << 20) == Interval(microseconds: 0))
    #expect(LineRate(baud: 0).byteCount(in: Interval(microseconds: 0), limit: 77) == 77)
  }

  @Test(arguments: [300, 9600, 115_200, 3_000_000] as [UInt32])
  func byteCountIsTheMostThatFits(baud: UInt32) {
    let rate = LineRate(baud: baud)
    for limit in [0, 1, 2, 15, 16, 17, 1000, 4096, 65536] {
      for interval in [0, 1, 999, 40_000, 1_500_000] as [Int64] {
        let interval = Interval(microseconds: interval)
        let count = rate.byteCount(in: interval, limit: limit)
        #expect(count >= 0 && count <= limit)
        #expect(rate.wireTime(byteCount: count) <= interval || count == 0)
        #expect(count == limit || rate.wireTime(byteCount: count + 1) > interval)
      }
    }
  }
}

import Testing

@testable import Device

/// What a metric is counted in, byte by byte.
struct MetricUnitTests {
  private func text(_ unit: MetricUnit) -> String {
    var bytes: [UInt8] = []
    unit.forEachByte { bytes.append($0) }
    #expect(bytes.count == unit.byteCount)
    return String(decoding: bytes, as: UTF8.self)
  }

  @Test(arguments: [0, 1, 9, 10, 40, 99, 100, 360, 999, 1000, 9999]) func countsAreWritten(
    count: Int
  ) {
    let unit = MetricUnit("% of ", count, " images")
    #expect(text(unit) == "% of \(count) images")
    #expect(unit.byteCount <= 16)
  }

  @Test func textAloneStays() {
    #expect(text("%") == "%")
    #expect(text("") == "")
  }
}

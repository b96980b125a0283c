import Testing

@testable import LineModel

@Suite struct LineCutTests {
  /// A byte a microsecond.
  private func line() throws -> LineDirection {
    var configuration = LineConfiguration()
    configuration.baudRate = 10_000_000
    return try LineDirection(configuration, seed: 0)
  }

  @Test func bytesOnTheWireDuringACutAreLost() throws {
    var line = try line()
    line.cut(during: 10_000..<20_000)
    line.cut(during: 30_000..<31_000)
    #expect(line.send(Array(1...40), at: 0) == 40)
    #expect(line.receive(at: 50_000) == Array(1...9) + Array(20...29) + Array(31...40))
    #expect(line.statistics.bytesLostInCuts == 11)
  }

  @Test func aCutLastsUntilItIsHealed() throws {
    var line = try line()
    line.cut(during: 0 ..< .max)
    #expect(line.send([1, 2, 3], at: 0) == 3)
    line.heal(at: 2500)
    #expect(line.receive(at: 5000) == [3])
    #expect(line.statistics.bytesLostInCuts == 2)
  }

  @Test func bytesPastTheWireSurviveACut() throws {
    var configuration = LineConfiguration()
    configuration.baudRate = 10_000_000
    configuration.latencyNanoseconds = 100_000
    var line = try LineDirection(configuration, seed: 0)
    #expect(line.send([1, 2], at: 0) == 2)
    line.cut(during: 1500 ..< .max)
    #expect(line.receive(at: 1_000_000) == [1])
  }
}

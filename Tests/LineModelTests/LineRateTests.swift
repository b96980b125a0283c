import Testing

@testable import LineModel

@Suite struct LineRateTests {
  private func line(
    baudRate: UInt32 = 115_200, _ change: (inout LineConfiguration) -> Void = { _ in }
  ) throws -> LineDirection {
    var configuration = LineConfiguration()
    configuration.baudRate = baudRate
    change(&configuration)
    return try LineDirection(configuration, seed: 7)
  }

  private func isBalanced(_ statistics: LineStatistics) -> Bool {
    statistics.bytesSent + statistics.bytesInserted + statistics.bytesDuplicated
      == statistics.bytesReceived + statistics.bytesDropped + statistics.bytesOverrun
      + statistics.bytesLostInCuts
  }

  @Test func theSameRatesChangeNothing() throws {
    var untouched = try line {
      $0.bitErrorRate = 1e-3
      $0.dropRate = 0.01
      $0.jitterNanoseconds = 1_000_000
      $0.batch = .init()
    }
    var touched = untouched
    for time in stride(from: 0 as UInt64, to: 1_000_000_000, by: 333_333) {
      touched.setRates(sender: 115_200, receiver: 115_200, at: time)
      let count = untouched.send(sample(50), at: time)
      #expect(touched.send(sample(50), at: time) == count)
      #expect(touched.nextArrival == untouched.nextArrival)
      #expect(touched.receive(at: time) == untouched.receive(at: time))
    }
    #expect(touched.statistics == untouched.statistics)
  }

  @Test(arguments: [9600, 250_001, 3_000_000] as [UInt32])
  func bytesTakeTenBitsOfTheNewRate(baudRate: UInt32) throws {
    var line = try line { $0.baudRateLimit = 3_000_000 }
    _ = line.carry(sample(10))
    line.setRates(sender: baudRate, receiver: baudRate, at: 1_000_000)
    let (bytes, end) = line.carry(sample(5000), from: 1_000_000)
    #expect(bytes == sample(5000))
    #expect(end == 1_000_000 + 5000 * 10_000_000_000 / UInt64(baudRate))
    #expect(line.statistics.bytesMisread == 0)
  }

  @Test func theByteOnTheWireEndsAtItsOldRate() throws {
    var line = try line(baudRate: 10_000)  // a byte a millisecond
    #expect(line.send([1, 2, 3, 4], at: 0) == 4)
    line.setRates(sender: 100_000, receiver: 10_000, at: 1_300_000)
    #expect(line.transmitEnd == 2_200_000)
    line.setRates(sender: 50_000, receiver: 10_000, at: 1_500_000)
    #expect(line.receive(at: 1_999_999) == [1])
    #expect(line.nextArrival == 2_000_000)
    #expect(line.receive(at: 2_000_000) == [2])
    line.setRates(sender: 50_000, receiver: 50_000, at: 2_000_000)
    #expect(line.nextArrival == 2_200_000)
    #expect(line.lastArrival == 2_400_000)
    #expect(line.receive(at: 2_400_000) == [3, 4])
    #expect(line.statistics.bytesMisread == 0)
  }

  @Test func theByteOnTheWireIsMisreadByAReceiverThatHasChanged() throws {
    var line = try line(baudRate: 10_000)
    #expect(line.send([1, 2, 3], at: 0) == 3)
    line.setRates(sender: 20_000, receiver: 20_000, at: 1_300_000)
    #expect(line.receive(at: 3_000_000).suffix(1) == [3])
    #expect(line.statistics.bytesMisread == 1)
    #expect(isBalanced(line.statistics))
  }

  @Test func aLineCanBecomeUnlimitedAndLimitedAgain() throws {
    var line = try line(baudRate: 10_000)
    #expect(line.send([1, 2, 3], at: 0) == 3)
    line.setRates(sender: 0, receiver: 0, at: 500_000)
    #expect(line.transmitEnd == 1_000_000)
    #expect(line.receive(at: 999_999) == [])
    #expect(line.receive(at: 1_000_000) == [1, 2, 3])
    #expect(line.send(sample(9000), at: 1_000_000) == 9000)
    #expect(line.receive(at: 1_000_000) == sample(9000))
    line.setRates(sender: 10_000, receiver: 10_000, at: 2_000_000)
    let (bytes, end) = line.carry([4, 5], from: 2_000_000)
    #expect(bytes == [4, 5])
    #expect(end == 4_000_000)
    #expect(line.statistics.bytesMisread == 0)
  }

  @Test(
    arguments: [
      (115_200, 115_200), (115_200, 119_808), (115_200, 110_592), (115_200, 0), (0, 9600),
    ] as [(UInt32, UInt32)])
  func aUARTToleratesFourPercent(sender: UInt32, receiver: UInt32) throws {
    var line = try line()
    line.setRates(sender: sender, receiver: receiver, at: 0)
    #expect(line.carry(sample(2000)).bytes == sample(2000))
    #expect(line.statistics.bytesMisread == 0)
  }

  @Test(
    arguments: [
      (115_200, 119_809, 1040), (115_200, 110_591, 960), (115_200, 57_600, 500),
      (115_200, 76_800, 667), (115_200, 9600, 84), (9600, 14_400, 1500), (9600, 19_200, 2000),
      (9600, 115_200, 3000),
    ] as [(UInt32, UInt32, Int)])
  func bytesAtAnotherRateAreGarbage(sender: UInt32, receiver: UInt32, count: Int) throws {
    var line = try line()
    line.setRates(sender: sender, receiver: receiver, at: 0)
    let zeros = [UInt8](repeating: 0, count: 1000)
    let (bytes, end) = line.carry(zeros)
    #expect((bytes.count - count).magnitude <= 1)
    // Of 1000 random bytes, four are zero on average.
    #expect(bytes.count { $0 == 0 } < 12 + count / 100)
    #expect(end == 1000 * 10_000_000_000 / UInt64(sender))
    #expect(line.statistics.bytesMisread == 1000)
    #expect(isBalanced(line.statistics))
  }

  @Test func aSlowReceiverMakesAByteOfEachThatComesAlone() throws {
    var line = try line()
    line.setRates(sender: 115_200, receiver: 9600, at: 0)
    for index in 0..<10 as Range<UInt64> {
      #expect(line.send([1], at: index * 10_000_000) == 1)
      #expect(line.receive(at: index * 10_000_000 + 86_806).count == 1)
    }
  }

  @Test func misreadingDoesNotMoveTheFaults() throws {
    func run(receiver: UInt32) throws -> [UInt8] {
      var line = try line {
        $0.bitErrorRate = 1e-3
        $0.dropRate = 0.01
        $0.duplicateRate = 0.01
        $0.burst = .init(rate: 1e-3, meanByteCount: 10)
      }
      line.setRates(sender: 115_200, receiver: receiver, at: 0)
      _ = line.carry(sample(1000))
      line.setRates(sender: 115_200, receiver: 115_200, at: 1_000_000_000)
      let bytes = line.carry(sample(4000), from: 1_000_000_000).bytes
      #expect(isBalanced(line.statistics))
      return bytes
    }
    let undisturbed = try run(receiver: 115_200)
    #expect(try run(receiver: 9600) == undisturbed)
    #expect(try run(receiver: 230_400) == undisturbed)
  }

  @Test func theSameSeedReplaysTheSameGarbage() throws {
    func run(seed: UInt64) throws -> [UInt8] {
      var line = try LineDirection(LineConfiguration(), seed: seed)
      line.setRates(sender: 115_200, receiver: 100_000, at: 0)
      return line.carry(sample(2000)).bytes
    }
    #expect(try run(seed: 1) == run(seed: 1))
    #expect(try run(seed: 1) != run(seed: 2))
  }

  @Test func theWireHasRoomForTheHighestRate() throws {
    var line = try line(baudRate: 9600) {
      $0.baudRateLimit = 3_000_000
      $0.latencyNanoseconds = 100_000_000
      $0.transmitBufferByteCount = 100_000
    }
    line.setRates(sender: 3_000_000, receiver: 3_000_000, at: 0)
    #expect(line.send(sample(100_000), at: 0) == 100_000)
    let (bytes, end) = line.carry([])
    #expect(bytes == sample(100_000))
    #expect(end == 100_000 * 10_000_000_000 / 3_000_000 + 100_000_000)
    var configuration = LineConfiguration()
    configuration.baudRateLimit = .max
    configuration.latencyNanoseconds = 600_000_000_000
    #expect(throws: LineConfigurationError.tooMuchInFlight) { try configuration.validate() }
  }
}

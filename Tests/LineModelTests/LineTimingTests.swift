import Testing

@testable import LineModel

@Suite struct LineTimingTests {
  @Test(arguments: [300, 9600, 115_200, 250_001, 921_600, 3_000_000] as [UInt32])
  func bytesTakeTenBitsEachWithoutDrift(baudRate: UInt32) throws {
    var configuration = LineConfiguration()
    configuration.baudRate = baudRate
    var line = try LineDirection(configuration, seed: 0)
    let count = 4 * 4096 + 17
    let (bytes, end) = line.carry(sample(count))
    #expect(bytes == sample(count))
    #expect(end == UInt64(count) * 10_000_000_000 / UInt64(baudRate))
  }

  @Test func everyByteArrivesAtItsOwnTime() throws {
    var line = try LineDirection(LineConfiguration(), seed: 0)
    #expect(line.send(sample(100), at: 1000) == 100)
    for count in 1...100 as ClosedRange<UInt64> {
      let arrival = 1000 + count * 10_000_000_000 / 115_200
      #expect(line.nextArrival == arrival)
      #expect(line.receive(at: arrival - 1) == [])
      #expect(line.receive(at: arrival).count == 1)
    }
    #expect(line.nextArrival == nil)
  }

  @Test func anIdleLineStartsWhenTheByteComes() throws {
    var line = try LineDirection(LineConfiguration(), seed: 0)
    _ = line.carry([1, 2, 3])
    #expect(line.send([4], at: 10_000_000) == 1)
    #expect(line.nextArrival == 10_000_000 + 86_805)
  }

  @Test func latencyDelaysAndKeepsTheRate() throws {
    var configuration = LineConfiguration()
    configuration.latencyNanoseconds = 16_000_000
    var line = try LineDirection(configuration, seed: 0)
    let (_, end) = line.carry(sample(1152))
    #expect(end == 16_000_000 + 100_000_000)
  }

  @Test func coarseStepsGiveTheSameBytesAsFineOnes() throws {
    var configuration = LineConfiguration()
    configuration.dropRate = 0.01
    configuration.jitterNanoseconds = 3_000_000
    var fine = try LineDirection(configuration, seed: 9)
    var coarse = fine
    _ = coarse.send(sample(4000), at: 0)
    let atOnce = coarse.receive(at: 1_000_000_000)
    #expect(fine.carry(sample(4000)).bytes == atOnce)
  }

  @Test func theTransmitBufferPushesBack() throws {
    var configuration = LineConfiguration()
    configuration.transmitBufferByteCount = 100
    var line = try LineDirection(configuration, seed: 0)
    #expect(line.send(sample(300), at: 0) == 100)
    #expect(line.transmitBufferRoom == 0)
    let later = line.timeOfRoom(for: 30)
    #expect(line.send(sample(300), at: later - 1) == 29)
    #expect(line.send(sample(300), at: later) == 1)
    #expect(line.statistics.bytesSent == 130)
  }

  @Test func aReceiverThatWaitsLosesNothing() throws {
    var configuration = LineConfiguration()
    configuration.baudRate = 1_000_000
    configuration.receiver = .waits(byteCount: 16)
    var line = try LineDirection(configuration, seed: 0)
    let bytes = sample(4096)
    #expect(line.send(bytes, at: 0) == 4096)
    var received = line.receive(limit: 10, at: 1_000_000_000)
    var now: UInt64 = 1_000_000_000
    while received.count < bytes.count {
      now += 50_000
      received += line.receive(limit: 7, at: now)
    }
    #expect(received == bytes)
    #expect(line.statistics.bytesOverrun == 0)
  }

  @Test func aFullFIFOLosesWhatArrivesNext() throws {
    var configuration = LineConfiguration()
    configuration.receiver = .overruns(byteCount: 16)
    var line = try LineDirection(configuration, seed: 0)
    #expect(line.send(sample(40), at: 0) == 40)
    #expect(line.receive(at: 1_000_000_000) == Array(sample(40)[..<16]))
    #expect(line.statistics.bytesOverrun == 24)
    #expect(line.send([7], at: 1_000_000_000) == 1)
    #expect(line.receive(at: 2_000_000_000) == [7])
  }

  @Test func aBatchLeavesWhenItIsFullOrItsTimerEnds() throws {
    var configuration = LineConfiguration()
    configuration.baudRate = 1_000_000
    configuration.batch = .init()
    var line = try LineDirection(configuration, seed: 0)
    #expect(line.send(sample(70), at: 0) == 70)
    #expect(line.nextArrival == 10_000)  // the first byte ends; it may not arrive sooner
    #expect(line.receive(at: 10_000) == [])
    #expect(line.nextArrival == 620_000)  // 62 bytes fill the packet
    #expect(line.receive(at: 619_999) == [])
    #expect(line.receive(at: 620_000).count == 62)
    #expect(line.receive(at: 700_000) == [])
    #expect(line.nextArrival == 630_000 + 16_000_000)
    #expect(line.receive(at: 16_630_000) == Array(sample(70)[62...]))
  }

  @Test func aBatchThatACoarseStepOutranIsKept() throws {
    var configuration = LineConfiguration()
    configuration.batch = .init(timerNanoseconds: 1_000_000, byteCount: 62)
    var line = try LineDirection(configuration, seed: 0)
    #expect(line.carry(sample(5000)).bytes == sample(5000))
  }

  @Test func jitterDelaysWithinItsBoundAndKeepsOrder() throws {
    var configuration = LineConfiguration()
    configuration.jitterNanoseconds = 5_000_000
    var line = try LineDirection(configuration, seed: 3)
    var now: UInt64 = 0
    var delays: Set<UInt64> = []
    for byte in 0..<100 as Range<UInt8> {
      #expect(line.send([byte], at: now) == 1)
      let end = now + 86_805
      #expect(line.receive(at: end - 1) == [])
      #expect(line.receive(at: end + 5_000_000) == [byte])
      now += 10_000_000
      delays.insert(line.nextArrival ?? 0)
    }
    #expect(line.carry(sample(2000), from: now).bytes == sample(2000))
  }
}

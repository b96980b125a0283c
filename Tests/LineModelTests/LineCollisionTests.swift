import Testing

@testable import LineModel

@Suite struct LineCollisionTests {
  private static let bytes = [UInt8](repeating: 0x55, count: 100)

  /// Two directions, a byte a microsecond.
  private func lines() throws -> (LineDirection, LineDirection) {
    var configuration = LineConfiguration()
    configuration.baudRate = 10_000_000
    return (
      try LineDirection(configuration, seed: 1), try LineDirection(configuration, seed: 2)
    )
  }

  /// The numbers of the bytes in `received` that are not what was sent, from 1.
  private func garbled(_ received: [UInt8]) -> [Int] {
    #expect(received.count == Self.bytes.count)
    return received.indices.filter { received[$0] != 0x55 }.map { $0 + 1 }
  }

  @Test func bytesOnTheWireDuringANoiseAreGarbled() throws {
    var (line, _) = try lines()
    // By chance, none of these is what was sent.
    line.garble(during: 30_000..<40_000)
    line.garble(during: 10_000..<12_000)
    line.garble(during: 35_000..<42_000)
    line.garble(during: 11_000..<13_000)
    #expect(line.send(Self.bytes, at: 0) == 100)
    #expect(garbled(line.receive(at: 100_000)) == Array(10...12) + Array(30...41))
    #expect(line.statistics.bytesGarbled == 15)
    #expect(line.statistics.bytesReceived == 100)
  }

  @Test func bytesThatOverlapAreGarbledBothWays() throws {
    var (there, back) = try lines()
    #expect(there.send(Self.bytes, at: 0) == 100)
    there.collide(with: &back, at: 0)
    #expect(back.send(Array(Self.bytes[..<20]), at: 10_500) == 20)
    back.collide(with: &there, at: 10_500)
    #expect(back.receive(at: 200_000).count == 20)
    #expect(back.statistics.bytesGarbled == 20)
    // From the byte on the wire when the other began, to the one when it ended at 30.5 µs.
    #expect(garbled(there.receive(at: 200_000)) == Array(11...31))
  }

  @Test func theSameTimeCollidesAllAndOnlyThat() throws {
    var (there, back) = try lines()
    #expect(there.send(Self.bytes, at: 5000) == 100)
    #expect(back.send(Self.bytes, at: 5000) == 100)
    there.collide(with: &back, at: 5000)
    #expect(there.receive(at: 105_000).count == 100)
    #expect(there.statistics.bytesGarbled == 100)
    #expect(back.receive(at: 105_000).count == 100)
    #expect(back.statistics.bytesGarbled == 100)
    #expect(there.send(Self.bytes, at: 105_000) == 100)
    there.collide(with: &back, at: 105_000)
    #expect(there.receive(at: 205_000) == Self.bytes)
  }

  @Test func anAnswerAtTheEndDoesNotCollide() throws {
    var (there, back) = try lines()
    #expect(there.send(Self.bytes, at: 0) == 100)
    #expect(there.transmitEnd == 100_000)
    #expect(back.send(Self.bytes, at: 100_000) == 100)
    back.collide(with: &there, at: 100_000)
    #expect(there.receive(at: 300_000) == Self.bytes)
    #expect(back.receive(at: 300_000) == Self.bytes)
    #expect(there.transmitEnd == nil)
  }

  @Test func whatIsAddedToASendingCollidesToo() throws {
    var (there, back) = try lines()
    #expect(there.send(Array(Self.bytes[..<10]), at: 0) == 10)
    #expect(back.send(Self.bytes, at: 5500) == 100)
    back.collide(with: &there, at: 5500)
    #expect(there.send(Array(Self.bytes[10...]), at: 8000) == 90)
    there.collide(with: &back, at: 8000)
    #expect(there.receive(at: 200_000).prefix(5).elementsEqual(Self.bytes[..<5]))
    #expect(there.statistics.bytesGarbled == 95)
    _ = back.receive(at: 200_000)
    #expect(back.statistics.bytesGarbled == 95)
  }

  @Test func withoutALimitOfRateNothingCollides() throws {
    var there = try faulty { _ in }
    var back = there
    #expect(there.send(Self.bytes, at: 0) == 100)
    #expect(back.send(Self.bytes, at: 0) == 100)
    there.collide(with: &back, at: 0)
    #expect(there.receive(at: 0) == Self.bytes)
  }

  @Test func collisionsDoNotMoveTheFaults() throws {
    var quiet = try faulty {
      $0.baudRate = 10_000_000
      $0.dropRate = 0.01
      $0.bitErrorRate = 0.01
    }
    var garbled = quiet
    garbled.garble(during: 0..<1_000_000)
    let expected = quiet.carry(sample(5000)).bytes
    #expect(garbled.carry(sample(5000)).bytes.suffix(3900) == expected.suffix(3900))
    #expect(garbled.statistics.bytesDropped == quiet.statistics.bytesDropped)
    #expect(garbled.statistics.bitsFlipped == quiet.statistics.bitsFlipped)
  }
}

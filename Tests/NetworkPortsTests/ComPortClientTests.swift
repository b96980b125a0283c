import Testing

@testable import NetworkPorts

@Suite struct ComPortClientTests {
  private static let iac: UInt8 = 255
  private static let (will, wont, doIt, dont): (UInt8, UInt8, UInt8, UInt8) = (251, 252, 253, 254)

  private static func answer(_ command: UInt8, _ value: [UInt8]) -> [UInt8] {
    var wire: [UInt8] = []
    Telnet.append(subnegotiationOf: 44, [command] + value, to: &wire)
    return wire
  }

  /// Hands bytes to a client and answers the data that come out.
  private static func feed(_ client: inout ComPortClient, _ bytes: [UInt8]) -> [UInt8] {
    var data: [UInt8] = []
    client.receive(bytes.span, into: &data)
    return data
  }

  /// The negotiations in what a client says.
  private static func said(_ client: inout ComPortClient) -> [[UInt8]] {
    defer { client.output.removeAll() }
    return stride(from: 0, to: client.output.count, by: 3).map {
      Array(client.output[$0..<min($0 + 3, client.output.count)])
    }
  }

  private static func agreed() -> ComPortClient {
    var client = ComPortClient()
    client.begin()
    for option in [0, 3, 44] as [UInt8] {
      _ = feed(&client, [iac, doIt, option, iac, will, option])
    }
    client.output.removeAll()
    return client
  }

  @Test func optionsAreAskedForOnce() {
    var client = ComPortClient()
    client.begin()
    #expect(
      Self.said(&client) == [
        [Self.iac, Self.will, 0], [Self.iac, Self.will, 3], [Self.iac, Self.will, 44],
        [Self.iac, Self.doIt, 0], [Self.iac, Self.doIt, 3],
      ])
    #expect(client.takesCommands == nil)
    #expect(client.isBinary == nil)
    _ = Self.feed(&client, [Self.iac, Self.doIt, 44, Self.iac, Self.doIt, 0])
    #expect(client.takesCommands == true)
    #expect(client.isBinary == nil)
    _ = Self.feed(&client, [Self.iac, Self.will, 0])
    #expect(client.isBinary == true)
    // Neither these answers nor their repetition are answered.
    _ = Self.feed(&client, [Self.iac, Self.doIt, 44, Self.iac, Self.will, 0])
    #expect(client.output == [])
  }

  @Test func whatAServerOffersFirstIsNotAskedForAgain() {
    var client = ComPortClient()
    // ser2net's greeting.
    let greeting: [UInt8] = [
      255, 251, 3, 255, 253, 3, 255, 251, 1, 255, 254, 1, 255, 253, 0, 255, 251, 0, 255, 253, 44,
    ]
    _ = Self.feed(&client, greeting)
    #expect(
      Self.said(&client) == [
        [255, 253, 3], [255, 251, 3], [255, 254, 1], [255, 251, 0], [255, 253, 0], [255, 251, 44],
      ])
    client.begin()
    #expect(client.output == [])
    #expect(client.takesCommands == true)
    #expect(client.isBinary == true)
  }

  @Test func refusalsAreUnderstood() {
    var client = ComPortClient()
    client.begin()
    _ = Self.feed(&client, [Self.iac, Self.dont, 44])
    #expect(client.takesCommands == false)
    _ = Self.feed(&client, [Self.iac, Self.wont, 0])
    #expect(client.isBinary == false)
  }

  @Test func otherOptionsAreRefused() {
    var client = Self.agreed()
    _ = Self.feed(&client, [Self.iac, Self.doIt, 24, Self.iac, Self.will, 1])
    #expect(Self.said(&client) == [[Self.iac, Self.wont, 24], [Self.iac, Self.dont, 1]])
  }

  @Test func commandsAreEscaped() {
    var client = Self.agreed()
    client.ask(.setBaudRate, [0, 255, 240, 0])
    #expect(client.output == [255, 250, 44, 1, 0, 255, 255, 240, 0, 255, 240])
  }

  @Test func theAnswerIsThatToTheCommand() {
    var client = Self.agreed()
    client.ask(.setDataSize, [8])
    #expect(client.answer == nil)
    // News, and an answer that is none to this.
    _ = Self.feed(&client, Self.answer(107, [0xFF]) + Self.answer(103, [1]))
    #expect(client.answer == nil)
    _ = Self.feed(&client, Self.answer(102, [8]))
    #expect(client.answer == [8])
    // One that comes late is not that to the next.
    client.ask(.setParity, [1])
    _ = Self.feed(&client, Self.answer(102, [8]))
    #expect(client.answer == nil)
  }

  @Test func answersOfAnyLengthAreNoHarm() {
    var client = Self.agreed()
    client.ask(.setBaudRate, [0, 0, 1, 2])
    let wires: [[UInt8]] = [
      [255, 250, 44, 255, 240], [255, 250, 255, 240], [255, 250, 1, 101, 255, 240],
    ]
    for wire in wires {
      #expect(Self.feed(&client, wire) == [])
    }
    #expect(client.answer == nil)
    _ = Self.feed(&client, Self.answer(101, []))
    #expect(client.answer == [])
  }

  @Test func aServerMaySuspendTheClient() {
    var client = Self.agreed()
    _ = Self.feed(&client, Self.answer(108, []))
    #expect(client.isSuspended)
    _ = Self.feed(&client, Self.answer(109, []))
    #expect(!client.isSuspended)
  }

  @Test func bytesMayBeCutAnywhere() {
    let wire: [UInt8] =
      [1, 255, 255, 13] + Self.answer(102, [8]) + [255, 253, 24, 2] + Self.answer(101, [255, 0])
    for cut in 0...wire.count {
      var client = Self.agreed()
      client.ask(.setDataSize, [8])
      client.output.removeAll()
      let data = Self.feed(&client, Array(wire[..<cut])) + Self.feed(&client, Array(wire[cut...]))
      #expect(data == [1, 255, 13, 2])
      #expect(client.answer == [8])
      #expect(client.output == [Self.iac, Self.wont, 24])
    }
  }
}

import LineModel
import Testing

@testable import NetworkPorts

@Suite struct TelnetDecoderTests {
  /// What comes out of a decoder for bytes.
  private struct Decoded: Equatable {
    var data: [UInt8] = []
    var commands: [TelnetDecoder.Command] = []

    init(_ bytes: [UInt8]) {
      var decoder = TelnetDecoder()
      for byte in bytes {
        if let command = decoder.decode(byte, into: &data) { commands.append(command) }
      }
    }
  }

  @Test func dataPassAsTheyAre() {
    let bytes = [UInt8](0...254)
    #expect(Decoded(bytes).data == bytes)
    #expect(Decoded(bytes).commands == [])
  }

  @Test func escapedDataComeBack() {
    for count in 0...5 {
      var data = [UInt8](repeating: 255, count: count)
      data += [13, 0, 10, 240, 250] + data
      var wire: [UInt8] = []
      Telnet.append(data.span, to: &wire)
      #expect(Decoded(wire).data == data)
      #expect(Decoded(wire).commands == [])
    }
  }

  @Test func negotiationsAreTold() {
    let decoded = Decoded([1, 255, 251, 0, 2, 255, 252, 1, 255, 253, 255, 255, 254, 44, 3])
    #expect(decoded.data == [1, 2, 3])
    #expect(
      decoded.commands == [
        .negotiation(.will, option: 0), .negotiation(.wont, option: 1),
        .negotiation(.doIt, option: 255), .negotiation(.dont, option: 44),
      ])
  }

  @Test func subnegotiationsAreUnescaped() {
    var wire: [UInt8] = [7]
    Telnet.append(subnegotiationOf: 44, [101, 255, 0, 255, 240], to: &wire)
    let decoded = Decoded(wire + [8])
    #expect(decoded.data == [7, 8])
    #expect(decoded.commands == [.subnegotiation([44, 101, 255, 0, 255, 240])])
  }

  @Test func commandsOfTwoBytesMeanNothing() {
    // From End of Record to Go Ahead, but for the beginning of a subnegotiation and the verbs.
    let wire = (239...249 as ClosedRange<UInt8>).flatMap { [255, $0, 1] as [UInt8] }
    #expect(Decoded(wire).data == [UInt8](repeating: 1, count: 11))
    #expect(Decoded(wire).commands == [])
  }

  @Test func aSubnegotiationWithoutItsEndSwallowsNothingBehindTheNextCommand() {
    let decoded = Decoded([255, 250, 44, 101, 0, 255, 251, 3, 9])
    #expect(decoded.commands == [.negotiation(.will, option: 3)])
    #expect(decoded.data == [9])
    let twice = Decoded([255, 250, 44, 101, 255, 250, 44, 102, 8, 255, 240])
    #expect(twice.commands == [.subnegotiation([44, 102, 8])])
  }

  @Test func emptySubnegotiationsAndStrayEndsAreSkipped() {
    let decoded = Decoded([255, 250, 255, 240, 255, 240, 5])
    #expect(decoded.commands == [])
    #expect(decoded.data == [5])
  }

  @Test func aSubnegotiationBeyondTheLimitIsSkippedWhole() {
    let limit = TelnetDecoder.subnegotiationByteCountLimit
    for (count, isTold) in [(limit, true), (limit + 1, false), (100_000, false)] {
      let content = [UInt8](repeating: 44, count: count)
      let decoded = Decoded([255, 250] + content + [255, 240, 6])
      #expect(decoded.commands == (isTold ? [.subnegotiation(content)] : []))
      #expect(decoded.data == [6])
    }
  }

  @Test func theEndMayComeAnywhere() {
    let wire: [UInt8] = [1, 255, 255, 255, 253, 0, 255, 250, 44, 255, 255, 255, 240, 2]
    let whole = Decoded(wire)
    for count in 0..<wire.count {
      let part = Decoded(Array(wire[..<count]))
      #expect(whole.data.starts(with: part.data))
      #expect(whole.commands.starts(with: part.commands, by: ==))
    }
  }

  @Test(arguments: 0..<64) func garbageLeavesADecoderThatRecovers(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    var wire = (0..<2000).map { _ in
      // Every third byte is one that means something.
      UInt8.random(in: 0...2, using: &random) == 0
        ? UInt8.random(in: 239...255, using: &random) : UInt8.random(in: 0...255, using: &random)
    }
    // Whatever state that left: an end, and a byte that is neither option nor command.
    wire += [1, 255, 240, 1, 42, 43]
    #expect(Decoded(wire).data.suffix(2) == [42, 43])
  }
}

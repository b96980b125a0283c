import Testing

@testable import Streaming

struct MilestoneTests {
  private static let tiers: [Milestone.Tier] =
    [.small, .fine, .complete] + (1...63).map { .planes($0) }

  @Test(arguments: tiers)
  func everyTierArrives(_ tier: Milestone.Tier) throws {
    for decibels in [nil, 0, 1, 43, 254] as [Int?] {
      let milestone = Milestone(tier, signalToNoise: decibels)
      let body = milestone.encoded()
      #expect(body.count == 2)
      #expect(try Milestone(parsing: body) == milestone)
      // What a later revision says besides.
      #expect(try Milestone(parsing: body + [1, 2, 3]) == milestone)
    }
  }

  @Test func noTwoTiersAreTheSameOnTheWire() {
    let codes = Set(Self.tiers.map { Milestone($0).encoded() })
    #expect(codes.count == Self.tiers.count)
  }

  @Test func everyOtherBodyIsRefused() {
    for code in 66...255 as ClosedRange<UInt8> {
      #expect(throws: RecordError.unknownKind(code)) { try Milestone(parsing: [code, 255]) }
    }
    #expect(throws: RecordError.truncated) { try Milestone(parsing: []) }
    #expect(throws: RecordError.truncated) { try Milestone(parsing: [64]) }
  }

  @Test func decibelsStayWithinAByte() {
    #expect(Milestone(.fine, signalToNoise: -3).signalToNoise == 0)
    #expect(Milestone(.fine, signalToNoise: 1000).signalToNoise == 254)
    #expect(Milestone(.fine).signalToNoise == nil)
    #expect(Milestone(.planes(1000)).encoded()[0] == 63)
  }

  @Test func tiersHaveTheNamesOfIntegersAsGood() {
    let tiers: [Milestone.Tier] = [.small, .fine, .complete]
    let names = tiers.map { "\(Milestone($0).name)" }
    #expect(names == ["small", "fine", "complete"])
    for count in 1...7 { #expect("\(Milestone(.planes(count)).name)" == "int\(count + 1)") }
    #expect("\(Milestone(.planes(8)).name)" == "planes")
  }
}

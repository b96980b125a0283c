import LinkSimulator
import Testing

/// Seeds of `Scripts/seeds` that have failed; all before models came in planes.
struct NamedSeedTests {
  /// Both ends of a half-duplex line repeated what had collided, at the same times, for ever.
  @Test(arguments: [300, 417, 588, 1739, 2098, 2418, 5011, 5269, 7469, 9618] as [UInt64])
  func endsOfAHalfDuplexLineDoNotCollideForEver(seed: UInt64) throws {
    let problem = try DrawnRun(drawnFrom: seed, isCoded: false).problem()
    #expect(problem == nil)
  }

  /// A delimiter in front of a frame had garbage answered, and the answer made the frame garbage.
  @Test(arguments: [993, 4305] as [UInt64])
  func answersToGarbageDoNotMakeGarbageForEver(seed: UInt64) throws {
    let problem = try DrawnRun(drawnFrom: seed, isCoded: false).problem()
    #expect(problem == nil)
  }

  /// An outage at the very end outlasted the receiver's last word.
  @Test func lastWordOutlastsAnOutage() throws {
    let problem = try DrawnRun(drawnFrom: 4286, isCoded: false).problem()
    #expect(problem == nil)
  }

  /// Data always went out before the line was free, and answers waited until it was.
  @Test(arguments: [4301, 8741] as [UInt64])
  func answersAreNotStarvedByData(seed: UInt64) throws {
    let problem = try DrawnRun(drawnFrom: seed, isCoded: false).problem()
    #expect(problem == nil)
  }
}

import Streaming
import Testing

@testable import Runtime

struct TierMarksTests {
  @Test func milestonesFollowWhatIsAcknowledged() {
    var marks = TierMarks()
    let milestones = [Milestone(.small), Milestone(.planes(1)), Milestone(.complete)]
    marks.note(milestones[0], stream: 100)
    marks.note(milestones[1], stream: 100)
    marks.note(milestones[2], stream: 300)
    #expect(marks.pass(stream: 99).isEmpty && marks.last == nil)
    let passed = marks.pass(stream: 150)
    #expect(passed.map(\.milestone) == Array(milestones[..<2]))
    // Where they are, not where the stream is when it is told.
    #expect(passed.map(\.stream) == [100, 100])
    #expect(marks.last == milestones[1])
    #expect(marks.pass(stream: 299).isEmpty && marks.last == milestones[1])
    #expect(marks.pass(stream: 400).map(\.milestone) == [milestones[2]])
    #expect(marks.pass(stream: 500).isEmpty && marks.last == milestones[2])
  }
}

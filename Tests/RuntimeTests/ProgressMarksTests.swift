import Testing

@testable import Runtime

struct ProgressMarksTests {
  @Test func contentFollowsWhatIsAcknowledged() {
    var marks = ProgressMarks()
    marks.note(stream: 100, content: 1000)
    marks.note(stream: 100, content: 1200)
    marks.note(stream: 300, content: 1600)
    #expect(marks.content(atStream: 0) == 0)
    #expect(marks.content(atStream: 50) == 500)
    #expect(marks.content(atStream: 100) == 1200)
    #expect(marks.content(atStream: 200) == 1400)
    #expect(marks.content(atStream: 300) == 1600)
    #expect(marks.content(atStream: 400) == 1600)
  }
}

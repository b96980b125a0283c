internal import Streaming

/// Where milestones are in the stream: what is queued in the link is fed and not yet there, and on a
/// slow line that is seconds of it.
struct TierMarks {
  typealias Mark = (stream: Int, milestone: Milestone)

  // Ahead of what has been acknowledged; ascending.
  private var marks: [Mark] = []
  /// The last one that is through.
  private(set) var last: Milestone?

  mutating func note(_ milestone: Milestone, stream: Int) { marks.append((stream, milestone)) }

  /// One that was through before.
  mutating func passed(_ milestone: Milestone) { last = milestone }

  /// The milestones that are newly through with so many bytes of the stream, and their places in it.
  mutating func pass(stream: Int) -> [Mark] {
    var passed: [Mark] = []
    while let mark = marks.first, mark.stream <= stream {
      passed.append(mark)
      marks.removeFirst()
    }
    last = passed.last?.milestone ?? last
    return passed
  }
}

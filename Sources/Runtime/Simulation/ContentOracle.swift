internal import Streaming

/// Knows what a receiver has to be given: the coded stream and the packed contents that a second source
/// makes of the same checkpoint.
struct ContentOracle: ~Copyable {
  private let source: ModelSource
  private let model: ModelPlan
  private var stream: ModelStream
  // Contents that the source has made and nobody has been given yet.
  private var expected: [UInt8] = []
  // 0 <= position <= expected.count
  private var position = 0
  /// Bytes that were given to the receiver since the beginning of the stream.
  private(set) var deliveredByteCount = 0
  /// Bytes that were wrong, of all streams.
  private(set) var wrongByteCount = 0

  init(_ source: ModelSource, _ model: ModelPlan) {
    self.source = source
    self.model = model
    stream = ModelStream(source, model)
  }

  /// A sender begins anew.
  mutating func restart() {
    stream = ModelStream(source, model)
    expected = []
    position = 0
    deliveredByteCount = 0
  }

  /// Compares the next bytes; those behind the end of all contents are wrong.
  mutating func compare(_ bytes: Span<UInt8>) throws {
    for index in bytes.indices {
      if position == expected.count { try refill() }
      if position < expected.count, expected[position] == bytes[index] {
        position += 1
      } else {
        wrongByteCount += 1
        position = min(position + 1, expected.count)
      }
    }
    deliveredByteCount += bytes.count
  }

  /// Bytes that are still to come.
  mutating func remainingByteCount() throws -> Int {
    var count = expected.count - position
    while !stream.isFinished {
      try refill()
      count += expected.count
    }
    return count
  }

  /// Takes the next content from the source; none at the end.
  private mutating func refill() throws {
    expected = []
    position = 0
    while expected.isEmpty, !stream.isFinished {
      switch try stream.next() {
      case .content(let bytes), .coded(let bytes): expected = bytes
      case .begin, .end, .milestone, .finish, nil: break
      }
    }
  }
}

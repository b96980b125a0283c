internal import Streaming

/// The question which tensors a receiver holds, and its answer, which comes in a record for each of the
/// question's.
struct TensorComparison {
  // What was asked, and what has been answered: answers.count <= count.
  private let count: Int
  private var answers: [Bool] = []

  /// Nothing is asked.
  init() { count = 0 }

  /// So many tensors are asked about.
  init(count: Int) { self.count = count }

  /// Takes the next part of the answer; all of it once that is complete.
  ///
  /// - Throws: `RecordError` where nothing was asked, or the part is not of the size that is due.
  mutating func take(_ body: [UInt8]) throws(RecordError) -> [Bool]? {
    guard answers.count < count else { throw .unexpected(.held) }
    answers += try DigestPrefix.parse(
      bits: body, count: min(count - answers.count, DigestPrefix.perRecord))
    return answers.count == count ? answers : nil
  }
}

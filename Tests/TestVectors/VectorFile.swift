import Foundation

/// A file of golden vectors in `Tests/Vectors`, which `Scripts/make_vectors.py` has made.
package struct VectorFile {
  /// One vector: the columns of a line.
  package struct Line: CustomStringConvertible, Sendable {
    private let columns: [Substring]
    /// The place in the file, from 1.
    package let number: Int

    fileprivate init(_ text: Substring, number: Int) {
      columns = text.split(separator: " ")
      self.number = number
    }

    package var description: String {
      "line \(number): \(columns.joined(separator: " ").prefix(60))"
    }

    package var columnCount: Int { columns.count }

    /// A column that is a word.
    package func word(_ index: Int) -> String { String(columns[index]) }

    /// A column of bytes.
    package func bytes(_ index: Int) throws -> [UInt8] {
      guard let text = present(index) else { return [] }
      let digits = Array(text.utf8)
      guard digits.count % 2 == 0 else { throw Malformed(line: number, column: index) }
      return try stride(from: 0, to: digits.count, by: 2).map { offset in
        guard
          let byte = UInt8(String(decoding: digits[offset...offset + 1], as: UTF8.self), radix: 16)
        else { throw Malformed(line: number, column: index) }
        return byte
      }
    }

    /// A column of one number; nil where there is none.
    package func number<Number: FixedWidthInteger>(_ index: Int, _: Number.Type) throws -> Number? {
      guard let text = present(index) else { return nil }
      return try parse(text, index)
    }

    /// A column of one number, which is there.
    package func number<Number: FixedWidthInteger>(_ index: Int) throws -> Number {
      try parse(columns[index], index)
    }

    /// A column of any count of numbers.
    package func numbers(_ index: Int) throws -> [Int] {
      try present(index)?.split(separator: ",").map { try parse($0, index) } ?? []
    }

    private func present(_ index: Int) -> Substring? {
      columns[index] == "-" ? nil : columns[index]
    }

    private func parse<Number: FixedWidthInteger>(_ text: Substring, _ index: Int) throws -> Number
    {
      guard let number = Number(text, radix: 16) else {
        throw Malformed(line: self.number, column: index)
      }
      return number
    }
  }

  /// A column that is not what the test takes it for.
  package struct Malformed: Error {
    let line: Int
    let column: Int
  }

  /// The vectors in order.
  package let lines: [Line]

  /// Reads `Tests/Vectors/NAME.txt`.
  package init(_ name: String) throws {
    let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    let path = folder.appending(path: "Vectors/\(name).txt")
    let text = try String(contentsOf: path, encoding: .utf8)
    lines = text.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
      .filter { !$0.element.isEmpty && !$0.element.hasPrefix("#") }
      .map { Line($0.element, number: $0.offset + 1) }
  }
}
